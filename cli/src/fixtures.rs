//! Objects that tests of several commands share.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use swarmlite_proto::api::Document;
use swarmlite_proto::api::Explanation;
use swarmlite_proto::api::Node;
use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::time::Timestamp;

fn id(kind: &str, number: u32) -> String {
    format!("{kind:0<20}{number:05}")
}

/// When what happened so many seconds into the story.
fn at(seconds: u64) -> String {
    (Timestamp::EPOCH + Duration::from_secs(seconds)).to_string()
}

/// Three nodes: the leader, another manager, and a worker that is down.
pub(crate) fn nodes() -> Vec<Node> {
    let node = |number, hostname: &str, state: &str, availability: &str, manager| {
        let node = json!({
            "ID": id("node", number), "Version": {"Index": 1}, "CreatedAt": at(0), "UpdatedAt": at(0),
            "Spec": {"Labels": {}, "Role": "worker", "Availability": availability},
            "Description": {"Hostname": hostname, "Engine": {"EngineVersion": "20.10.24"}},
            "Status": {"State": state, "Addr": "10.0.0.1"}, "ManagerStatus": manager,
        });
        serde_json::from_value(node).expect("a node")
    };
    let manager =
        |leader| json!({"Leader": leader, "Reachability": "reachable", "Addr": "10.0.0.1:2377"});
    vec![
        node(1, "node1", "ready", "active", manager(true)),
        node(2, "node2", "ready", "drain", manager(false)),
        node(3, "node10", "down", "active", json!(null)),
    ]
}

/// A replicated and a global service.
pub(crate) fn services() -> Vec<Service> {
    let service = |number, name: &str, image: &str, mode, ports, running: u64, desired: u64| {
        let service = json!({
            "ID": id("service", number), "Version": {"Index": 1}, "CreatedAt": at(0), "UpdatedAt": at(0),
            "Spec": {"Name": name, "Mode": mode, "TaskTemplate": {"ContainerSpec": {"Image": image}}},
            "Endpoint": {"Ports": ports},
            "ServiceStatus": {"RunningTasks": running, "DesiredTasks": desired, "CompletedTasks": 0},
        });
        serde_json::from_value(service).expect("a service")
    };
    let ports = json!([{"Protocol": "tcp", "TargetPort": 8000, "PublishedPort": 8000, "PublishMode": "ingress"}]);
    vec![
        service(1, "web", "whoami:latest", json!({"Replicated": {"Replicas": 2}}), ports, 1, 2),
        service(2, "agent", "reg:5000/agent:1@sha256:00", json!({"Global": {}}), json!([]), 3, 3),
    ]
}

/// The tasks of `web`: two that run, one that failed before, and one that waits for a node.
pub(crate) fn tasks() -> Vec<Task> {
    let task = |number, slot, node, state: &str, desired: &str, since: u64, error: &str| {
        let task = json!({
            "ID": id("task", number), "Version": {"Index": 1}, "CreatedAt": at(since), "UpdatedAt": at(since),
            "Labels": {}, "Spec": {"ContainerSpec": {"Image": "whoami:latest@sha256:00"}},
            "ServiceID": id("service", 1), "Slot": slot, "NodeID": node,
            "Status": {"Timestamp": at(since), "State": state, "Err": error,
                "PortStatus": {"Ports": [{"Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353, "PublishMode": "host"}]}},
            "DesiredState": desired,
        });
        serde_json::from_value(task).expect("a task")
    };
    let error = "task: non-zero exit (1): a long story about it";
    vec![
        task(1, 10, json!(null), "pending", "running", 40, "no suitable node"),
        task(2, 2, json!(id("node", 2)), "failed", "shutdown", 30, error),
        task(3, 1, json!(id("node", 1)), "running", "running", 97, ""),
        task(4, 2, json!(id("node", 1)), "running", "running", 38, ""),
    ]
}

/// Why a task of `web` waits on three nodes.
pub(crate) fn explanation() -> Explanation {
    let node = |number, tasks: u64, obstacles| {
        json!({
            "NodeID": id("node", number), "Hostname": format!("node{number}"), "Here": false, "Fits": false,
            "Parts": [], "Failures": 0, "TasksOfService": 0, "Tasks": tasks, "Obstacles": obstacles,
        })
    };
    let memory = json!({
        "Check": "resources", "Text": "300 MiB of memory short: 512 MiB needed, 212 MiB left",
        "Missing": {"Of": "memory", "Needed": 536_870_912, "Left": 222_298_112},
        "Changes": ["free 300 MiB of memory on node2", "reserve at most 212 MiB of memory"],
    });
    let zone = json!({
        "Check": "constraint", "Text": "constraint node.labels.zone==b is not met",
        "Changes": ["drop constraint node.labels.zone==b"],
    });
    let error = "no suitable node (scheduling constraints not satisfied on 2 nodes; insufficient resources on 1 node)";
    let explanation = json!({
        "ServiceID": id("service", 1), "ServiceName": "web", "Strategy": "spread", "Waiting": 1, "Error": error,
        "Sentence": format!("1 of 2 tasks of web waits for a node: {error}."),
        "Checks": ["ready", "resources", "plugin", "constraint", "platform", "port", "max-replicas", "filter"],
        "Nodes": [node(2, 3, json!([memory])), node(1, 1, json!([zone])), node(3, 0, json!([memory, zone]))],
        "Advice": [], "Hint": "free 300 MiB of memory on node2, or drop constraint node.labels.zone==b",
    });
    serde_json::from_value(explanation).expect("an explanation")
}

/// A task of `web` in one state.
pub(crate) fn task(slot: u64, node: u32, state: &str, desired: &str) -> Task {
    let mut task = tasks().remove(2);
    task.slot = slot;
    task.node_id = Some(id("node", node).parse().expect("an id"));
    task.status.state = state.parse().expect("a state");
    task.desired_state = desired.parse().expect("a state");
    if (state, desired) == ("running", "running") {
        "routed".clone_into(&mut task.routing);
    }
    task.spec = Arc::default();
    task
}

/// A secret or config, made after 10 seconds and changed after 60.
pub(crate) fn document<K: Kind>(number: u32, name: &str) -> Document<Id<K>> {
    let document = json!({
        "ID": id(K::NAME, number), "Version": {"Index": 1}, "CreatedAt": at(10), "UpdatedAt": at(60),
        "Spec": {"Name": name, "Labels": {}},
    });
    serde_json::from_value(document).expect("a secret or config")
}

/// A swarm as `GET /swarm` shows it.
pub(crate) fn swarm() -> serde_json::Value {
    json!({
        "ID": id("cluster", 1), "Version": {"Index": 7}, "CreatedAt": at(0), "UpdatedAt": at(0),
        "Spec": {"Name": "default"}, "TLSInfo": {}, "RootRotationInProgress": false,
        "DataPathPort": 4789, "DefaultAddrPool": ["10.0.0.0/8"], "SubnetSize": 24,
        "JoinTokens": {"Worker": "SWMTKN-1-d-worker", "Manager": "SWMTKN-1-d-manager"},
    })
}
