//! The nodes as a pass leaves them: what the state says, and what has been placed since.

use std::collections::HashMap;

use imbl::OrdSet;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::time::Timestamp;

use super::candidate::Candidate;
use super::candidate::Group;
use super::claim;
use super::domain::Domains;
use super::rules::Rules;
use crate::load::Loads;
use crate::state::NodeUsage;
use crate::state::State;

/// The nodes as a pass leaves them.
#[derive(Debug)]
pub(super) struct Board<'a> {
    state: &'a State,
    loads: &'a Loads,
    now: Timestamp,
    /// The usage of the nodes that the pass has placed something on.
    changed: HashMap<NodeId, NodeUsage>,
    /// The nodes that get tasks, those with the fewest first.
    by_load: OrdSet<(usize, NodeId)>,
    /// Where tasks are, of the services that rules ask about.
    domains: Domains,
}

impl<'a> Board<'a> {
    pub(super) fn new(state: &'a State, loads: &'a Loads, now: Timestamp) -> Self {
        let by_load = state.by_load().clone();
        Self { state, loads, now, changed: HashMap::new(), by_load, domains: Domains::default() }
    }

    /// Counts what `rules` look at. Has to come before the nodes are measured by them.
    pub(super) fn know(&mut self, rules: &Rules) {
        for (service, over) in self.domains.missing(rules) {
            let mut domains = std::mem::take(&mut self.domains);
            let nodes = self.candidates();
            let tasks = nodes.map(|it| (it.node, it.usage.tasks_of(&service)));
            domains.count(service.clone(), over, tasks);
            self.domains = domains;
        }
    }

    /// The nodes that get tasks, those with the fewest first. Cheap to clone.
    pub(super) const fn by_load(&self) -> &OrdSet<(usize, NodeId)> {
        &self.by_load
    }

    /// A node as it is by now.
    pub(super) fn candidate(&self, node: &NodeId) -> Option<Candidate<'_>> {
        let node = self.state.nodes().get(node)?;
        let usage = self.changed.get(&node.id).unwrap_or_else(|| self.state.usage(&node.id));
        let load = self.loads.get(&node.id);
        Some(Candidate { node, usage, load, domains: &self.domains, now: self.now })
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
        self.change(node, &group.service, |usage| {
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
            self.change(node, &task.service_id, change);
        }
    }

    /// Changes what tasks of `service` use of a node.
    fn change(&mut self, node: &NodeId, service: &ServiceId, change: impl FnOnce(&mut NodeUsage)) {
        let of_state = || self.state.usage(node).clone();
        let usage = self.changed.entry(node.clone()).or_insert_with(of_state);
        let (before, of_service) = (usage.tasks, usage.tasks_of(service));
        change(usage);
        let after = usage.tasks;
        if let Some(node) = self.state.nodes().get(node) {
            self.domains.change(node, service, of_service, usage.tasks_of(service));
        }
        if before != after && self.by_load.remove(&(before, node.clone())).is_some() {
            self.by_load.insert((after, node.clone()));
        }
    }
}
