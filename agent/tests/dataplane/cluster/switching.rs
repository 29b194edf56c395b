//! A node whose daemon starts with the other balancer: nothing of the one before is left to answer.

use std::net::Ipv4Addr;
use std::net::SocketAddrV4;

use swarmlite_agent::testing::DataPlaneHandle;
use swarmlite_proto::balance::Balancer as Kind;

use super::ask_often;
use super::description::Cluster;
use super::description::PUBLISHED;
use super::description::TARGET;
use super::description::VIP;
use super::description::has_reached;
use crate::rig::CLIENT;
use crate::rig::Node;
use crate::rig::Rig;
use crate::rig::underlay;
use crate::subject::Conversation;
use crate::talk::Connection;
use crate::talk::Flow;
use crate::talk::ask_tcp;
use crate::talk::serve;

pub(super) async fn the_other_balancer_takes_over(kind: Kind) {
    let mut rig = Rig::new("f", kind);
    let mut cluster = Cluster::new();
    cluster.set_serving(1, false);
    let nodes = [rig.node(1, cluster.nodes[0].clone())];
    cluster.publish(&nodes).await;
    let [mut node] = nodes;
    let one = rig.container(&node, &["10.255.0.11/16", "10.0.1.11/24"]).await;
    serve(&one.netns, "one", TARGET).await;
    let client = rig.netns("client");
    let mut flow =
        Flow::open(&client, Ipv4Addr::UNSPECIFIED, SocketAddrV4::new(node.address(), PUBLISHED))
            .await;
    let served = format!("one {}", underlay(CLIENT));
    assert_eq!(flow.ask(), served);

    for _ in 0..2 {
        let mut open = Connection::open(
            &client,
            Ipv4Addr::UNSPECIFIED,
            SocketAddrV4::new(node.address(), PUBLISHED),
        )
        .await;
        assert_eq!(open.ask(), served);
        let before = rig.kind();
        rig.switch();
        node.data_plane = restart(&rig, &cluster, &node).await;
        only_one_balances(&rig, &cluster, &node);
        let answers = ask_often(3, || ask_tcp(&client, node.address(), PUBLISHED)).await;
        assert!(answers.iter().all(|answer| *answer == served), "{answers:?}");
        assert_eq!(ask_tcp(&one.netns, VIP, TARGET).await, "one 10.0.1.1");
        assert_eq!(flow.ask(), served);
        // Connection tracking goes on with what it translated; what IPVS had is over.
        if before == Kind::Nftables {
            assert_eq!(open.ask(), served);
        }
    }
    node.data_plane.tear_down().await.expect("torn down");
}

/// The data plane anew, with the balancer that the rig has now.
async fn restart(rig: &Rig, cluster: &Cluster, node: &Node) -> DataPlaneHandle {
    let restarted = rig.data_plane(node.index, &node.id, None);
    restarted.set_assignments(cluster.assignments.clone()).await.expect("running");
    has_reached(&restarted, cluster.assignments.generation).await;
    restarted
}

/// The kernel holds what the rig's balancer made, and nothing of the other.
fn only_one_balances(rig: &Rig, cluster: &Cluster, node: &Node) {
    for network in [&cluster.ingress, &cluster.app] {
        let listed = rig.balanced(node, network);
        assert_eq!(listed.contains("Masq"), rig.kind() == Kind::Ipvs, "{listed}");
        for of_nftables in ["dnat to", "swarmlite_traffic"] {
            assert_eq!(listed.contains(of_nftables), rig.kind() == Kind::Nftables, "{listed}");
        }
    }
}
