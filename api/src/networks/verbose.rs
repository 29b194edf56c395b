//! Who is on a network: its nodes, and its services with their tasks (moby `daemon/libnetwork/agent.go`, `Services` and `Peers`).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use swarmlite_manager::dispatcher::assignment::networks_of;
use swarmlite_manager::state::AddressOwner;
use swarmlite_manager::state::State;
use swarmlite_proto::api::NetworkPeer;
use swarmlite_proto::api::NetworkService;
use swarmlite_proto::api::NetworkTask;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::PublishMode;

/// The nodes that are on `network`.
pub(super) fn peers(state: &State, network: &Network) -> Vec<NetworkPeer> {
    let is_on = |node: &Node| networks_of(state, &node.id).iter().any(|one| one.id == network.id);
    let nodes = state.nodes().values().filter(|node| is_on(node));
    nodes
        .filter_map(|node| {
            let description = node.description.as_ref()?;
            let ip = node.data_path_addr?.to_string();
            Some(NetworkPeer { name: description.hostname.clone(), ip })
        })
        .collect()
}

/// The services on `network` by name, those that are gone and whose tasks are not included. Standalone containers come
/// under no name, as in Docker.
pub(super) fn services(state: &State, network: &Network) -> BTreeMap<String, NetworkService> {
    let mut services: BTreeMap<String, NetworkService> = BTreeMap::new();
    for (addr, owner) in state.addresses(&network.id).into_iter().flatten() {
        match owner {
            AddressOwner::Gateway => {}
            AddressOwner::Service(id) => {
                if let Some(service) = state.services().get(id) {
                    let entry = services.entry(service.spec.name.clone()).or_default();
                    entry.vip = addr.to_string();
                    entry.ports = ports(service, network);
                }
            }
            AddressOwner::Task(id) => {
                if let Some(task) = state.tasks().get(id) {
                    let entry = services.entry(task.service_name.clone()).or_default();
                    entry.tasks.push(of_task(state, task, *addr));
                }
            }
            AddressOwner::Attachment(id) => {
                if let Some(attachment) = state.attachments().get(id) {
                    let entry = services.entry(String::new()).or_default();
                    entry.tasks.push(of_attachment(state, attachment));
                }
            }
        }
    }
    services
}

fn ports(service: &Service, network: &Network) -> Vec<String> {
    let published = service
        .endpoint
        .ports
        .iter()
        .filter(|port| network.spec.ingress && port.publish_mode == PublishMode::Ingress);
    published
        .map(|port| format!("Target: {}, Publish: {}", port.target_port, port.published_port))
        .collect()
}

fn of_task(state: &State, task: &Task, addr: Ipv4Addr) -> NetworkTask {
    // Tasks of global services are called after their node (moby `daemon/cluster/executor/container`).
    let node = task.node_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let slot = if task.slot == 0 { node } else { task.slot.to_string() };
    NetworkTask {
        name: format!("{}.{slot}.{}", task.service_name, task.id),
        endpoint_id: task.id.to_string(),
        endpoint_ip: addr.to_string(),
        info: task.node_id.as_ref().map(|node| info(state, node)).unwrap_or_default(),
    }
}

fn of_attachment(state: &State, attachment: &Attachment) -> NetworkTask {
    NetworkTask {
        name: attachment.container.as_ref().map(|one| one.name.clone()).unwrap_or_default(),
        endpoint_id: attachment.id.to_string(),
        endpoint_ip: attachment.addr.addr().to_string(),
        info: info(state, &attachment.node_id),
    }
}

fn info(state: &State, node: &NodeId) -> Labels {
    let addr = state.nodes().get(node).and_then(|node| node.data_path_addr);
    addr.into_iter().map(|addr| ("Host IP".to_owned(), addr.to_string())).collect()
}
