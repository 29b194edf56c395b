//! What the real kernel of one node is made of.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use swarmlite_proto::balance::Balancer as Kind;

use super::firewall::Firewall;
use crate::network::balancer::choice;
use crate::network::balancer::contract::Balancer;
use crate::network::netns::Netns;
use crate::network::nft::Tables;
use crate::network::nft::own::OwnChanges;
use crate::network::ruleset;
use crate::network::ruleset::Ruleset;

/// The namespace that this process runs in.
pub const OWN_NAMESPACE: &str = "/proc/self/ns/net";

/// Where the kernel's parts of one node are.
#[derive(Clone, Debug)]
pub struct LinuxConfig {
    /// The folder with one file per sandbox. Made if it is not there.
    pub sandboxes: PathBuf,
    /// The node's own namespace: [`OWN_NAMESPACE`], but in tests that have several nodes in one process.
    pub host: PathBuf,
    /// The node's underlay address.
    pub data_path_addr: IpAddr,
}

/// The kernel of this machine, seen from one node.
#[derive(Clone, Debug)]
pub struct LinuxKernel {
    pub(super) config: Arc<LinuxConfig>,
    pub(super) balancer: Arc<dyn Balancer>,
    pub(super) rulesets: Arc<Tables<Ruleset>>,
    pub(super) firewall: Arc<Firewall>,
}

impl LinuxKernel {
    /// The kernel, with this way of balancing.
    #[must_use]
    pub fn new(config: LinuxConfig, kind: Kind) -> Self {
        let own = OwnChanges::default();
        let balancer = choice::balancer_noting(kind, own.clone());
        let rulesets = Arc::new(Tables::new(ruleset::TABLE, own));
        Self { config: Arc::new(config), balancer, rulesets, firewall: Arc::default() }
    }

    /// The file of a namespace.
    pub(super) fn path(&self, netns: &Netns) -> PathBuf {
        match netns {
            Netns::Host => self.config.host.clone(),
            Netns::Sandbox(name) => self.config.sandboxes.join(name.as_str()),
            Netns::Process(pid) => PathBuf::from(format!("/proc/{pid}/ns/net")),
        }
    }
}
