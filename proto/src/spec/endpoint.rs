//! How a service is reached.

mod options;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::options::EndpointOption;
pub use self::options::EndpointOptionError;
pub use self::options::EndpointOptions;
pub use self::options::Sticky;
use super::HttpRoute;
use super::is_default;

/// How a service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointSpec {
    /// By one virtual address, or by the addresses of all tasks.
    pub mode: EndpointMode,
    /// The ports that nodes answer on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
    /// How connections are spread, as `{"scheduler": "sh", "sticky": "10m"}`. Not in Docker's API: absent if nothing is asked for.
    ///
    /// In an update absence stands for what the service has, as the clients that Docker's API was made for drop what they do
    /// not know; `{}` takes everything back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<EndpointOptions>,
    /// Which HTTP requests the service answers. Not in Docker's API: absent if it answers none. In an update absence stands for what the
    /// service has, and `[]` takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Vec<HttpRoute>>,
}

impl EndpointSpec {
    /// Takes over from `old` what this spec, which is to replace it, says nothing about beyond Docker's API.
    pub fn keep_extensions(&mut self, old: &Self) {
        self.options = self.options.or(old.options);
        if self.http.is_none() {
            self.http.clone_from(&old.http);
        }
    }

    /// Drops what asks for nothing, which is what Docker's API has a form for.
    pub(crate) fn drop_empty_extensions(&mut self) {
        self.options.take_if(|options| *options == EndpointOptions::default());
        self.http.take_if(|rules| rules.is_empty());
    }
}

/// What the name of a service stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndpointMode {
    /// One virtual address per network.
    #[default]
    #[serde(alias = "")]
    Vip,
    /// The addresses of all tasks.
    DnsRr,
}

/// One published port.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortConfig {
    /// A name for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The protocol.
    pub protocol: PortProtocol,
    /// The port in the container.
    pub target_port: u16,
    /// The port on the node; 0 lets the cluster choose one.
    #[serde(skip_serializing_if = "is_default")]
    pub published_port: u16,
    /// Whether every node answers, or only those that run a task.
    pub publish_mode: PublishMode,
}

/// The protocol of a port.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// TCP.
    #[default]
    #[serde(alias = "")]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl PortProtocol {
    /// The name in the API and in nftables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// Who answers on a published port.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PublishMode {
    /// Every node (the routing mesh).
    #[default]
    #[serde(alias = "")]
    Ingress,
    /// The nodes that run a task, directly.
    Host,
}
