//! `random`: by chance, which nobody has to throw: the id of the service and the slot of the task decide. So the same input gives the same
//! placement, and a slot comes back to its node as long as the same nodes fit.

use std::collections::BTreeSet;

use sha2::Digest;
use sha2::Sha256;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::Strategy;

use super::Rank;
use crate::scheduler::candidate::Group;

/// What the task in `slot` draws a node with; 0 for those of other strategies, which draw none.
pub(super) fn lot(group: &Group, slot: u64) -> u64 {
    if group.strategy != Strategy::Random {
        return 0;
    }
    let digest =
        Sha256::new().chain_update(group.service.as_str()).chain_update(slot.to_be_bytes());
    let digest = digest.finalize();
    digest.iter().take(8).fold(0, |lot, byte| lot << 8 | u64::from(*byte))
}

/// The nodes to draw from, and those that are drawn only when there are no others.
#[derive(Debug, Default)]
pub(in crate::scheduler) struct Urn {
    /// In the order of their ids. A node stays in while it fits: what it runs already makes no difference.
    nodes: Vec<NodeId>,
    /// Where tasks of the service keep failing, those with the fewest failures first.
    failing: BTreeSet<Rank>,
}

impl Urn {
    /// Puts a node in. They come in the order of their ids.
    pub(super) fn insert(&mut self, rank: Rank) {
        if rank.failures == 0 {
            self.nodes.push(rank.node);
        } else {
            self.failing.insert(rank);
        }
    }

    pub(super) fn draw(&self, lot: u64) -> Option<NodeId> {
        let drawn = lot.checked_rem(self.nodes.len() as u64);
        let drawn = drawn.and_then(|place| self.nodes.get(usize::try_from(place).ok()?));
        drawn.or_else(|| self.failing.first().map(|rank| &rank.node)).cloned()
    }

    /// Takes a node out that can run no more.
    pub(super) fn remove(&mut self, rank: &Rank) {
        self.failing.remove(rank);
        if let Ok(place) = self.nodes.binary_search(&rank.node) {
            self.nodes.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::state::Op;
    use crate::state::State;
    use crate::state::fixture;

    #[test]
    fn every_node_is_drawn_about_as_often_and_slots_keep_theirs() {
        let mut state = State::default();
        let mut service = fixture::service(2000, "web");
        let placement = service.spec.task_template.placement.get_or_insert_default();
        placement.strategy = Some("random".to_owned());
        let id = service.id.clone();
        fixture::commit(&mut state, vec![Op::PutService(Box::new(service))]).expect("is new");
        let version = state.services()[&id].spec_version;
        let revision = state.revision(&id, version).expect("is kept");
        let group = Group::new(&state, &id, version, Arc::clone(revision));
        let mut urn = Urn::default();
        let mut nodes: Vec<NodeId> = (0..10).map(|seed| fixture::node(seed, 0).id).collect();
        nodes.sort_unstable();
        for node in &nodes {
            urn.insert(Rank { failures: 0, own: 0, score: (0, 0), node: node.clone() });
        }
        let draw = |urn: &Urn, slot| urn.draw(lot(&group, slot)).expect("there are nodes");
        let mut drawn: BTreeMap<NodeId, usize> = BTreeMap::new();
        (1..=1000).for_each(|slot| *drawn.entry(draw(&urn, slot)).or_default() += 1);
        assert_eq!(drawn.values().sum::<usize>(), 1000);
        assert_eq!(drawn.len(), 10);
        assert!(drawn.values().all(|count| (70..=130).contains(count)), "{drawn:?}");
        let first = draw(&urn, 1);
        assert_eq!(draw(&urn, 1), first, "the same slot, the same node");
        urn.remove(&Rank { failures: 0, own: 0, score: (0, 0), node: first.clone() });
        assert!((1..=1000).all(|slot| draw(&urn, slot) != first), "it is full");
        let bad = Rank { failures: 5, own: 0, score: (0, 0), node: first.clone() };
        urn.insert(bad.clone());
        assert!((1..=1000).all(|slot| draw(&urn, slot) != first), "there are others");
        let mut last = Urn::default();
        assert_eq!(last.draw(7), None);
        last.insert(bad);
        assert_eq!(draw(&last, 1), first, "there is no other");
    }
}
