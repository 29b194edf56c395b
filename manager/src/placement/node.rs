//! Which nodes the tasks of a service may be on.

use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Availability;

use super::constraint;

/// Whether a node may keep the tasks it has. One that was not heard of since the leader changed may.
pub(crate) fn keeps_tasks(node: Option<&Node>) -> bool {
    node.is_some_and(|node| {
        node.status.state != NodeState::Down && node.spec.availability != Availability::Drain
    })
}

/// Whether the tasks of a global service may be on `node`.
pub(crate) fn fits(service: &Service, node: &Node) -> bool {
    keeps_tasks(Some(node))
        && constraint::all_match(service.spec.task_template.placement.as_ref(), node)
}
