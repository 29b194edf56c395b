//! When the cluster goes on to a newer format of its records: the loop that raises it once every manager reads it.
//!
//! What the formats are, and what may be written before and after, is in [`swarmlite_proto::format`].

use rand::rngs::StdRng;
use swarmlite_proto::format::Format;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::time::Timestamp;

use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;
use crate::state::State;

/// The newest format that all managers read becomes the format of the cluster.
#[must_use]
pub(crate) fn reconcile(view: &View, now: Timestamp, _: &mut StdRng) -> Plan {
    let mut plan = Plan::default();
    let (Some(cluster), Some(common)) = (view.state.cluster(), common(&view.state)) else {
        return plan;
    };
    if common > cluster.format {
        let raised = Cluster { format: common, ..Cluster::clone(cluster) };
        plan.change(now, &[], [vec![Op::PutCluster(Box::new(raised))]]);
    }
    plan
}

/// The newest format that every manager reads, those included that are still joining. A manager that has announced nothing reads what had no mark.
fn common(state: &State) -> Option<Format> {
    let managers = state.nodes().values().filter(|node| node.manager.is_some());
    managers.map(|node| node.versions.format).min()
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::format::Versions;
    use swarmlite_proto::id::NodeId;
    use swarmlite_proto::object::ManagerRecord;
    use swarmlite_proto::object::Node;

    use super::*;
    use crate::loops::tests::world::cluster;
    use crate::state::fixture::commit;
    use crate::state::fixture::node;
    use crate::state::fixture::rng;

    fn manager(number: u16, versions: Versions) -> Node {
        let addr = ([192, 0, 2, 1], number).into();
        let manager = Some(ManagerRecord { raft_id: number.into(), addr });
        Node { manager, versions, ..node(number.into(), number) }
    }

    /// The format that a cluster of `nodes` goes on to.
    fn raised(nodes: impl IntoIterator<Item = Node>) -> Option<Format> {
        let mut view = View::default();
        let puts = nodes.into_iter().map(|node| Op::PutNode(Box::new(node)));
        let ops = [Op::PutCluster(Box::new(cluster()))].into_iter().chain(puts).collect();
        commit(&mut view.state, ops).expect("is sound");
        let plan = reconcile(&view, Timestamp::EPOCH, &mut rng(1));
        for transaction in plan.transactions {
            commit(&mut view.state, transaction.ops).expect("is sound");
            assert_eq!(reconcile(&view, Timestamp::EPOCH, &mut rng(1)), Plan::default());
        }
        Some(view.state.format()).filter(|format| *format > Format::UNMARKED)
    }

    #[test]
    fn the_last_manager_decides() {
        let (old, new) = (Versions::default(), Versions::own());
        assert_eq!(raised([manager(1, new), manager(2, old), manager(3, new)]), None);
        assert_eq!(raised([manager(1, new), manager(2, new)]), Some(Format::newest()));
    }

    #[test]
    fn workers_are_not_waited_for() {
        let worker = Node { id: NodeId::random(&mut rng(7)), ..node(2, 2) };
        assert_eq!(raised([manager(1, Versions::own()), worker]), Some(Format::newest()));
    }
}
