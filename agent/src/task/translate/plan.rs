//! What the engine is asked to make, as values.

use bollard::models::ContainerCreateBody;
use bollard::models::EndpointSettings;
use bollard::models::NetworkCreateRequest;
use ipnet::Ipv4Net;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::id::NetworkId;

/// What a container is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerPlan {
    /// Its name.
    pub name: String,
    /// The body of `POST /containers/create`. It has the first network: engines before API 1.44 take only one.
    pub body: ContainerCreateBody,
    /// The other networks, to be connected before the start.
    pub connect: Vec<EndpointPlan>,
}

/// One network of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointPlan {
    /// The engine's id of the network.
    pub network: String,
    /// Its name, by which engine 20.10 lists it until the container is first started.
    pub name: String,
    /// How the container is on it.
    pub settings: EndpointSettings,
}

/// What a Docker network is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkPlan {
    /// Which of the cluster's networks it is.
    pub id: NetworkId,
    /// The body of `POST /networks/create`.
    pub body: NetworkCreateRequest,
}

/// A network that a task is on.
#[derive(Clone, Copy, Debug)]
pub struct TaskNetwork<'a> {
    /// The network.
    pub network: &'a NetworkAssignment,
    /// The engine's id of it.
    pub engine_id: &'a str,
    /// The task's address on it.
    pub addr: Ipv4Net,
}
