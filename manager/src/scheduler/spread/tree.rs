//! Nodes in parts, by the values of labels that the placement preferences name, each part in parts again by the next preference.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::PlacementPreference;

use super::Rank;
use super::preferences;
use super::rank;
use crate::scheduler::board::Board;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::filter;

/// A part of the nodes.
#[derive(Debug)]
pub(in crate::scheduler) enum Tree {
    /// Nodes that the preferences do not tell apart, by rank.
    Nodes(BTreeSet<Rank>),
    /// Parts by the value of a label, each with how many tasks of the service it has.
    Parts(BTreeMap<String, (usize, Self)>),
}

impl Tree {
    /// All nodes of the cluster: those that cannot run a task of the group only count.
    pub(super) fn new(group: &Group, board: &Board<'_>) -> Self {
        let preferences = preferences(group);
        let mut tree = Self::empty(preferences);
        for candidate in board.candidates() {
            let fits = filter::check(group, &candidate).is_ok();
            tree.insert(preferences, group, &candidate, fits.then(|| rank(group, &candidate)));
        }
        tree
    }

    fn empty(preferences: &[PlacementPreference]) -> Self {
        if preferences.is_empty() {
            Self::Nodes(BTreeSet::new())
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
                let (tasks, part) = parts.entry(value).or_insert_with(|| (0, Self::empty(rest)));
                *tasks += candidate.tasks_of(group);
                part.insert(rest, group, candidate, rank);
            }
            (Self::Nodes(nodes), _) => nodes.extend(rank),
            (Self::Parts(_), []) => {}
        }
    }

    /// Takes the best node out, and counts a task for its parts.
    pub(super) fn take(&mut self) -> Option<NodeId> {
        match self {
            Self::Nodes(nodes) => nodes.pop_first().map(|(.., node)| node),
            Self::Parts(parts) => {
                let mut order: Vec<(&mut usize, &mut Self)> =
                    parts.values_mut().map(|(tasks, part)| (tasks, part)).collect();
                // Stable: parts with as many tasks stay in the order of their values.
                order.sort_by_key(|(tasks, _)| **tasks);
                order.into_iter().find_map(|(tasks, part)| {
                    let taken = part.take()?;
                    *tasks += 1;
                    Some(taken)
                })
            }
        }
    }

    pub(super) fn put_back(
        &mut self,
        preferences: &[PlacementPreference],
        group: &Group,
        candidate: &Candidate<'_>,
    ) {
        match (self, preferences) {
            (Self::Parts(parts), [first, rest @ ..]) => {
                if let Some((_, part)) = parts.get_mut(value_of(first, candidate.node)) {
                    part.put_back(rest, group, candidate);
                }
            }
            (Self::Nodes(nodes), _) => {
                nodes.insert(rank(group, candidate));
            }
            (Self::Parts(_), []) => {}
        }
    }
}

/// The value that the preference looks at; nodes without the label form one part.
fn value_of<'a>(preference: &PlacementPreference, node: &'a Node) -> &'a str {
    let descriptor = preference.spread.as_ref().map_or("", |spread| &spread.spread_descriptor);
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
