//! `random`: by chance, which nobody has to throw: the id of the service and the slot of the task decide. So the same input gives the same
//! placement, and a slot comes back to its node as long as the same nodes fit.

use std::collections::BTreeMap;

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

/// The nodes to draw from, by what comes before chance: one is drawn among the best. What a node runs already makes no difference to that.
#[derive(Debug, Default)]
pub(in crate::scheduler) struct Urn {
    /// By [`Rank::class`], each in the order of their ids. None is empty.
    classes: BTreeMap<(usize, i64), Vec<NodeId>>,
}

impl Urn {
    /// Puts a node in.
    pub(super) fn insert(&mut self, rank: Rank) {
        let nodes = self.classes.entry(rank.class()).or_default();
        if let Err(place) = nodes.binary_search(&rank.node) {
            nodes.insert(place, rank.node);
        }
    }

    pub(super) fn draw(&self, lot: u64) -> Option<NodeId> {
        let (_, nodes) = self.classes.first_key_value()?;
        let drawn = lot.checked_rem(nodes.len() as u64)?;
        nodes.get(usize::try_from(drawn).ok()?).cloned()
    }

    /// The node that was drawn is this good now, if it `fits` another task, and is taken out otherwise.
    pub(super) fn placed(&mut self, rank: Rank, fits: bool) {
        let of_class = self.classes.get(&rank.class());
        if fits && of_class.is_some_and(|nodes| nodes.binary_search(&rank.node).is_ok()) {
            return;
        }
        for nodes in self.classes.values_mut() {
            if let Ok(place) = nodes.binary_search(&rank.node) {
                nodes.remove(place);
            }
        }
        self.classes.retain(|_, nodes| !nodes.is_empty());
        if fits {
            self.insert(rank);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::Op;
    use crate::state::State;
    use crate::state::fixture;

    fn rank(failures: usize, soft: i64, node: &NodeId) -> Rank {
        Rank { failures, soft, own: 0, score: (0, 0), node: node.clone() }
    }

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
            urn.insert(rank(0, 0, node));
        }
        let draw = |urn: &Urn, slot| urn.draw(lot(&group, slot)).expect("there are nodes");
        let mut drawn: BTreeMap<NodeId, usize> = BTreeMap::new();
        (1..=1000).for_each(|slot| *drawn.entry(draw(&urn, slot)).or_default() += 1);
        assert_eq!(drawn.values().sum::<usize>(), 1000);
        assert_eq!(drawn.len(), 10);
        assert!(drawn.values().all(|count| (70..=130).contains(count)), "{drawn:?}");
        let first = draw(&urn, 1);
        assert_eq!(draw(&urn, 1), first, "the same slot, the same node");
        urn.placed(rank(0, 0, &first), true);
        assert_eq!(draw(&urn, 1), first, "it fits another one");
        urn.placed(rank(0, 0, &first), false);
        assert!((1..=1000).all(|slot| draw(&urn, slot) != first), "it is full");
        let bad = rank(5, -1, &first);
        urn.insert(bad.clone());
        assert!((1..=1000).all(|slot| draw(&urn, slot) != first), "there are others");
        let liked = nodes.iter().find(|node| **node != first).expect("ten");
        urn.placed(rank(0, -1, liked), true);
        assert!((1..=1000).all(|slot| draw(&urn, slot) == *liked), "a soft rule is for it");
        let mut last = Urn::default();
        assert_eq!(last.draw(7), None);
        last.insert(bad);
        assert_eq!(draw(&last, 1), first, "there is no other");
    }
}
