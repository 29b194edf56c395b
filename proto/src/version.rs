//! Counters that tell which write something comes from. All of them are raft log indexes.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// Which write last touched an object: the raft index of the entry. The `Version` of the Docker API, which every
/// update has to quote, so that two clients cannot overwrite each other's change.
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
#[serde(rename_all = "PascalCase")]
pub struct Version {
    /// The raft index.
    pub index: u64,
}

impl Version {
    /// The version of an object that has not been written yet.
    pub const NONE: Self = Self { index: 0 };

    /// The version that the write at `index` gives.
    #[must_use]
    pub const fn at(index: u64) -> Self {
        Self { index }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.index.fmt(f)
    }
}

/// Which state of the cluster a set of assignments or a routing table was computed from. An agent refuses to go back to an older one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
