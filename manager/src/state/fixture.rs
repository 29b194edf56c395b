//! Objects for tests to start from. Never part of what is installed.

use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_proto::error::Result;
use swarmlite_proto::object::Endpoint;
use swarmlite_proto::object::NetworkAllocation;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::*;

/// A generator that gives the same ids in every run.
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A node that has joined and not been heard of.
pub fn node(seed: u64, index: u16) -> Node {
    Node {
        id: NodeId::random(&mut rng(seed)),
        meta: Default::default(),
        spec: NodeSpec::default(),
        description: None,
        status: NodeStatus::default(),
        role: NodeRole::Worker,
        index: NodeIndex(index),
        data_path_addr: None,
        manager: None,
        witness: false,
        versions: Default::default(),
    }
}

/// A service of one replica that nobody has allocated for.
pub fn service(seed: u64, name: &str) -> Service {
    let mut spec = ServiceSpec { name: name.to_owned(), ..ServiceSpec::default() };
    spec.task_template.container_spec =
        Some(ContainerSpec { image: "whoami:latest".to_owned(), ..ContainerSpec::default() });
    Service {
        id: ServiceId::random(&mut rng(seed)),
        meta: Default::default(),
        spec,
        spec_version: Version::NONE,
        previous_spec: None,
        previous_spec_version: None,
        endpoint: Endpoint::default(),
        update_status: None,
        job_status: None,
        registry_auth: None,
        previous_registry_auth: None,
    }
}

/// A new task in `slot` of `service`, which must be in the state.
pub fn task(seed: u64, service: &Service, slot: u64) -> Task {
    Task {
        id: TaskId::random(&mut rng(seed)),
        meta: Default::default(),
        service_id: service.id.clone(),
        service_name: service.spec.name.clone(),
        labels: Default::default(),
        slot,
        spec_version: service.spec_version,
        node_id: None,
        desired_state: TaskState::Running,
        status: TaskStatus::default(),
        attachments: Vec::new(),
        job_iteration: None,
        routing: Default::default(),
        served: None,
        generic_resources: Vec::new(),
        migrate: false,
    }
}

/// A network with addresses.
#[expect(clippy::expect_used, reason = "for tests")]
pub fn network(seed: u64, name: &str, vni: u32, subnet: &str) -> Network {
    let subnet: ipnet::Ipv4Net = subnet.parse().expect("a subnet");
    let gateway = subnet.hosts().next().expect("a subnet with hosts");
    Network {
        id: NetworkId::random(&mut rng(seed)),
        meta: Default::default(),
        spec: NetworkSpec { name: name.to_owned(), ..NetworkSpec::default() },
        allocation: Some(NetworkAllocation { vni, subnet, gateway }),
    }
}

/// Applies one transaction of `ops` at the next index.
pub fn commit(state: &mut State, ops: Vec<Op>) -> Result<Version> {
    let at = Timestamp::EPOCH;
    state.apply(state.applied() + 1, Transaction { at, ops })
}
