//! On which nodes a task may run, and how one of them is chosen.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_default;

/// On which nodes a task may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Placement {
    /// All have to hold, such as `node.role==manager`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// What to spread over, the most important first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferences: Vec<PlacementPreference>,
    /// How many tasks of the service one node may run; 0 means any number.
    #[serde(skip_serializing_if = "is_default")]
    pub max_replicas: u64,
    /// The platforms the image is made for; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// How one of the nodes that fit is chosen: `spread`, `binpack`, `random` or `usage`. Not in Docker's API. Absent: as the cluster says. In an
    /// update absence stands for what the service has, and an empty text takes it back.
    // A text, so that a manager that does not know the name yet reads the record of one that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// An expression that has to hold on a node, such as `node.free.memory > 1e9`. Not in Docker's API. In an update absence stands for
    /// what the service has, and an empty text takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// An expression that is a number, such as `node.free.cpus`: of the nodes that fit the one where it is greatest is chosen. Not in
    /// Docker's API. In an update absence stands for what the service has, and an empty text takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// Services whose tasks have to be, or with `soft:` should be, where a task is placed: as `service==db over node.labels.zone`. Not in
    /// Docker's API. In an update absence stands for what the service has, and an empty list takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Vec<String>>,
    /// Services whose tasks must not, or with `soft:` should not, be where a task is placed. As `Affinity` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anti_affinity: Option<Vec<String>>,
    /// `stay`: a task goes to the node where the one before it in its slot was, which has its volumes. Not in Docker's API. Absent: to any node.
    /// In an update absence stands for what the service has, and an empty text takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<String>,
    /// `auto`: tasks are moved to nodes that have become better, without being told. Not in Docker's API. Absent: a task keeps its node.
    /// In an update absence stands for what the service has, and an empty text takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<String>,
}

impl Placement {
    /// Whether it asks for something beyond Docker's API.
    #[must_use]
    pub const fn has_extensions(&self) -> bool {
        self.strategy.is_some()
            || self.filter.is_some()
            || self.score.is_some()
            || self.affinity.is_some()
            || self.anti_affinity.is_some()
            || self.volumes.is_some()
            || self.rebalance.is_some()
    }

    /// Takes over from `old` those members beyond Docker's API that this placement says nothing about.
    pub fn keep_extensions(&mut self, old: &Self) {
        let old_texts = old.texts();
        for (own, old) in self.texts_mut().into_iter().zip(old_texts) {
            if own.is_none() {
                own.clone_from(old);
            }
        }
        if self.affinity.is_none() {
            self.affinity.clone_from(&old.affinity);
        }
        if self.anti_affinity.is_none() {
            self.anti_affinity.clone_from(&old.anti_affinity);
        }
    }

    /// Drops those of these members that ask for nothing, which is what Docker's API has a form for.
    pub(crate) fn drop_empty_extensions(&mut self) {
        for own in self.texts_mut() {
            own.take_if(|text| text.is_empty());
        }
        for rules in [&mut self.affinity, &mut self.anti_affinity] {
            rules.take_if(|rules| rules.is_empty());
        }
    }

    /// Those of these members that are texts.
    const fn texts(&self) -> [&Option<String>; 5] {
        [&self.strategy, &self.filter, &self.score, &self.volumes, &self.rebalance]
    }

    const fn texts_mut(&mut self) -> [&mut Option<String>; 5] {
        let Self { strategy, filter, score, volumes, rebalance, .. } = self;
        [strategy, filter, score, volumes, rebalance]
    }
}

/// How a node is chosen among those that can run a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The one with the fewest tasks of the service, then the fewest in all.
    #[default]
    Spread,
    /// The one of which the largest share is reserved, then the one with the most tasks.
    Binpack,
    /// One by chance, which the id of the service and the slot of the task decide.
    Random,
    /// The one that is the least in use, by what is reserved and by what is measured.
    Usage,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Spread, Self::Binpack, Self::Random, Self::Usage];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Binpack => "binpack",
            Self::Random => "random",
            Self::Usage => "usage",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such strategy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown placement strategy {0:?}: spread, binpack, random and usage are known")]
pub struct UnknownStrategy(String);

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        let found = Self::ALL.into_iter().find(|strategy| strategy.as_str() == name);
        found.ok_or_else(|| UnknownStrategy(name.to_owned()))
    }
}

/// What placing a task has to do with its volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volumes {
    /// The task goes where they are.
    Stay,
}

impl Volumes {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stay => "stay",
        }
    }
}

/// There is no such way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown placement of volumes {0:?}: stay is known")]
pub struct UnknownVolumes(String);

impl FromStr for Volumes {
    type Err = UnknownVolumes;

    fn from_str(name: &str) -> Result<Self, UnknownVolumes> {
        let is_known = name == Self::Stay.as_str();
        is_known.then_some(Self::Stay).ok_or_else(|| UnknownVolumes(name.to_owned()))
    }
}

/// When tasks are moved to nodes that have become better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// By themselves.
    Auto,
}

impl Rebalance {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
        }
    }
}

/// There is no such mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode of rebalancing {0:?}: auto is known")]
pub struct UnknownRebalance(String);

impl FromStr for Rebalance {
    type Err = UnknownRebalance;

    fn from_str(name: &str) -> Result<Self, UnknownRebalance> {
        let is_known = name == Self::Auto.as_str();
        is_known.then_some(Self::Auto).ok_or_else(|| UnknownRebalance(name.to_owned()))
    }
}

/// One preference of a placement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct PlacementPreference {
    /// Spread evenly over the values of a label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<SpreadOver>,
}

/// The label to spread over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SpreadOver {
    /// `node.labels.X` or `engine.labels.X`.
    pub spread_descriptor: String,
}

/// An operating system on a processor architecture. Empty members match all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Platform {
    /// As `x86_64` or `amd64`; the two are the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// As `linux`.
    #[serde(rename = "OS", skip_serializing_if = "String::is_empty")]
    pub os: String,
}
