//! Records of the state as the Docker Engine API prints them.

use std::sync::Arc;

use swarmlite_manager::ca::rotation;
use swarmlite_manager::quorum::Quorum;
use swarmlite_manager::state::State;
use swarmlite_proto::api;
use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::IpamConfig;
use swarmlite_proto::spec::IpamOptions;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::version::Version;

/// A node.
pub(super) fn node(node: &Node, quorum: &Quorum) -> api::Node {
    api::Node {
        id: node.id.clone(),
        version: node.meta.version,
        created_at: node.meta.created_at,
        updated_at: node.meta.updated_at,
        spec: node.spec.clone(),
        description: node.description.clone().unwrap_or_default().into(),
        status: node.status.clone().into(),
        manager_status: node.manager.map(|manager| api::ManagerStatus {
            leader: quorum.leader.as_ref() == Some(&node.id),
            reachability: quorum.reachability(node),
            addr: manager.addr.to_string(),
            witness: node.witness,
        }),
    }
}

/// A service, without counts of its tasks.
pub(super) fn service(service: &Service) -> api::Service {
    let virtual_ips = service.endpoint.virtual_ips.iter().map(|vip| api::VirtualIp {
        network_id: vip.network_id.clone(),
        addr: vip.addr.to_string(),
    });
    api::Service {
        id: service.id.clone(),
        version: service.meta.version,
        created_at: service.meta.created_at,
        updated_at: service.meta.updated_at,
        spec: service.spec.clone(),
        previous_spec: service.previous_spec.clone(),
        endpoint: api::ServiceEndpoint {
            spec: service.spec.endpoint_spec.clone().unwrap_or_default(),
            ports: service.endpoint.ports.clone(),
            virtual_ips: virtual_ips.collect(),
            http_certificates: Vec::new(),
        },
        update_status: service.update_status.clone().map(Into::into),
        service_status: None,
        job_status: service.job_status.map(Into::into),
    }
}

/// A task, with the spec that it was made from and the networks it is on.
pub(super) fn task(state: &State, task: &Task) -> api::Task {
    let attachments = task.attachments.iter();
    api::Task {
        id: task.id.clone(),
        version: task.meta.version,
        created_at: task.meta.created_at,
        updated_at: task.meta.updated_at,
        labels: task.labels.clone(),
        spec: state
            .revision_of(task)
            .map(|revision| Arc::clone(&revision.task))
            .unwrap_or_default(),
        service_id: task.service_id.clone(),
        slot: task.slot,
        node_id: task.node_id.clone(),
        status: task_status(&task.status),
        desired_state: desired_state(task),
        generic_resources: task.generic_resources.clone(),
        networks_attachments: attachments.filter_map(|one| attachment(state, one)).collect(),
        job_iteration: task.job_iteration.map(Version::at),
        routing: task.routing.as_str().to_owned(),
        migrate: task.migrate,
    }
}

/// What a node is called; empty if it has not said so yet, or is gone.
pub(super) fn hostname(state: &State, node: &NodeId) -> String {
    let description = state.nodes().get(node).and_then(|node| node.description.as_ref());
    description.map_or_else(String::new, |description| description.hostname.clone())
}

/// Where a task should be. Docker has no word for one that should be rejected: it is to shut down.
pub(super) fn desired_state(task: &Task) -> TaskState {
    match task.desired_state {
        TaskState::Rejected => TaskState::Shutdown,
        other => other,
    }
}

fn task_status(status: &TaskStatus) -> api::TaskStatus {
    // Docker has no place for it, and all its clients show what went wrong.
    let not_ready = status.not_ready.as_ref().map(|reason| format!("not ready: {reason}"));
    api::TaskStatus {
        timestamp: status.timestamp,
        state: status.state,
        message: status.message.clone(),
        err: not_ready.unwrap_or_else(|| status.err.clone()),
        container_status: status.container.as_ref().map(|container| api::ContainerStatus {
            container_id: container.container_id.clone(),
            pid: container.pid,
            exit_code: container.exit_code,
        }),
        port_status: api::PortStatus { ports: status.host_ports.clone() },
    }
}

/// An address of a task; nothing if its network is gone.
fn attachment(state: &State, attachment: &NetworkAttachment) -> Option<api::NetworkAttachment> {
    let network = state.networks().get(&attachment.network_id)?;
    Some(api::NetworkAttachment {
        network: api::AttachedNetwork {
            id: network.id.clone(),
            version: network.meta.version,
            created_at: network.meta.created_at,
            updated_at: network.meta.updated_at,
            spec: api::AttachedNetworkSpec {
                name: network.spec.name.clone(),
                labels: network.spec.labels.clone(),
                driver_configuration: Driver { name: "overlay".to_owned(), ..Driver::default() },
                ingress: network.spec.ingress,
                scope: "swarm".to_owned(),
            },
        },
        addresses: vec![attachment.addr.to_string()],
    })
}

/// A network of the cluster. What the allocator chose stands where the user left it open.
pub(super) fn network(network: &Network) -> api::Network {
    let mut options = network.spec.options.clone();
    let mut ipam = network.spec.ipam.clone().unwrap_or_default();
    if ipam.driver.is_empty() {
        ipam.driver = "default".to_owned();
    }
    if let Some(allocation) = network.allocation {
        options.insert(NetworkSpec::VXLAN_OPTION.to_owned(), allocation.vni.to_string());
        let config = IpamConfig {
            subnet: Some(allocation.subnet.into()),
            gateway: Some(allocation.gateway.into()),
            ..ipam.config.into_iter().next().unwrap_or_default()
        };
        ipam = IpamOptions { config: vec![config], ..ipam };
    }
    api::Network {
        name: network.spec.name.clone(),
        id: network.id.to_string(),
        created: network.meta.created_at.to_string(),
        ipam,
        internal: network.spec.internal,
        attachable: network.spec.attachable,
        ingress: network.spec.ingress,
        options,
        labels: network.spec.labels.clone(),
        ..api::Network::default()
    }
}

/// The cluster, without what lets nodes in.
pub(super) fn cluster(cluster: &Cluster) -> api::Swarm {
    api::Swarm {
        id: cluster.id.clone(),
        version: cluster.meta.version,
        created_at: cluster.meta.created_at,
        updated_at: cluster.meta.updated_at,
        spec: cluster.spec.clone(),
        tls_info: rotation::tls_info(cluster).into(),
        root_rotation_in_progress: cluster.next_root_ca.is_some(),
        data_path_port: cluster.data_path_port,
        default_addr_pool: cluster.default_addr_pool.iter().map(ToString::to_string).collect(),
        subnet_size: cluster.subnet_size,
        join_tokens: None,
    }
}

/// A network of the local engine that stands for one of the cluster, as a worker shows it: as the one that it stands for.
pub(super) fn local_overlay(network: &mut serde_json::Value) {
    network["Driver"] = "overlay".into();
    network["Scope"] = "swarm".into();
    // No network of the cluster is made from a template.
    if let Some(members) = network.as_object_mut() {
        members.remove("ConfigFrom");
    }
    // Engines before API 1.47 do not say it, and have `null` for no options.
    network["EnableIPv4"] = true.into();
    if network["IPAM"]["Options"].is_null() {
        network["IPAM"]["Options"] = serde_json::json!({});
    }
    for marked in ["Labels", "Options"] {
        let mark = network[marked].as_object_mut().and_then(|of| of.remove(NETWORK_ID_LABEL));
        if let Some(id) = mark {
            network["Id"] = id;
        }
    }
}

/// Labels of the engine of a node, for filters.
pub(super) fn engine_labels(node: &Node) -> Labels {
    node.description
        .as_ref()
        .map(|description| description.engine.labels.clone())
        .unwrap_or_default()
}
