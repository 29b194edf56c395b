//! Nodes in parts, by the values of labels that the placement preferences name, each part in parts again by the next preference.

use std::collections::BTreeMap;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::PlacementPreference;

use super::Rank;
use super::leaf::Leaf;
use super::preferences;
use super::rank;
use crate::scheduler::board::Board;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::filter;

/// A part of the nodes.
#[derive(Debug)]
pub(in crate::scheduler) enum Tree {
    /// Nodes that the preferences do not tell apart.
    Nodes(Leaf),
    /// Parts by the value of a label, each with how many tasks of the service it has.
    Parts(BTreeMap<String, (usize, Self)>),
}

impl Tree {
    /// All nodes of the cluster: those that cannot run a task of the group only count.
    pub(super) fn new(group: &Group, board: &Board<'_>) -> Self {
        let preferences = preferences(group);
        let mut tree = Self::empty(preferences, group);
        for candidate in board.candidates() {
            let fits = filter::check(group, &candidate).is_ok();
            tree.insert(preferences, group, &candidate, fits.then(|| rank(group, &candidate)));
        }
        tree
    }

    fn empty(preferences: &[PlacementPreference], group: &Group) -> Self {
        if preferences.is_empty() {
            Self::Nodes(Leaf::empty(group.strategy))
        } else {
            Self::Parts(BTreeMap::new())
        }
    }

    fn insert(
        &mut self,
        preferences: &[PlacementPreference],
        group: &Group,
        candidate: &Candidate<'_>,
        rank: Option<Rank>,
    ) {
        match (self, preferences) {
            (Self::Parts(parts), [first, rest @ ..]) => {
                let value = value_of(first, candidate.node).to_owned();
                let (tasks, part) =
                    parts.entry(value).or_insert_with(|| (0, Self::empty(rest, group)));
                *tasks += candidate.tasks_of(group);
                part.insert(rest, group, candidate, rank);
            }
            (Self::Nodes(leaf), _) => rank.into_iter().for_each(|rank| leaf.insert(rank)),
            (Self::Parts(_), []) => {}
        }
    }

    /// The best node, or the one that `lot` draws; a task is counted for its parts.
    pub(super) fn take(&mut self, lot: u64) -> Option<NodeId> {
        match self {
            Self::Nodes(leaf) => leaf.take(lot),
            Self::Parts(parts) => {
                let mut order: Vec<(&mut usize, &mut Self)> =
                    parts.values_mut().map(|(tasks, part)| (tasks, part)).collect();
                // Stable: parts with as many tasks stay in the order of their values.
                order.sort_by_key(|(tasks, _)| **tasks);
                order.into_iter().find_map(|(tasks, part)| {
                    let taken = part.take(lot)?;
                    *tasks += 1;
                    Some(taken)
                })
            }
        }
    }

    /// A task was placed on the node that was taken, which can run another one if it `fits`.
    pub(super) fn placed(&mut self, group: &Group, candidate: &Candidate<'_>, fits: bool) {
        let mut part = self;
        for preference in preferences(group) {
            let Self::Parts(parts) = part else { return };
            let value = value_of(preference, candidate.node);
            let Some((_, inner)) = parts.get_mut(value) else { return };
            part = inner;
        }
        if let Self::Nodes(leaf) = part {
            leaf.placed(rank(group, candidate), fits);
        }
    }
}

/// The value that the preference looks at; nodes without the label form one part.
pub(in crate::scheduler) fn value_of<'a>(
    preference: &PlacementPreference,
    node: &'a Node,
) -> &'a str {
    let descriptor = label_of(preference);
    let engine = node.description.as_ref().map(|description| &description.engine.labels);
    let value = if let Some(label) = descriptor.strip_prefix("node.labels.") {
        node.spec.labels.get(label)
    } else if let Some(label) = descriptor.strip_prefix("engine.labels.") {
        engine.and_then(|labels| labels.get(label))
    } else {
        None
    };
    value.map_or("", String::as_str)
}

/// The label that the preference looks at, as `node.labels.zone`.
pub(in crate::scheduler) fn label_of(preference: &PlacementPreference) -> &str {
    preference.spread.as_ref().map_or("", |spread| &spread.spread_descriptor)
}
