//! Objects as the Docker Engine API prints them (`api/types/swarm` and `api/types/network` in moby).
//!
//! Made from the records in [`crate::object`] by the API layer, and read by clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::id::ClusterId;
use crate::id::NetworkId;
use crate::id::NodeId;
use crate::id::ServiceId;
use crate::id::TaskId;
use crate::object::JoinTokens;
use crate::spec::EndpointSpec;
use crate::spec::GenericResource;
use crate::spec::IpamOptions;
use crate::spec::Labels;
use crate::spec::NodeSpec;
use crate::spec::Platform;
use crate::spec::PortConfig;
use crate::spec::ServiceSpec;
use crate::spec::SwarmSpec;
use crate::spec::TaskSpec;
use crate::spec::is_default;
use crate::task_state::TaskState;
use crate::time::Timestamp;
use crate::version::Version;

/// `GET /nodes/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// The node.
    #[serde(rename = "ID")]
    pub id: NodeId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What the operator decided.
    pub spec: NodeSpec,
    /// What it is.
    pub description: NodeDescription,
    /// Whether it is alive.
    pub status: NodeStatus,
    /// Its place among the managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_status: Option<ManagerStatus>,
}

/// What a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeDescription {
    /// Its host name.
    pub hostname: String,
    /// What it runs on.
    pub platform: Platform,
    /// What it has.
    pub resources: NodeResources,
    /// Its Docker Engine.
    pub engine: EngineDescription,
    /// Its certificate.
    #[serde(rename = "TLSInfo")]
    pub tls_info: TlsInfo,
    /// What balances connections on it, `nftables` or `ipvs`. Not in Docker's API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dataplane: String,
}

/// What a node has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeResources {
    /// Processor time, in billionths of a core.
    #[serde(rename = "NanoCPUs")]
    pub nano_cpus: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
    /// What its operator declares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
}

/// The Docker Engine of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EngineDescription {
    /// As `20.10.24+dfsg1`.
    pub engine_version: String,
    /// Labels of the engine, for placement.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Its volume, network and log drivers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginDescription>,
}

/// One driver of an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PluginDescription {
    /// `Volume`, `Network` or `Log`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The driver.
    pub name: String,
}

/// The certificate authority a node trusts, and that issued its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TlsInfo {
    /// PEM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_root: String,
    /// DER, base 64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_issuer_subject: String,
    /// DER, base 64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_issuer_public_key: String,
}

/// Whether a node is alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeStatus {
    /// As seen by the managers.
    pub state: NodeState,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Where its agent calls from.
    pub addr: String,
}

/// Whether a node is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Not heard of since the leader changed.
    #[default]
    Unknown,
    /// Not heard of for too long; its tasks are replaced.
    Down,
    /// Its agent is in session.
    Ready,
    /// Its session was closed on purpose; it looks for another manager.
    Disconnected,
}

impl NodeState {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Ready => "ready",
            Self::Disconnected => "disconnected",
        }
    }
}

/// The place of a node among the managers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ManagerStatus {
    /// Whether it leads.
    #[serde(skip_serializing_if = "is_default")]
    pub leader: bool,
    /// Whether the leader reaches it.
    pub reachability: Reachability,
    /// `address:port`.
    pub addr: String,
}

/// Whether the leader reaches a manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reachability {
    /// Not known.
    #[default]
    Unknown,
    /// No.
    Unreachable,
    /// Yes.
    Reachable,
}

/// `GET /services/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// The service.
    #[serde(rename = "ID")]
    pub id: ServiceId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What the user asks for.
    pub spec: ServiceSpec,
    /// The spec before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_spec: Option<ServiceSpec>,
    /// How it is reached.
    pub endpoint: ServiceEndpoint,
    /// Where its update is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_status: Option<UpdateStatus>,
    /// How many tasks run. Only in lists, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_status: Option<ServiceStatus>,
    /// Which iteration of a job it is. Always there for jobs: the docker CLI relies on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_status: Option<JobStatus>,
}

/// How a service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceEndpoint {
    /// What was asked for.
    pub spec: EndpointSpec,
    /// The ports, chosen numbers filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
    /// Its address on each network.
    #[serde(rename = "VirtualIPs", skip_serializing_if = "Vec::is_empty")]
    pub virtual_ips: Vec<VirtualIp>,
}

/// The address of a service on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VirtualIp {
    /// The network.
    #[serde(rename = "NetworkID")]
    pub network_id: NetworkId,
    /// `address/prefix length`.
    pub addr: String,
}

/// Where an update is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateStatus {
    /// Its state.
    pub state: UpdateState,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// What happened.
    pub message: String,
}

/// The state of an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateState {
    /// Under way.
    #[default]
    Updating,
    /// Stopped by failures.
    Paused,
    /// Done.
    Completed,
    /// Going back.
    RollbackStarted,
    /// Going back, stopped by failures.
    RollbackPaused,
    /// Gone back.
    RollbackCompleted,
}

/// How many tasks of a service run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceStatus {
    /// So many run.
    pub running_tasks: u64,
    /// So many should.
    pub desired_tasks: u64,
    /// So many have completed; jobs only.
    pub completed_tasks: u64,
}

/// Which iteration of a job a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobStatus {
    /// Counted up by every update.
    pub job_iteration: Version,
    /// When it began.
    pub last_execution: Timestamp,
}

/// `GET /tasks/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    /// The task.
    #[serde(rename = "ID")]
    pub id: TaskId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Labels of its service.
    pub labels: Labels,
    /// What it runs.
    pub spec: Arc<TaskSpec>,
    /// Its service.
    #[serde(rename = "ServiceID")]
    pub service_id: ServiceId,
    /// Which replica it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub slot: u64,
    /// The node it runs on.
    #[serde(rename = "NodeID", default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// Where it is.
    pub status: TaskStatus,
    /// Where it should be.
    pub desired_state: TaskState,
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks_attachments: Vec<NetworkAttachment>,
    /// Which iteration of a job made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_iteration: Option<Version>,
}

/// Where a task is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskStatus {
    /// When it got there.
    pub timestamp: Timestamp,
    /// Its state.
    pub state: TaskState,
    /// What happened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub err: String,
    /// Its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_status: Option<ContainerStatus>,
    /// The ports it published on its node itself.
    pub port_status: PortStatus,
}

/// The container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerStatus {
    /// The engine's id of it.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// Its first process.
    #[serde(rename = "PID")]
    pub pid: i64,
    /// What it ended with.
    pub exit_code: i64,
}

/// The ports that a task published on its node itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortStatus {
    /// The ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
}

/// The addresses of a task on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkAttachment {
    /// The network.
    pub network: AttachedNetwork,
    /// `address/prefix length`, each.
    pub addresses: Vec<String>,
}

/// A network as tasks show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedNetwork {
    /// The network.
    #[serde(rename = "ID")]
    pub id: NetworkId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What was asked for.
    pub spec: AttachedNetworkSpec,
}

/// What was asked of a network, as tasks show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachedNetworkSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Always `overlay`.
    pub driver_configuration: crate::spec::Driver,
    /// Whether it is the ingress network.
    #[serde(skip_serializing_if = "is_default")]
    pub ingress: bool,
    /// `swarm`.
    pub scope: String,
}

/// `GET /networks/{id}` of an overlay network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The network: an id of the cluster, or of the local engine.
    pub id: String,
    /// When it was made.
    pub created: String,
    /// `swarm` or `local`.
    pub scope: String,
    /// `overlay` for those of the cluster.
    pub driver: String,
    /// Always, for an overlay network.
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: bool,
    /// Never, for now.
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: bool,
    /// Its addresses.
    #[serde(rename = "IPAM")]
    pub ipam: IpamOptions,
    /// Whether containers reach nothing outside through it.
    pub internal: bool,
    /// Whether containers that are not of a service may join.
    pub attachable: bool,
    /// Whether it is the network of the routing mesh.
    pub ingress: bool,
    /// Whether it is only a template. Never.
    pub config_only: bool,
    /// Local containers on it.
    pub containers: BTreeMap<String, serde_json::Value>,
    /// Options of the driver.
    pub options: Labels,
    /// User labels.
    pub labels: Labels,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            name: String::new(),
            id: String::new(),
            created: Timestamp::ZERO.to_string(),
            scope: "swarm".to_owned(),
            driver: "overlay".to_owned(),
            enable_ipv4: true,
            enable_ipv6: false,
            ipam: IpamOptions::default(),
            internal: false,
            attachable: false,
            ingress: false,
            config_only: false,
            containers: BTreeMap::new(),
            options: Labels::new(),
            labels: Labels::new(),
        }
    }
}

/// `GET /swarm`, and, without the tokens, a part of `GET /info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Swarm {
    /// The cluster.
    #[serde(rename = "ID")]
    pub id: ClusterId,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Its settings.
    pub spec: SwarmSpec,
    /// Its certificate authority.
    #[serde(rename = "TLSInfo")]
    pub tls_info: TlsInfo,
    /// Whether its certificate authority is being replaced.
    pub root_rotation_in_progress: bool,
    /// The UDP port of the tunnels.
    pub data_path_port: u16,
    /// Where subnets are taken from.
    pub default_addr_pool: Vec<String>,
    /// The prefix length of the subnets.
    pub subnet_size: u8,
    /// What lets nodes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_tokens: Option<JoinTokens>,
}

/// `POST /swarm/init`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InitRequest {
    /// Where to listen for other nodes: an address or an interface, with or without a port.
    pub listen_addr: String,
    /// Where other nodes reach this one. Empty: found out.
    pub advertise_addr: String,
    /// Where tunnel traffic goes. Empty: the advertised address.
    pub data_path_addr: String,
    /// The UDP port of the tunnels; 0 means 4789.
    pub data_path_port: u32,
    /// Whether to make a new cluster of one from what this manager has.
    pub force_new_cluster: bool,
    /// Settings that differ from the defaults.
    pub spec: SwarmSpec,
    /// Whether managers need a key to start.
    pub auto_lock_managers: bool,
    /// Whether this node gets tasks. Empty: active.
    pub availability: String,
    /// Where subnets are taken from.
    pub default_addr_pool: Vec<String>,
    /// The prefix length of the subnets; 0 means 24.
    pub subnet_size: u32,
}

/// `POST /swarm/join`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JoinRequest {
    /// Where to listen for other nodes.
    pub listen_addr: String,
    /// Where other nodes reach this one. Empty: found out.
    pub advertise_addr: String,
    /// Where tunnel traffic goes. Empty: the advertised address.
    pub data_path_addr: String,
    /// Managers of the cluster.
    pub remote_addrs: Vec<String>,
    /// What lets this node in, and with which role.
    pub join_token: String,
    /// Whether this node gets tasks. Empty: active.
    pub availability: String,
}

/// The `Swarm` member of `GET /info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmInfo {
    /// This node; empty when it is in no cluster.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Where other nodes reach it.
    pub node_addr: String,
    /// Whether it is in a cluster.
    pub local_node_state: LocalNodeState,
    /// Whether it is a manager.
    pub control_available: bool,
    /// What is wrong.
    pub error: String,
    /// The managers it knows.
    pub remote_managers: Option<Vec<RemoteManager>>,
    /// Nodes in the cluster. Managers only.
    #[serde(skip_serializing_if = "is_default")]
    pub nodes: u64,
    /// Managers in the cluster. Managers only.
    #[serde(skip_serializing_if = "is_default")]
    pub managers: u64,
    /// The cluster. Managers only, and never with tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Swarm>,
    /// What deserves attention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Whether a node is in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocalNodeState {
    /// No.
    #[default]
    Inactive,
    /// It is joining.
    Pending,
    /// Yes.
    Active,
    /// It was, and cannot go on.
    Error,
    /// It needs the unlock key.
    Locked,
}

impl LocalNodeState {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Error => "error",
            Self::Locked => "locked",
        }
    }
}

/// A manager that a node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoteManager {
    /// The node.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// `address:port`.
    pub addr: String,
}

/// The answer to `POST /services/create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceCreateResponse {
    /// The new service.
    #[serde(rename = "ID")]
    pub id: ServiceId,
    /// What deserves attention.
    pub warnings: Option<Vec<String>>,
}

/// `POST /networks/create`. (The answer is `{"Id": ..., "Warning": ""}`.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkCreateRequest {
    /// Unique in the cluster.
    pub name: String,
    /// `overlay` for a network of the cluster.
    pub driver: String,
    /// `swarm` for a network of the cluster; empty means what the driver has.
    pub scope: String,
    /// Refused when false, for an overlay network.
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: Option<bool>,
    /// Refused when true, for now.
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: Option<bool>,
    /// The addresses asked for.
    #[serde(rename = "IPAM")]
    pub ipam: Option<IpamOptions>,
    /// Whether containers reach nothing outside through it.
    pub internal: bool,
    /// Whether containers that are not of a service may join.
    pub attachable: bool,
    /// Whether it is the network of the routing mesh.
    pub ingress: bool,
    /// Whether it is only a template.
    pub config_only: bool,
    /// Accepted and without effect, as in Docker: names are always unique here.
    pub check_duplicate: bool,
    /// Options of the driver.
    pub options: Labels,
    /// User labels.
    pub labels: Labels,
}
