//! The nodes as a pass leaves them: what the state says, and what has been placed since.

use std::collections::HashMap;

use imbl::OrdSet;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::time::Timestamp;

use super::candidate::Candidate;
use super::candidate::Group;
use super::claim;
use crate::state::NodeUsage;
use crate::state::State;

/// The nodes as a pass leaves them.
#[derive(Debug)]
pub(super) struct Board<'a> {
    state: &'a State,
    now: Timestamp,
    /// The usage of the nodes that the pass has placed something on.
    changed: HashMap<NodeId, NodeUsage>,
    /// The nodes that get tasks, those with the fewest first.
    by_load: OrdSet<(usize, NodeId)>,
}

impl<'a> Board<'a> {
    pub(super) fn new(state: &'a State, now: Timestamp) -> Self {
        Self { state, now, changed: HashMap::new(), by_load: state.by_load().clone() }
    }

    /// The nodes that get tasks, those with the fewest first. Cheap to clone.
    pub(super) const fn by_load(&self) -> &OrdSet<(usize, NodeId)> {
        &self.by_load
    }

    /// A node as it is by now.
    pub(super) fn candidate(&self, node: &NodeId) -> Option<Candidate<'_>> {
        let node = self.state.nodes().get(node)?;
        let usage = self.changed.get(&node.id).unwrap_or_else(|| self.state.usage(&node.id));
        Some(Candidate { node, usage, now: self.now })
    }

    /// All nodes as they are by now, in the order of their ids.
    pub(super) fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.state.nodes().keys().filter_map(|node| self.candidate(node))
    }

    /// Places one more task of `group` on a node. Returns which of its countable resources the task is given.
    pub(super) fn place(&mut self, group: &Group, node: &NodeId) -> Vec<GenericResource> {
        let given = self
            .candidate(node)
            .map(|candidate| claim::give(&candidate, &group.reserved.generic))
            .unwrap_or_default();
        self.change(node, |usage| {
            usage.occupy(&group.service, Some(&group.revision), &given, true);
        });
        given
    }

    /// Counts on what `task` uses of its node, as it stops before what replaces it starts.
    pub(super) fn release(&mut self, task: &Task) {
        let revision = self.state.revision_of(task).map(AsRef::as_ref);
        let is_wanted = task.desired_state.is_wanted();
        self.change_of(task, |usage| {
            usage.release(&task.service_id, revision, &task.generic_resources, is_wanted);
        });
    }

    /// Takes [`Board::release`] back.
    pub(super) fn occupy(&mut self, task: &Task) {
        let revision = self.state.revision_of(task).map(AsRef::as_ref);
        let is_wanted = task.desired_state.is_wanted();
        self.change_of(task, |usage| {
            usage.occupy(&task.service_id, revision, &task.generic_resources, is_wanted);
        });
    }

    fn change_of(&mut self, task: &Task, change: impl FnOnce(&mut NodeUsage)) {
        if let Some(node) =
            task.node_id.as_ref().filter(|node| self.state.nodes().contains_key(*node))
        {
            self.change(node, change);
        }
    }

    fn change(&mut self, node: &NodeId, change: impl FnOnce(&mut NodeUsage)) {
        let of_state = || self.state.usage(node).clone();
        let usage = self.changed.entry(node.clone()).or_insert_with(of_state);
        let before = usage.tasks;
        change(usage);
        let after = usage.tasks;
        if before != after && self.by_load.remove(&(before, node.clone())).is_some() {
            self.by_load.insert((after, node.clone()));
        }
    }
}
