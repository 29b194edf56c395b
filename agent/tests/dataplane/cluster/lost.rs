//! A node that cannot be reached any more, as the others see it.

use std::collections::BTreeSet;

use swarmlite_agent::testing::Reached;
use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::id::NodeId;

use super::description::Cluster;
use super::description::LIMIT;
use super::three_nodes;
use crate::rig::Node;
use crate::rig::Rig;

pub(super) async fn a_node_that_is_cut_off_is_lost_to_the_others(kind: Kind) {
    let mut rig = Rig::new("l", kind);
    let mut cluster = Cluster::new();
    let nodes = three_nodes(&mut rig, &cluster);
    cluster.publish(&nodes).await;
    let [one, two, three] = [0, 1, 2].map(|at| cluster.nodes[at].clone());
    let all = BTreeSet::from([&one, &two, &three]);
    for (node, own) in nodes.iter().zip([&one, &two, &three]) {
        sees(node, all.iter().copied().filter(|id| *id != own), []).await;
    }

    rig.inside("switch", "ip link set p3 down");
    sees(&nodes[0], [&two], [&three]).await;
    sees(&nodes[1], [&one], [&three]).await;
    sees(&nodes[2], [], [&one, &two]).await;

    rig.inside("switch", "ip link set p3 up");
    for (node, own) in nodes.iter().zip([&one, &two, &three]) {
        sees(node, all.iter().copied().filter(|id| *id != own), []).await;
    }
}

/// Waits until exactly these nodes answer to `node`, and those are lost to it.
async fn sees<'a>(
    node: &Node,
    answering: impl IntoIterator<Item = &'a NodeId>,
    lost: impl IntoIterator<Item = &'a NodeId>,
) {
    let wanted = Reached {
        answering: answering.into_iter().cloned().collect(),
        lost: lost.into_iter().cloned().collect(),
    };
    let mut reached = node.data_plane.reached();
    let seen = reached.wait_for(|reached| *reached == wanted);
    drop(tokio::time::timeout(LIMIT, seen).await.expect("in time").expect("running"));
}
