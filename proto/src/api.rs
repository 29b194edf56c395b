//! Objects as the Docker Engine API prints them (`api/types/swarm` and `api/types/network` in moby).
//!
//! Made from the records in [`crate::object`] by the API layer, and read by clients.

mod document;
mod network;
mod node;
mod service;
mod swarm;
mod task;

pub use document::Document;
pub use document::DocumentCreateResponse;
pub use network::ConfigReference;
pub use network::Network;
pub use network::NetworkCreateRequest;
pub use network::NetworkCreateResponse;
pub use network::NetworkPeer;
pub use network::NetworkService;
pub use network::NetworkTask;
pub use node::EngineDescription;
pub use node::ManagerStatus;
pub use node::Node;
pub use node::NodeDescription;
pub use node::NodeResources;
pub use node::NodeState;
pub use node::NodeStatus;
pub use node::PluginDescription;
pub use node::Reachability;
pub use node::TlsInfo;
pub use service::JobStatus;
pub use service::Service;
pub use service::ServiceCreateResponse;
pub use service::ServiceEndpoint;
pub use service::ServiceStatus;
pub use service::ServiceUpdateResponse;
pub use service::UpdateState;
pub use service::UpdateStatus;
pub use service::VirtualIp;
pub use swarm::InitRequest;
pub use swarm::JoinRequest;
pub use swarm::JoinTokens;
pub use swarm::LocalNodeState;
pub use swarm::RemoteManager;
pub use swarm::Swarm;
pub use swarm::SwarmInfo;
pub use swarm::UnlockKeyText;
pub use task::AttachedNetwork;
pub use task::AttachedNetworkSpec;
pub use task::ContainerStatus;
pub use task::NetworkAttachment;
pub use task::PortStatus;
pub use task::Task;
pub use task::TaskStatus;
