//! The data plane of one node: overlay networks, virtual addresses, published ports, and Docker's network driver.
//!
//! ```text
//! assignments ──> desired ──┐
//!                           ├──> plan ──> kernel.apply        sync: the one task that does this,
//! kernel.observe ───────────┘                                 on every change and every so often
//! ```
//!
//! - [`netns`], [`held`], [`mac`], [`uplink`], [`error`]: the words that all others use.
//! - [`state`]: what a kernel holds, as values; [`ruleset`], [`balancer`], [`endpoint`]: parts of it. [`op`]: what can be done to it.
//! - [`assignments`], [`desired`], [`plan`]: pure: assignments and observation in, operations out.
//! - [`kernel`]: the boundary; [`linux`]: the real one, with [`nft`] for tables and `nfnetlink` for netfilter's messages.
//! - `sync`: the loop, `handle`: what it is asked for. `container`: what has to be done inside containers.
//! - `reach`: which other nodes answer through the tunnel.
//! - [`dns`]: names of services, answered in the sandboxes.
//! - `plugin`: Docker's remote network driver.
//!
//! Nothing is learned or gossiped, and nothing is kept in files: tables follow from the assignments, and what cannot follow
//! from them (which containers are attached) is read from the kernel. The data plane decides no address, port or node, and
//! goes on forwarding when this process is gone.

pub(crate) mod assignments;
pub mod balancer;
mod container;
pub(crate) mod desired;
pub(crate) mod dns;
pub mod endpoint;
pub mod error;
mod handle;
pub mod held;
pub(crate) mod kernel;
pub mod linux;
pub(crate) mod mac;
pub mod netns;
mod nfnetlink;
pub(crate) mod nft;
pub(crate) mod op;
pub(crate) mod plan;
mod plugin;
mod reach;
pub mod ruleset;
pub mod state;
mod sync;
pub mod uplink;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use swarmlite_proto::balance::Balancer;
use swarmlite_proto::id::NodeId;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::assignments::NetworkAssignments;
use self::desired::Node;
pub use self::handle::DataPlaneHandle;
use self::kernel::Kernel;
use self::linux::LinuxConfig;
use self::linux::LinuxKernel;
use self::linux::OWN_NAMESPACE;
pub use self::reach::Reached;
pub(crate) use self::sync::KernelProgress;
use self::sync::Sync;

/// How many requests may wait. Those who ask wait for an answer, so there are never many.
const QUEUE: usize = 64;

/// What the data plane has to know about its node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where sandboxes are kept: in the folder `netns` below it.
    pub state_dir: PathBuf,
    /// The node's id.
    pub node_id: NodeId,
    /// The address that other nodes send tunnel traffic to.
    pub data_path_addr: IpAddr,
    /// Docker's plugin folder. `None`: no driver is served.
    pub plugin_dir: Option<PathBuf>,
}

/// The data plane. [`DataPlane::start`] is all it does.
#[derive(Debug)]
pub enum DataPlane {}

impl DataPlane {
    /// Starts the data plane of this node. The kernel is left as it is until the first assignments are known.
    ///
    /// # Errors
    /// If the driver's socket cannot be made.
    pub fn start(config: Config, balancer: Balancer) -> io::Result<DataPlaneHandle> {
        let linux = LinuxConfig {
            sandboxes: sandboxes(&config.state_dir),
            host: OWN_NAMESPACE.into(),
            data_path_addr: config.data_path_addr,
        };
        Self::start_with(config, LinuxKernel::new(linux, balancer))
    }

    /// Starts a data plane on another kernel.
    ///
    /// # Errors
    /// If the driver's socket cannot be made.
    pub fn start_with(config: Config, kernel: impl Kernel) -> io::Result<DataPlaneHandle> {
        let (send, requests) = mpsc::channel(QUEUE);
        let (progress, seen) = watch::channel(KernelProgress::default());
        let (assignments, _) = watch::channel(None);
        let reached = watch::Sender::default();
        let stop = CancellationToken::new();
        let handle = DataPlaneHandle {
            requests: send,
            progress: seen,
            assignments,
            sandboxes: sandboxes(&config.state_dir),
            node_id: config.node_id.clone(),
            reached: reached.subscribe(),
            stop: stop.clone(),
        };
        let (own, folder) = (config.node_id.clone(), handle.sandboxes.clone());
        let known = handle.assignments.subscribe();
        tokio::spawn(reach::watch(own, folder, known, reached, stop.clone()));
        if let Some(folder) = &config.plugin_dir {
            plugin::serve(folder, handle.clone(), stop)?;
        }
        let node = Node { id: config.node_id, data_path_addr: config.data_path_addr };
        let (assignments, routed, put_off) = Default::default();
        let sync = Sync { kernel, node, requests, progress, assignments, routed, put_off };
        tokio::spawn(sync.run());
        Ok(handle)
    }
}

fn sandboxes(state_dir: &std::path::Path) -> PathBuf {
    state_dir.join("netns")
}
