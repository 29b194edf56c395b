//! What an operator decides about a node.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Labels;

/// What an operator decides about a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeSpec {
    /// A name besides its host name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Labels, for placement.
    pub labels: Labels,
    /// The role it should have.
    pub role: NodeRole,
    /// Whether it gets tasks.
    pub availability: Availability,
}

/// Whether a node takes part in deciding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// It runs tasks.
    #[default]
    #[serde(alias = "")]
    Worker,
    /// It runs tasks and keeps the cluster state.
    Manager,
}

impl NodeRole {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Manager => "manager",
        }
    }
}

/// Whether a node gets tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// It gets tasks.
    #[default]
    #[serde(alias = "")]
    Active,
    /// It keeps those it has and gets no new ones.
    Pause,
    /// Its tasks move elsewhere.
    Drain,
}

impl Availability {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pause => "pause",
            Self::Drain => "drain",
        }
    }
}
