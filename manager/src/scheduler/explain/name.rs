//! What nodes and tasks are called.

use swarmlite_proto::object::Node;
use swarmlite_proto::object::Task;

/// What a node is called: its host name, or its id as long as nothing was heard of it.
pub(super) fn of_node(node: &Node) -> String {
    let name = node.description.as_ref().map(|description| description.hostname.as_str());
    name.filter(|name| !name.is_empty()).unwrap_or(node.id.as_str()).to_owned()
}

/// What a task is called, as `web.1`; the node of one that has no number goes without saying.
pub(super) fn of_task(task: &Task) -> String {
    match task.slot {
        0 => task.service_name.clone(),
        slot => format!("{}.{slot}", task.service_name),
    }
}
