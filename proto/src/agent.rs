//! What a manager and an agent say to each other.
//!
//! The agent dials the leader and holds one session: a stream of [`AgentMessage`]s one way, of [`ManagerMessage`]s the other.
//! The manager first sends everything the node needs to know as one complete set of [`Assignment`]s, then only
//! differences. Each set has a [`Generation`]; the agent says which one its kernel tables have reached.
//!
//! The manager decides everything (node, slot, address, port, VNI): the agent carries out and reports, and never chooses.

mod difference;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::Serialize;

pub use self::difference::EndpointDifference;
pub use self::difference::Unfitting;
use crate::attachment::AttachedContainer;
use crate::balance::Balancing;
use crate::format::Format;
use crate::format::Versions;
use crate::id::AttachmentId;
use crate::id::ConfigId;
use crate::id::NetworkId;
use crate::id::NodeId;
use crate::id::SecretId;
use crate::id::ServiceId;
use crate::id::TaskId;
use crate::load::NodeLoad;
use crate::logs::LogOrder;
use crate::object::Config;
use crate::object::NodeDescription;
use crate::object::NodeIndex;
use crate::object::Secret;
use crate::object::TaskStatus;
use crate::registry::PullCredentials;
use crate::spec::Driver;
use crate::spec::EndpointMode;
use crate::spec::GenericResource;
use crate::spec::HttpConfig;
use crate::spec::HttpOptions;
use crate::spec::HttpRoute;
use crate::spec::Labels;
use crate::spec::NodeRole;
use crate::spec::PortConfig;
use crate::spec::PortProtocol;
use crate::spec::TaskSpec;
use crate::task_state::TaskState;
use crate::time::Nanoseconds;
use crate::traffic::Traffic;
use crate::version::Generation;

/// From the agent to the manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentMessage {
    /// Who is calling. Always the first message; sent again when something about the node has changed.
    Register(Box<Registration>),
    /// Still there, and able to run tasks. Sent once per [`Welcome::heartbeat_period`], and not while the container engine does
    /// not answer. With [`AgentMessage::Register`] the only sign of life that counts.
    Heartbeat,
    /// What became of tasks. Applied in order; the manager answers with [`ManagerMessage::StatusesStored`].
    TaskStatuses {
        /// Counts the batches of this session.
        sequence: u64,
        /// The statuses.
        statuses: Vec<TaskStatusUpdate>,
    },
    /// The kernel's tables now hold everything up to this generation.
    Programmed(Generation),
    /// The other nodes that have answered this one through the tunnel, and do not any more: all of them, at the start and whenever that has changed.
    /// Said to managers that speak [`LOST_NODES`](crate::protocol::LOST_NODES).
    Lost(BTreeSet<NodeId>),
    /// What the machine has to do, whenever that has changed. Said to managers that speak [`LOADS`](crate::protocol::LOADS).
    Load(NodeLoad),
    /// What the node answers over HTTP, whenever that has changed. Said to managers that speak [`TRAFFIC`](crate::protocol::TRAFFIC).
    Traffic(Traffic),
    /// The node leaves the cluster: it is not to be waited for. The manager ends the session once that is in the replicated state.
    Leaving,
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// What the node is.
    pub description: NodeDescription,
    /// Where other nodes send tunnel traffic to.
    pub data_path_addr: IpAddr,
    /// Which version of swarmlite it runs.
    #[serde(default)]
    pub versions: Versions,
}

/// What became of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatusUpdate {
    /// Which task.
    pub task_id: TaskId,
    /// Where it is now.
    pub status: TaskStatus,
}

/// From the manager to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManagerMessage {
    /// Always the first message.
    Welcome(Welcome),
    /// What the node is to know.
    Assignments(AssignmentSet),
    /// The batch of statuses with this number, and all before it, are in the replicated state.
    StatusesStored(u64),
    /// Where managers can be reached, whenever that has changed.
    Managers(Vec<SocketAddr>),
    /// The node has another role than its certificate says: it is to renew that, and to start or stop being a manager.
    RoleChanged(NodeRole),
    /// The certificate of the authority that the node is to trust from now on, PEM, whenever it trusts another.
    Trust(String),
    /// The node is to renew its certificate, at a time of its own choice within this, as all others do too.
    RenewCertificate(Nanoseconds),
    /// Other nodes have lost this one: it is to send a heartbeat at once, if it can. Said to agents that speak
    /// [`LOST_NODES`](crate::protocol::LOST_NODES).
    HeartbeatNow,
    /// Somebody reads the logs of tasks of this node: it is to publish them, by a call of its own ([`crate::rpc::LOGS_PUBLISH`]).
    PublishLogs(LogOrder),
}

/// The start of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// How often the agent has to be heard of.
    pub heartbeat_period: Nanoseconds,
    /// Where managers can be reached.
    pub managers: Vec<SocketAddr>,
    /// The format in which the node is to keep what it keeps.
    #[serde(default)]
    pub format: Format,
    /// Which version of swarmlite the manager runs.
    #[serde(default)]
    pub versions: Versions,
    /// The first state since the cluster was made of a backup; 0 if it never was. To an agent that was told of an older one the managers may
    /// owe what it has said since the backup: it says so again.
    #[serde(default)]
    pub restored: Generation,
}

/// Everything, or what has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentSet {
    /// The state this was computed from. Never smaller than the one before.
    pub generation: Generation,
    /// Whether this is everything (what is not in it is no longer wanted) or a difference.
    pub complete: bool,
    /// New and changed assignments.
    pub put: Vec<Assignment>,
    /// Assignments that are no longer wanted. Empty in a complete set.
    pub remove: Vec<AssignmentKey>,
    /// Services of which only tasks have changed. Empty in a complete set, and for agents that cannot read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<EndpointDifference>,
}

/// One thing that a node is to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assignment {
    /// A task of this node.
    Task(Box<TaskAssignment>),
    /// A network that the node has to be on: those of its tasks and attachments, and the ingress network.
    Network(NetworkAssignment),
    /// A node of the data plane, this one included.
    Peer(PeerAssignment),
    /// A service on one of those networks.
    Endpoint(EndpointAssignment),
    /// A secret that a task of this node has, or a rule of HTTP routing. The node keeps it in memory only.
    Secret(Arc<Secret>),
    /// A config that a task of this node has.
    Config(Arc<Config>),
    /// A standalone container, of whichever node, on one of those networks.
    Attachment(AttachmentAssignment),
    /// That the node answers HTTP, for the services that have rules for it. Said to agents that speak [`HTTP`](crate::protocol::HTTP).
    Http(HttpAssignment),
    /// What an ACME server may ask the node for, while something is ordered. Said to agents that speak [`ACME`](crate::protocol::ACME).
    Acme(Vec<AcmeAnswer>),
}

/// What identifies an assignment. Orders what is needed before what needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AssignmentKey {
    /// A node of the data plane.
    Peer(NodeId),
    /// A network.
    Network(NetworkId),
    /// A service on a network.
    Endpoint(NetworkId, ServiceId),
    /// A secret.
    Secret(SecretId),
    /// A config.
    Config(ConfigId),
    /// A standalone container.
    Attachment(AttachmentId),
    /// That the node answers HTTP.
    Http,
    /// What an ACME server may ask for.
    Acme,
    /// A task.
    Task(TaskId),
}

impl Assignment {
    /// What identifies it.
    #[must_use]
    pub fn key(&self) -> AssignmentKey {
        match self {
            Self::Task(task) => AssignmentKey::Task(task.id.clone()),
            Self::Network(network) => AssignmentKey::Network(network.id.clone()),
            Self::Peer(peer) => AssignmentKey::Peer(peer.node_id.clone()),
            Self::Secret(secret) => AssignmentKey::Secret(secret.id.clone()),
            Self::Config(config) => AssignmentKey::Config(config.id.clone()),
            Self::Attachment(attachment) => AssignmentKey::Attachment(attachment.id.clone()),
            Self::Http(_) => AssignmentKey::Http,
            Self::Acme(_) => AssignmentKey::Acme,
            Self::Endpoint(endpoint) => {
                AssignmentKey::Endpoint(endpoint.network_id.clone(), endpoint.service_id.clone())
            }
        }
    }
}

/// A task of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAssignment {
    /// The task.
    pub id: TaskId,
    /// Its service.
    pub service_id: ServiceId,
    /// The name of its service.
    pub service_name: String,
    /// The labels of its service, for templates.
    pub service_labels: Labels,
    /// Which replica it is; 0 for a task of a global service.
    pub slot: u64,
    /// This node.
    pub node_id: NodeId,
    /// What to run.
    pub spec: Arc<TaskSpec>,
    /// Where the task should be.
    pub desired_state: TaskState,
    /// Where the manager last heard it is. An agent that has lost its disk goes on from here.
    pub observed_state: TaskState,
    /// Its addresses, in the order in which the container gets them.
    pub attachments: Vec<TaskAttachment>,
    /// Ports that the engine publishes on this node itself.
    pub host_ports: Vec<PortConfig>,
    /// What to tell the registry when the image is fetched.
    #[serde(default)]
    pub credentials: PullCredentials,
    /// Which of the countable resources of the node it was given.
    #[serde(default)]
    pub generic_resources: Vec<GenericResource>,
    /// Where its output goes if its spec does not say: what the cluster says. `None`: the engine's default.
    #[serde(default)]
    pub log_driver: Option<Driver>,
}

/// The address of a task on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAttachment {
    /// The network.
    pub network_id: NetworkId,
    /// The address, with the network's prefix length.
    pub addr: Ipv4Net,
    /// Further names on this network.
    pub aliases: Vec<String>,
}

/// A network that the node has to be on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAssignment {
    /// The network.
    pub id: NetworkId,
    /// Its name.
    pub name: String,
    /// Its number in VXLAN headers.
    pub vni: u32,
    /// The UDP port of the tunnels.
    pub data_path_port: u16,
    /// Its addresses.
    pub subnet: Ipv4Net,
    /// The address of each node in it: gateway and DNS server.
    pub gateway: Ipv4Addr,
    /// Whether it is the network of the routing mesh.
    pub ingress: bool,
    /// Whether containers reach nothing outside through it.
    pub internal: bool,
    /// Whether standalone containers may attach.
    pub attachable: bool,
    /// User labels, shown on the Docker network.
    pub labels: Labels,
    /// Options of the overlay driver.
    pub options: Labels,
}

/// A node of the data plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAssignment {
    /// The node.
    pub node_id: NodeId,
    /// Its number, from which its tunnel address, MAC address and mark follow.
    pub index: NodeIndex,
    /// Where tunnel traffic for it goes.
    pub data_path_addr: IpAddr,
}

/// A service on one network: its names, its virtual address, and where its tasks are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointAssignment {
    /// The network.
    pub network_id: NetworkId,
    /// The service.
    pub service_id: ServiceId,
    /// The service's name, which resolves on this network.
    pub name: String,
    /// Further names of it on this network.
    pub aliases: Vec<String>,
    /// What the name stands for.
    pub mode: EndpointMode,
    /// Its virtual address. Absent in dnsrr mode.
    pub vip: Option<Ipv4Addr>,
    /// How connections are spread, on its virtual address and its ports.
    #[serde(default)]
    pub balancing: Balancing,
    /// The ports that nodes answer on. Only on the ingress network.
    pub ports: Vec<IngressPort>,
    /// Which HTTP requests nodes answer for it. Only on the ingress network. Certificates have the ids of their secrets.
    #[serde(default)]
    pub http: Vec<HttpRoute>,
    /// Every task with an address on this network that has not ended, in the order of their ids.
    pub tasks: Vec<EndpointTask>,
}

/// A port that every node answers on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IngressPort {
    /// The protocol.
    pub protocol: PortProtocol,
    /// The port on the nodes.
    pub published: u16,
    /// The port in the containers.
    pub target: u16,
}

/// How a node answers HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAssignment {
    /// The ports.
    pub ports: HttpConfig,
    /// What becomes of the requests of all services.
    #[serde(default)]
    pub options: HttpOptions,
    /// What the cookies are signed with by which clients come back to the same task: the same on all nodes. Never printed.
    pub cookie_key: [u8; 32],
}

impl std::fmt::Debug for HttpAssignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ports, options, .. } = self;
        let mut shown = f.debug_struct("HttpAssignment");
        shown.field("ports", ports).field("options", options).finish_non_exhaustive()
    }
}

/// What an ACME server may ask for about a host, however it asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeAnswer {
    /// The host.
    pub host: String,
    /// What is asked for.
    pub token: String,
    /// The key authorization (RFC 8555, 8.1).
    pub answer: String,
}

/// One task of a service on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointTask {
    /// The task.
    pub task_id: TaskId,
    /// Its address.
    pub addr: Ipv4Addr,
    /// The node it is on: packets for `addr` go there.
    pub node_id: NodeId,
    /// Whether new connections go to it, and whether names resolve to it. A task that starts or drains is routed but does not serve.
    pub serving: bool,
}

/// A standalone container on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentAssignment {
    /// The attachment.
    pub id: AttachmentId,
    /// The network.
    pub network_id: NetworkId,
    /// The node it is on: packets for `addr` go there.
    pub node_id: NodeId,
    /// Its address, with the network's prefix length.
    pub addr: Ipv4Net,
    /// Further names on this network.
    pub aliases: Vec<String>,
    /// What has the address. Absent until its node has said so.
    pub container: Option<AttachedContainer>,
    /// Whether its names resolve: it runs, as far as is known, and so does its node.
    pub serving: bool,
}
