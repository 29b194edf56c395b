//! Which nodes are on which networks: kept as tasks and attached containers come and go.
//!
//! Every node is on the ingress network, whatever runs there; that is not counted here.

use imbl::OrdMap;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::usage::count_down;

/// For each network and each node on it, how many tasks and containers it is on it for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Presence {
    counts: OrdMap<(NetworkId, NodeId), usize>,
}

impl Presence {
    /// The nodes on a network, in the order of their ids.
    pub(super) fn nodes<'a>(
        &'a self,
        network: &NetworkId,
    ) -> impl Iterator<Item = &'a NodeId> + use<'a> {
        let network = network.clone();
        let from = self.counts.range((network.clone(), NodeId::FIRST)..);
        from.map(|(key, _)| key)
            .take_while(move |(other, _)| *other == network)
            .map(|(_, node)| node)
    }

    /// A task has changed from `old` to `new`. Where it is, and on which networks, hardly ever does.
    pub(super) fn change_task(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let (before, after) = (old.and_then(place), new.and_then(place));
        if before == after {
            return;
        }
        if let Some((node, attachments)) = before {
            attachments.iter().for_each(|it| self.leave(&it.network_id, node));
        }
        if let Some((node, attachments)) = after {
            attachments.iter().for_each(|it| self.enter(&it.network_id, node));
        }
    }

    /// An attached container has come, running or not.
    pub(super) fn add_attachment(&mut self, attachment: &Attachment) {
        self.enter(&attachment.network_id, &attachment.node_id);
    }

    /// An attached container is gone.
    pub(super) fn remove_attachment(&mut self, attachment: &Attachment) {
        self.leave(&attachment.network_id, &attachment.node_id);
    }

    fn enter(&mut self, network: &NetworkId, node: &NodeId) {
        *self.counts.entry((network.clone(), node.clone())).or_default() += 1;
    }

    fn leave(&mut self, network: &NetworkId, node: &NodeId) {
        count_down(&mut self.counts, &(network.clone(), node.clone()));
    }
}

/// Where a task is, and with which addresses.
fn place(task: &Task) -> Option<(&NodeId, &[NetworkAttachment])> {
    let node = task.node_id.as_ref().filter(|_| is_on_node(task))?;
    Some((node, &task.attachments))
}

/// Whether a task is on its node, or on its way there, and has not ended.
pub(crate) fn is_on_node(task: &Task) -> bool {
    task.status.state >= TaskState::Assigned && !task.status.state.is_terminal()
}
