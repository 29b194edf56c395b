//! The default strategy: the node with the fewest tasks of the service, then with the fewest tasks in all, and evenly over the
//! values of the labels that the placement preferences name (swarmkit `manager/scheduler/{nodeset,decision_tree}.go`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::object::Node;
use swarmlite_proto::spec::PlacementPreference;

use super::candidate::Candidate;
use super::candidate::Group;

/// From so many failures of late on, a node is a last resort (swarmkit `manager/scheduler/nodeinfo.go`, `maxFailures`).
const MANY_FAILURES: usize = 5;

/// How good a node is: failures if many, tasks of the service, tasks in all, and its position so that nothing is left to chance.
type Rank = (usize, usize, usize, usize);

/// Nodes to place tasks of one group on, as a tree of the preferences.
#[derive(Debug)]
pub(super) enum Spread {
    /// Nodes that the preferences do not tell apart, by rank.
    Nodes(BTreeSet<Rank>),
    /// Parts by the value of a label, each with how many tasks of the service it has.
    Parts(BTreeMap<String, (usize, Self)>),
}

impl Spread {
    /// All of `candidates`; those at the positions `fit` can be chosen, the others only count.
    pub(super) fn new(group: &Group, candidates: &[Candidate<'_>], fit: &BTreeSet<usize>) -> Self {
        let placement = group.revision.task.placement.as_ref();
        let preferences = placement.map_or(&[][..], |placement| &placement.preferences);
        let mut tree = Self::empty(preferences);
        for (position, candidate) in candidates.iter().enumerate() {
            let rank = fit.contains(&position).then(|| rank(group, candidate, position));
            tree.insert(preferences, group, candidate, rank);
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
                let value = value_of(first, candidate.node);
                let (tasks, part) = parts.entry(value).or_insert_with(|| (0, Self::empty(rest)));
                *tasks += candidate.tasks_of(&group.service);
                part.insert(rest, group, candidate, rank);
            }
            (Self::Nodes(nodes), _) => nodes.extend(rank),
            (Self::Parts(_), []) => {}
        }
    }

    /// Takes the best node out, and counts a task for it. The node can be put back with [`Spread::put_back`].
    pub(super) fn take(&mut self) -> Option<usize> {
        match self {
            Self::Nodes(nodes) => nodes.pop_first().map(|(.., position)| position),
            Self::Parts(parts) => {
                let mut order: Vec<(usize, &String)> =
                    parts.iter().map(|(value, (tasks, _))| (*tasks, value)).collect();
                order.sort_unstable();
                let order: Vec<String> =
                    order.into_iter().map(|(_, value)| value.clone()).collect();
                order.into_iter().find_map(|value| {
                    let (tasks, part) = parts.get_mut(&value)?;
                    let taken = part.take()?;
                    *tasks += 1;
                    Some(taken)
                })
            }
        }
    }

    /// Lets a node be chosen again after a task was placed on it.
    pub(super) fn put_back(&mut self, group: &Group, candidate: &Candidate<'_>, position: usize) {
        let placement = group.revision.task.placement.as_ref();
        let preferences = placement.map_or(&[][..], |placement| &placement.preferences);
        self.restore(preferences, candidate.node, rank(group, candidate, position));
    }

    fn restore(&mut self, preferences: &[PlacementPreference], node: &Node, rank: Rank) {
        match (self, preferences) {
            (Self::Parts(parts), [first, rest @ ..]) => {
                if let Some((_, part)) = parts.get_mut(&value_of(first, node)) {
                    part.restore(rest, node, rank);
                }
            }
            (Self::Nodes(nodes), _) => {
                nodes.insert(rank);
            }
            (Self::Parts(_), []) => {}
        }
    }
}

fn rank(group: &Group, candidate: &Candidate<'_>, position: usize) -> Rank {
    let failures = candidate.failures_of(group);
    let failures = if failures >= MANY_FAILURES { failures } else { 0 };
    (failures, candidate.tasks_of(&group.service), candidate.tasks, position)
}

/// The value that the preference looks at; nodes without the label form one part.
fn value_of(preference: &PlacementPreference, node: &Node) -> String {
    let descriptor = preference.spread.as_ref().map_or("", |spread| &spread.spread_descriptor);
    let engine = node.description.as_ref().map(|description| &description.engine.labels);
    let value = if let Some(label) = descriptor.strip_prefix("node.labels.") {
        node.spec.labels.get(label)
    } else if let Some(label) = descriptor.strip_prefix("engine.labels.") {
        engine.and_then(|labels| labels.get(label))
    } else {
        None
    };
    value.cloned().unwrap_or_default()
}
