//! What the API needs of the node it runs on.

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::backup::Backup;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::attachment::Attached;
use swarmlite_proto::clock::ClockReading;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::version::Generation;

/// A place on a network of the cluster for a container that is about to be made.
pub struct Reservation {
    /// The place.
    pub attached: Attached,
    /// To be kept until the engine has answered. Without a container on it by then the place is free again.
    pub hold: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservation").field("attached", &self.attached).finish_non_exhaustive()
    }
}

/// What a node measures of itself. Where something could not be measured, the text says why.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// The file system of its state.
    pub disk: std::result::Result<DiskFacts, String>,
    /// What only an agent can measure. `None` while none runs.
    pub agent: Option<AgentFacts>,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskFacts {
    /// The folder that was looked at.
    pub folder: PathBuf,
    /// Bytes that can still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// What an agent measures.
#[derive(Clone, Debug)]
pub struct AgentFacts {
    /// The leader that it is in session with, or why it is in none.
    pub session: std::result::Result<SocketAddr, String>,
    /// The generation of what it was told last, when that was measured.
    pub told: Generation,
    /// What the node's kernel tables had reached, a while later if that was needed.
    pub programmed: Generation,
    /// How long it was waited for them.
    pub waited: Duration,
    /// The other nodes of the data plane that answer it through the tunnel.
    pub answering: BTreeSet<NodeId>,
    /// Those that do not, or never have since it runs.
    pub silent: BTreeSet<NodeId>,
    /// The clocks of the managers, but for one on this node.
    pub clocks: Vec<(SocketAddr, std::result::Result<ClockReading, String>)>,
    /// The ports on which it is to answer HTTP, and why it cannot.
    pub http: BTreeMap<u16, Option<String>>,
}

/// Where a node is reached, as a user says it: addresses or interfaces, with or without ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where it listens for other nodes.
    pub listen_addr: String,
    /// Where they reach it. Empty: found out.
    pub advertise_addr: String,
    /// Where tunnel traffic for it goes. Empty: the advertised address.
    pub data_path_addr: String,
}

/// The node that the API belongs to.
pub trait NodeControl: Send + Sync + 'static {
    /// Makes a cluster of this node. `request` is checked, but for its addresses.
    fn init(&self, request: InitRequest) -> BoxFuture<'_, Result<NodeId>>;

    /// Makes a cluster of a backup, with this node, which is in none, as its only manager.
    fn restore(&self, backup: Backup, place: Place) -> BoxFuture<'_, Result<()>>;

    /// Has this node join a cluster; a worker that is in it already looks for it where `request` says, unless a manager answers it. `request` is
    /// checked, but for its addresses and its token.
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<()>>;

    /// Has this node leave its cluster, whatever that does to the others: the API has warned.
    fn leave(&self) -> BoxFuture<'_, Result<()>>;

    /// Unlocks the manager on this node, which is locked, with the key as the user wrote it. Answers when it runs.
    fn unlock(&self, key: String) -> BoxFuture<'_, Result<()>>;

    /// What this node knows of its place in a cluster by itself: all but what the state of the cluster says.
    fn membership(&self) -> SwarmInfo;

    /// Gets a place on a network of the cluster for a standalone container of this node. On return its engine can make
    /// that container.
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<Reservation>>;

    /// The numbers of this node as they are now, as OpenMetrics text.
    fn metrics(&self) -> BoxFuture<'_, Result<String>>;

    /// What this node measures of itself. Waits a few seconds for what is slow.
    fn examine(&self) -> BoxFuture<'_, NodeFacts>;

    /// The state of the cluster, if this node is a manager and ready.
    fn manager(&self) -> Option<ManagerAccess>;
}
