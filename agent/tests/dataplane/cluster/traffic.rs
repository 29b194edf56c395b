//! Who reaches whom, by which address, and whom the server sees.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::path::Path;

use swarmlite_agent::testing::linux::namespace::run_inside;
use swarmlite_proto::balance::Balancer as Kind;

use super::ask_often;
use super::assert_in_turn;
use super::description::Cluster;
use super::description::OTHER;
use super::description::PUBLISHED;
use super::description::TARGET;
use super::description::VIP;
use super::three_nodes;
use super::two_tasks;
use crate::rig::CLIENT;
use crate::rig::Container;
use crate::rig::Node;
use crate::rig::Rig;
use crate::rig::underlay;
use crate::talk::ask_tcp;
use crate::talk::ask_udp;
use crate::talk::ask_with;

pub(super) async fn three_nodes_route_balance_and_publish(kind: Kind) {
    let mut rig = Rig::new("a", kind);
    let mut cluster = Cluster::new();
    let nodes = three_nodes(&mut rig, &cluster);
    cluster.publish(&nodes).await;
    let [one, two] = two_tasks(&mut rig, &nodes).await;
    let third = rig.container(&nodes[2], &["10.0.1.13/24"]).await;
    cluster.add_other_service();
    cluster.publish(&nodes).await;

    by_address(&third).await;
    by_virtual_address(&one, &third).await;
    both_ways_from_one_port(&one, &third).await;
    let client = rig.netns("client");
    from_outside(&client, &nodes).await;
    from_outside_with_one_socket(&client, &nodes).await;
    from_the_nodes(&nodes).await;

    for (node, container) in [(0, one), (1, two), (2, third)] {
        rig.remove(&nodes[node], container).await;
    }
    nothing_is_left(&rig, &nodes).await;
}

/// From container to container.
async fn by_address(third: &Container) {
    assert_eq!(ask_tcp(&third.netns, Ipv4Addr::new(10, 0, 1, 11), TARGET).await, "one 10.0.1.13");
    assert_eq!(ask_udp(&third.netns, Ipv4Addr::new(10, 0, 1, 12), TARGET).await, "two 10.0.1.13");
    // An address of the network that nobody has.
    let answer = ask_tcp(&third.netns, Ipv4Addr::new(10, 0, 1, 99), TARGET).await;
    assert!(["HostUnreachable", "TimedOut"].contains(&answer.as_str()), "{answer}");
}

/// In turn, and the tasks see who asked.
async fn by_virtual_address(one: &Container, third: &Container) {
    let answers = ask_often(6, || ask_tcp(&third.netns, VIP, TARGET)).await;
    assert_in_turn(&answers, "10.0.1.13");
    assert_in_turn(&ask_often(6, || ask_udp(&third.netns, VIP, TARGET)).await, "10.0.1.13");
    // A service without a listener refuses at once.
    assert_eq!(ask_tcp(&one.netns, OTHER, 81).await, "ConnectionRefused");
    // A task that calls its own service reaches itself too; only then it sees the gateway.
    let answers = ask_often(4, || ask_tcp(&one.netns, VIP, TARGET)).await;
    assert!(answers.contains(&"one 10.0.1.1".to_owned()), "{answers:?}");
    assert!(answers.contains(&"two 10.0.1.11".to_owned()), "{answers:?}");
}

/// A socket that asks a service and then one of its tasks hears from the one it asked.
async fn both_ways_from_one_port(one: &Container, third: &Container) {
    let ways = [VIP, Ipv4Addr::new(10, 0, 1, 11), Ipv4Addr::new(10, 0, 1, 12)];
    for container in [third, one] {
        let answers =
            ask_all(&container.netns, ways.map(|way| SocketAddr::new(way.into(), TARGET)));
        let answers = answers.await;
        assert!(answers.iter().all(|answer| answer.contains(" 10.0.1.")), "{answers:?}");
    }
}

/// By every node: in turn, with the client's own address.
async fn from_outside(client: &Path, nodes: &[Node]) {
    let seen = underlay(CLIENT).to_string();
    for node in nodes {
        let answers = ask_often(4, || ask_tcp(client, node.address(), PUBLISHED)).await;
        assert_in_turn(&answers, &seen);
        let answers = ask_often(4, || ask_udp(client, node.address(), PUBLISHED)).await;
        assert_in_turn(&answers, &seen);
    }
}

/// The same socket asks one node after the other, and hears from the one it asked.
async fn from_outside_with_one_socket(client: &Path, nodes: &[Node]) {
    let seen = underlay(CLIENT).to_string();
    let entries: [SocketAddr; 3] =
        [0, 1, 2].map(|at: usize| SocketAddr::new(nodes[at].address().into(), PUBLISHED));
    let answers = ask_all(client, entries).await;
    assert!(answers.iter().all(|answer| answer.ends_with(&seen)), "{answers:?}");
}

/// From the nodes themselves: by the loopback address, and by their own.
async fn from_the_nodes(nodes: &[Node]) {
    for node in nodes {
        let answers = ask_often(4, || ask_tcp(&node.netns, Ipv4Addr::LOCALHOST, PUBLISHED)).await;
        assert_in_turn(&answers, "169.254.255.1");
        let own = node.address();
        let answers = ask_often(4, || ask_tcp(&node.netns, own, PUBLISHED)).await;
        assert_in_turn(&answers, &own.to_string());
    }
}

async fn nothing_is_left(rig: &Rig, nodes: &[Node]) {
    for node in nodes {
        node.data_plane.tear_down().await.expect("torn down");
        let name = format!("n{}", node.index);
        assert_eq!(std::fs::read_dir(rig.sandboxes(node)).expect("folder").count(), 0);
        assert!(!rig.inside(&name, "nft list tables").contains("swarmlite"));
        assert!(!rig.inside(&name, "iptables -S").contains("swarmlite"));
        let links = rig.inside(&name, "ip -o link");
        assert!(!links.contains("swarmlite") && !links.contains("swl"), "{links}");
    }
}

/// Asks each of these three times by one UDP socket, in turn.
async fn ask_all(from: &Path, entries: [SocketAddr; 3]) -> Vec<String> {
    let answers = run_inside(from.to_owned(), move || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
        entries.iter().cycle().take(9).map(|to| ask_with(&socket, *to)).collect()
    });
    answers.await.expect("namespace")
}
