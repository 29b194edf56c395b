//! What the cluster keeps: spec, status and bookkeeping of each kind of object.
//!
//! These are the records of the replicated state, and only the state machine changes them. Users and orchestrators write desired state,
//! agents observed state, nobody both.
//!
//! [`crate::api`] has the forms that clients see, in types of its own: what the API prints may change without a word about what lies on
//! the disks, and the names of fields here are those of files that exist. A spec is what the user wrote and stands in both as it is.

mod acme;
mod node;
mod progress;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::Serialize;

pub use self::acme::AcmeAccount;
pub use self::acme::AcmeCertificate;
pub use self::acme::AcmeChallenge;
pub use self::acme::AcmeChallengeKind;
pub use self::acme::AcmeFailure;
pub use self::acme::AcmeHost;
pub use self::acme::AcmeOrder;
pub use self::node::EngineDescription;
pub use self::node::NodeDescription;
pub use self::node::NodeResources;
pub use self::node::NodeState;
pub use self::node::NodeStatus;
pub use self::node::PluginDescription;
pub use self::node::TlsInfo;
pub use self::progress::JobStatus;
pub use self::progress::UpdateState;
pub use self::progress::UpdateStatus;
use crate::format::Format;
use crate::format::Versions;
use crate::id::ClusterId;
use crate::id::ConfigId;
use crate::id::NetworkId;
use crate::id::NodeId;
use crate::id::SecretId;
use crate::id::ServiceId;
use crate::id::TaskId;
use crate::registry::RegistryAuth;
use crate::spec::DocumentSpec;
use crate::spec::GenericResource;
use crate::spec::Labels;
use crate::spec::NetworkSpec;
use crate::spec::NodeRole;
use crate::spec::NodeSpec;
use crate::spec::PortConfig;
use crate::spec::ServiceSpec;
use crate::spec::SwarmSpec;
use crate::task_state::TaskState;
use crate::time::Timestamp;
use crate::unlock_key::UnlockKey;
use crate::version::Version;

/// What every object has. The state machine fills it in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The write that last changed what users decide of it. Kept for nodes and services, which managers write too; for all others it is the one
    /// that made them.
    #[serde(default)]
    pub spec_changed: Version,
}

impl Meta {
    /// Whether a client that has read the object at `version` has seen all that users decided since. Docker asks for the very last write,
    /// and so refuses a client because the addresses of its new service were allocated meanwhile.
    #[must_use]
    pub fn is_known_at(&self, version: Version) -> bool {
        (self.spec_changed..=self.version).contains(&version)
    }
}

/// The number of a node in the data plane: unique among the nodes of the cluster, reused after a node is removed.
/// From it follow the node's tunnel address, its tunnel MAC address and its routing mark.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NodeIndex(pub u16);

impl NodeIndex {
    /// The smallest index that a node gets.
    pub const FIRST: Self = Self(1);

    /// The greatest index that a node gets. `169.254.255.0/24` is left for the links between the namespaces of one node.
    pub const LAST: Self = Self(0xfeff);

    /// The node's address in every tunnel: `169.254.x.y`.
    #[must_use]
    pub const fn tunnel_address(self) -> Ipv4Addr {
        let [high, low] = self.0.to_be_bytes();
        Ipv4Addr::new(169, 254, high, low)
    }

    /// The node's MAC address in every tunnel: locally administered, unicast.
    #[must_use]
    pub const fn tunnel_mac(self) -> [u8; 6] {
        let [high, low] = self.0.to_be_bytes();
        [0x02, 0x53, 0x57, 0x4c, high, low]
    }
}

/// A machine that is a member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its id, which is also the common name of its certificate.
    pub id: NodeId,
    /// Version and times.
    pub meta: Meta,
    /// What the operator decided.
    pub spec: NodeSpec,
    /// What its agent says it is. Absent until the agent's first session.
    pub description: Option<NodeDescription>,
    /// Whether it is alive, as seen by the managers.
    pub status: NodeStatus,
    /// The role its certificate has; follows `spec.role`.
    pub role: NodeRole,
    /// Its number in the data plane.
    pub index: NodeIndex,
    /// The address that other nodes send tunnel traffic to. Absent until the agent's first session.
    pub data_path_addr: Option<IpAddr>,
    /// Its place among the managers. Absent for workers.
    pub manager: Option<ManagerRecord>,
    /// Whether it is a witness: it votes and keeps the log, never leads for longer than it has to, and has no Docker Engine and no data plane. Only
    /// from [`Format::WITNESS`](crate::format::Format::WITNESS) on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub witness: bool,
    /// What its agent says of its version.
    #[serde(default)]
    pub versions: Versions,
}

/// The place of a node among the managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerRecord {
    /// Its id in raft; never used twice.
    pub raft_id: u64,
    /// Where other managers and agents reach it.
    pub addr: SocketAddr,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Version and times.
    pub meta: Meta,
    /// What the user asks for. Network targets are ids.
    pub spec: ServiceSpec,
    /// The write that last changed the spec. Tasks carry the one they were made from.
    pub spec_version: Version,
    /// The spec before, for a rollback.
    pub previous_spec: Option<ServiceSpec>,
    /// The write that made the spec before.
    pub previous_spec_version: Option<Version>,
    /// What the allocator gave it.
    pub endpoint: Endpoint,
    /// Where its update is.
    pub update_status: Option<UpdateStatus>,
    /// Which iteration of a job it is.
    pub job_status: Option<JobStatus>,
    /// What nodes tell the registry when they fetch the image. Never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_auth: Option<RegistryAuth>,
    /// The same for the spec before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_registry_auth: Option<RegistryAuth>,
}

/// What the allocator gave a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The ports as published, chosen numbers filled in. As many as the spec has once allocated.
    pub ports: Vec<PortConfig>,
    /// Its address on each network.
    pub virtual_ips: Vec<VirtualIp>,
    /// The spec that this was allocated for. Absent until the first allocation.
    pub spec_version: Option<Version>,
}

/// The address of a service on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualIp {
    /// The network.
    pub network_id: NetworkId,
    /// The address, with the network's prefix length.
    pub addr: Ipv4Net,
}

/// A task: one container of a service, on one node, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Version and times.
    pub meta: Meta,
    /// The service it belongs to.
    pub service_id: ServiceId,
    /// The service's name when the task was made.
    pub service_name: String,
    /// The service's labels when the task was made.
    pub labels: Labels,
    /// Which replica it is, from 1; 0 for a task of a global service.
    pub slot: u64,
    /// The spec it was made from: [`Service::spec_version`] at that time. The state keeps each spec once.
    pub spec_version: Version,
    /// The node it runs on. Set once and never changed.
    pub node_id: Option<NodeId>,
    /// Where it should be. Only managers write this. `Rejected`: it may not stay on its node, and is to say so when it has stopped.
    pub desired_state: TaskState,
    /// Where it is. From `Assigned` on, only its agent writes this.
    pub status: TaskStatus,
    /// Its addresses.
    pub attachments: Vec<NetworkAttachment>,
    /// Which iteration of a job made it.
    pub job_iteration: Option<u64>,
    /// Whether the nodes send it traffic.
    pub routing: Routing,
    /// When the nodes sent it traffic, once it has ended. Absent too if they never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
    /// Which of the countable resources of its node it was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
    /// Whether it is to be replaced by one on another node, which it outlives if that cannot be placed. An older version that loses this leaves it where it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub migrate: bool,
}

/// Whether a task is in the routing tables of the nodes. Only goes on, and only managers write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Routing {
    /// Not known to be in the tables of every live node: it does not run yet, or they have not all confirmed it.
    #[default]
    Unrouted,
    /// Every live node concerned has confirmed tables that hold it.
    Routed {
        /// When the last of them had.
        at: Timestamp,
    },
    /// It is to end: out of every table that is computed from now on, but alive until the nodes have confirmed those.
    Draining {
        /// Since when it is to end.
        since: Timestamp,
    },
    /// No live node sends it anything new. Only now is its container told to stop.
    Drained {
        /// When the last node had confirmed that.
        at: Timestamp,
    },
}

/// When the nodes sent an ended task traffic, by the clocks of the leaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// When the last of them had confirmed tables that hold it.
    pub from: Timestamp,
    /// When its end was heard of.
    pub until: Timestamp,
}

impl Served {
    /// For how long that was.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.until.since(self.from)
    }
}

impl Routing {
    /// The name that clients see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unrouted => "unrouted",
            Self::Routed { .. } => "routed",
            Self::Draining { .. } => "draining",
            Self::Drained { .. } => "drained",
        }
    }
}

/// Where a task is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// When it got there.
    pub timestamp: Timestamp,
    /// Its state; never goes back.
    pub state: TaskState,
    /// What happened, as `started`.
    pub message: String,
    /// What went wrong; empty if nothing did.
    pub err: String,
    /// Its container, once there is one.
    pub container: Option<ContainerStatus>,
    /// The ports it published on its node itself.
    pub host_ports: Vec<PortConfig>,
    /// Why it gets no requests although it runs: what its readiness check says. Absent: it is ready, or has no such check. Unlike the
    /// state this changes to and fro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
}

impl TaskStatus {
    /// Whether the task is to get requests: it runs, and its readiness check, if it has one, passes.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == TaskState::Running && self.not_ready.is_none()
    }
}

/// The container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatus {
    /// The engine's id of it.
    pub container_id: String,
    /// Its first process, in the node's numbering; 0 when it does not run.
    pub pid: i64,
    /// What it ended with.
    pub exit_code: i64,
}

/// The address of a task on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAttachment {
    /// The network.
    pub network_id: NetworkId,
    /// The address, with the network's prefix length.
    pub addr: Ipv4Net,
    /// Further names on this network.
    pub aliases: Vec<String>,
}

/// A network that spans the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Version and times.
    pub meta: Meta,
    /// What the user asks for.
    pub spec: NetworkSpec,
    /// What the allocator gave it. Absent until then.
    pub allocation: Option<NetworkAllocation>,
}

/// What the allocator gave a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAllocation {
    /// Its number in VXLAN headers.
    pub vni: u32,
    /// Its addresses.
    pub subnet: Ipv4Net,
    /// The address of each node in it: gateway and DNS server.
    pub gateway: Ipv4Addr,
}

/// A secret or a config, by the type of its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document<I> {
    /// Its id.
    pub id: I,
    /// Version and times.
    pub meta: Meta,
    /// What the user asks for, content included. Only its labels ever change.
    pub spec: DocumentSpec,
}

/// A secret: on nodes in memory only, and only where tasks have it.
pub type Secret = Document<SecretId>;

/// A config: a file that anybody may read.
pub type Config = Document<ConfigId>;

/// The cluster itself. There is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its id, which is also the organization in every certificate.
    pub id: ClusterId,
    /// Version and times.
    pub meta: Meta,
    /// Its settings.
    pub spec: SwarmSpec,
    /// The certificate authority that all nodes trust.
    pub root_ca: RootCa,
    /// The one that is to replace it: it signs already, and all nodes trust it for being signed by the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_root_ca: Option<RootCa>,
    /// What lets nodes in.
    pub join_tokens: JoinTokens,
    /// Where subnets are taken from.
    pub default_addr_pool: Vec<Ipv4Net>,
    /// The prefix length of the subnets.
    pub subnet_size: u8,
    /// The UDP port of the tunnels.
    pub data_path_port: u16,
    /// The raft id of the next manager. Raft ids are never reused: a wiped node under its old id could split the cluster.
    pub next_raft_id: u64,
    /// Nodes that were removed and whose certificates are no longer taken.
    pub removed_nodes: Vec<NodeId>,
    /// What unlocks managers after a restart. Absent without autolock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock_key: Option<UnlockKey>,
    /// What every manager reads, and so what is written: see [`crate::format`]. Never goes back.
    #[serde(default)]
    pub format: Format,
    /// The write by which it was made of a backup, if it ever was: agents may know more than the state from before that.
    #[serde(default)]
    pub restored: Version,
}

/// The certificate authority.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootCa {
    /// Its certificate, PEM.
    pub certificate: String,
    /// Its key, PEM. Never printed. Empty for an authority outside of the cluster, which is asked to sign.
    pub key: String,
    /// The same authority as the one before it vouches for it, PEM: shown to nodes that still trust that one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_signed: Option<String>,
}

impl Cluster {
    /// The authority that signs certificates of nodes.
    #[must_use]
    pub fn signing_ca(&self) -> &RootCa {
        self.next_root_ca.as_ref().unwrap_or(&self.root_ca)
    }
}

impl RootCa {
    /// Whether somebody outside of the cluster has its key.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        self.key.is_empty()
    }
}

impl std::fmt::Debug for RootCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootCa").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// What lets nodes in, in Docker's form `SWMTKN-1-<digest>-<secret>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinTokens {
    /// For workers.
    pub worker: String,
    /// For managers.
    pub manager: String,
}

impl std::fmt::Debug for JoinTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinTokens(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnel_identity_follows_from_the_index() {
        let index = NodeIndex(0x0102);
        assert_eq!(index.tunnel_address(), Ipv4Addr::new(169, 254, 1, 2));
        assert_eq!(index.tunnel_mac(), [0x02, 0x53, 0x57, 0x4c, 1, 2]);
        assert!(NodeIndex::LAST.tunnel_address() < Ipv4Addr::new(169, 254, 255, 0));
    }
}
