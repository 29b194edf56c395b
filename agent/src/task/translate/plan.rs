//! What the engine is asked to make, as values.

use bollard::models::ContainerCreateBody;
use bollard::models::EndpointSettings;
use bollard::models::NetworkCreateRequest;
use ipnet::Ipv4Net;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::id::NetworkId;

/// What a container is made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ContainerPlan {
    pub(crate) name: String,
    /// The body of `POST /containers/create`. It has the first network: engines before API 1.44 take only one.
    pub(crate) body: ContainerCreateBody,
    /// The other networks, to be connected before the start.
    pub(crate) connect: Vec<EndpointPlan>,
}

/// One network of a container.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EndpointPlan {
    /// The engine's id of the network.
    pub(crate) network: String,
    /// Its name, by which engine 20.10 lists it until the container is first started.
    pub(crate) name: String,
    /// How the container is on it.
    pub(crate) settings: EndpointSettings,
}

/// What a Docker network is made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NetworkPlan {
    /// Which of the cluster's networks it is.
    pub(crate) id: NetworkId,
    /// The body of `POST /networks/create`.
    pub(crate) body: NetworkCreateRequest,
}

/// A network that a task is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskNetwork<'a> {
    pub(crate) network: &'a NetworkAssignment,
    /// The engine's id of it.
    pub(crate) engine_id: &'a str,
    /// The task's address on it.
    pub(crate) addr: Ipv4Net,
}
