//! The network namespaces that the data plane does something in.

use std::fmt;

use swarmlite_proto::id::NetworkId;

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Netns {
    /// The node's own, in which its addresses and Docker Engine are.
    Host,
    /// The one of a network.
    Sandbox(SandboxName),
    /// The one of a running process: a container.
    Process(u32),
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the node"),
            Self::Sandbox(name) => write!(f, "sandbox {name}"),
            Self::Process(pid) => write!(f, "process {pid}"),
        }
    }
}

/// The file name of a network's namespace: the first characters of the network's id, as Docker shortens ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxName(String);

impl SandboxName {
    /// How many characters of the network's id the name has.
    pub const LEN: usize = 12;

    /// The sandbox of this network.
    #[must_use]
    pub fn of(network: &NetworkId) -> Self {
        Self(network.as_str().chars().take(Self::LEN).collect())
    }

    /// The sandbox with this file name, if it is one that this project gives.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        let ours = name.len() == Self::LEN && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ours.then(|| Self(name.to_owned()))
    }

    /// The file name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SandboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
