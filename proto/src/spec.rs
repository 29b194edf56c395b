//! What users ask for, in the JSON of the Docker Engine API (`api/types/swarm` in moby).
//!
//! A member that Docker omits when empty is omitted here too, so that clients see what they are used to. Every struct reads with
//! all its members optional; whether the values make sense is for validation to say.

mod acme;
mod container;
mod data;
mod document;
mod endpoint;
pub mod extension;
mod http;
mod http_options;
mod http_rate;
mod network;
mod node;
mod placement;
mod privileges;
mod readiness;
mod service;
mod swarm;
mod task;

use std::collections::BTreeMap;

pub use acme::AcmeConfig;
pub use container::ContainerSpec;
pub use container::DnsConfig;
pub use container::HealthConfig;
pub use container::Mount;
pub use container::MountBindOptions;
pub use container::MountDriver;
pub use container::MountImageOptions;
pub use container::MountTmpfsOptions;
pub use container::MountType;
pub use container::MountVolumeOptions;
pub use container::Ulimit;
pub use data::Data;
pub use document::ConfigReference;
pub use document::DocumentSpec;
pub use document::FileTarget;
pub use document::RuntimeTarget;
pub use document::SecretReference;
pub use endpoint::EndpointMode;
pub use endpoint::EndpointOption;
pub use endpoint::EndpointOptionError;
pub use endpoint::EndpointOptions;
pub use endpoint::EndpointSpec;
pub use endpoint::PortConfig;
pub use endpoint::PortProtocol;
pub use endpoint::PublishMode;
pub use endpoint::Sticky;
pub use extension::DeviceMapping;
pub use extension::DeviceRequest;
pub use http::CertificateReference;
pub use http::HttpConfig;
pub use http::HttpMatch;
pub use http::HttpRoute;
pub use http_options::AccessLogFormat;
pub use http_options::HttpOptions;
pub use http_options::UnknownAccessLogFormat;
pub use http_rate::HttpRate;
pub use network::IpamConfig;
pub use network::IpamOptions;
pub use network::NetworkSpec;
pub use node::Availability;
pub use node::NodeRole;
pub use node::NodeSpec;
pub use placement::Placement;
pub use placement::PlacementPreference;
pub use placement::Platform;
pub use placement::Rebalance;
pub use placement::SpreadOver;
pub use placement::Strategy;
pub use placement::UnknownRebalance;
pub use placement::UnknownStrategy;
pub use placement::UnknownVolumes;
pub use placement::Volumes;
pub use privileges::AppArmorMode;
pub use privileges::AppArmorOpts;
pub use privileges::Privileges;
pub use privileges::SeLinuxContext;
pub use privileges::SeccompMode;
pub use privileges::SeccompOpts;
pub use readiness::Probe;
pub use readiness::ReadinessConfig;
pub use readiness::UnknownProbe;
pub use service::ENDPOINT_LABELS;
pub use service::FailureAction;
pub use service::ReplicatedJob;
pub use service::ServiceMode;
pub use service::ServiceSpec;
pub use service::UpdateConfig;
pub use service::UpdateOrder;
pub use swarm::CaConfig;
pub use swarm::DATA_PATH_PORTS;
pub use swarm::DEFAULT_ADDRESS_POOL;
pub use swarm::DEFAULT_DATA_PATH_PORT;
pub use swarm::DEFAULT_SUBNET_SIZE;
pub use swarm::DispatcherConfig;
pub use swarm::EncryptionConfig;
pub use swarm::ExternalCa;
pub use swarm::MANAGER_PORT;
pub use swarm::MAX_SUBNET_SIZE;
pub use swarm::OrchestrationConfig;
pub use swarm::RaftConfig;
pub use swarm::SwarmSpec;
pub use swarm::TaskDefaults;
pub use task::DiscreteResource;
pub use task::Driver;
pub use task::GenericResource;
pub use task::Limits;
pub use task::NamedResource;
pub use task::NetworkAttachmentConfig;
pub use task::Reservations;
pub use task::ResourceRequirements;
pub use task::RestartCondition;
pub use task::RestartPolicy;
pub use task::TaskSpec;

/// User labels, in the order of their keys.
pub type Labels = BTreeMap<String, String>;

/// For `skip_serializing_if`: Docker omits members that hold their zero value.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
