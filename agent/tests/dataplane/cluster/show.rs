//! One service on three nodes, told for whoever reads the output: what was asked, what was answered, and what the kernel holds.
//!
//! ```text
//!  client 192.168.77.100 ── switch ─┬─ node 1  192.168.77.1   one    10.255.0.11  10.0.1.11
//!                                   ├─ node 2  192.168.77.2   two    10.255.0.12  10.0.1.12
//!                                   └─ node 3  192.168.77.3   third               10.0.1.13
//! ```

use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::path::Path;

use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::id::NetworkId;

use super::ask_often;
use super::assert_in_turn;
use super::description::Cluster;
use super::description::PUBLISHED;
use super::description::TARGET;
use super::description::VIP;
use super::three_nodes;
use super::two_tasks;
use crate::rig::CLIENT;
use crate::rig::Node;
use crate::rig::Rig;
use crate::rig::underlay;
use crate::subject::Conversation;
use crate::talk::Connection;
use crate::talk::ask_tcp;
use crate::talk::ask_udp;

pub(super) async fn a_service_on_three_nodes_to_look_at(kind: Kind) {
    let mut rig = Rig::new("e", kind);
    let mut cluster = Cluster::new();
    let nodes = three_nodes(&mut rig, &cluster);
    cluster.publish(&nodes).await;
    let _tasks = two_tasks(&mut rig, &nodes).await;
    let third = rig.container(&nodes[2], &["10.0.1.13/24"]).await;
    cluster.add_other_service();
    cluster.publish(&nodes).await;

    let node = &nodes[2];
    say(&format!("the service whoami: one on node 1, two on node 2, none on node 3; by {kind}"));
    kernel(&rig, node, &cluster.app, "for its virtual address 10.0.1.2");
    let answers = ask_often(4, || ask_tcp(&third.netns, VIP, TARGET)).await;
    told("a container on node 3, 10.0.1.13, asks 10.0.1.2:80", &answers);
    assert_in_turn(&answers, "10.0.1.13");
    let answers = ask_often(4, || ask_udp(&third.netns, VIP, TARGET)).await;
    told("it asks by UDP", &answers);
    assert_in_turn(&answers, "10.0.1.13");

    kernel(&rig, node, &cluster.ingress, "for the published port 8000, which is port 80 of a task");
    let client = rig.netns("client");
    let seen = underlay(CLIENT).to_string();
    let answers = ask_often(4, || ask_tcp(&client, node.address(), PUBLISHED)).await;
    told(&format!("a client outside, {seen}, asks node 3 at {}:8000", node.address()), &answers);
    assert_in_turn(&answers, &seen);
    let answers = ask_often(4, || ask_udp(&client, node.address(), PUBLISHED)).await;
    told("it asks by UDP", &answers);
    assert_in_turn(&answers, &seen);

    drain(&rig, &mut cluster, &nodes, &client).await;
    for node in &nodes {
        node.data_plane.tear_down().await.expect("torn down");
    }
}

/// Task `one` drains while a connection to it is open.
async fn drain(rig: &Rig, cluster: &mut Cluster, nodes: &[Node], client: &Path) {
    let node = &nodes[2];
    let seen = underlay(CLIENT).to_string();
    let (one, two) = (format!("one {seen}"), format!("two {seen}"));
    let mut open = Connection::open(
        client,
        Ipv4Addr::UNSPECIFIED,
        SocketAddrV4::new(node.address(), PUBLISHED),
    )
    .await;
    let mut answer = open.ask();
    if answer != one {
        open = Connection::open(
            client,
            Ipv4Addr::UNSPECIFIED,
            SocketAddrV4::new(node.address(), PUBLISHED),
        )
        .await;
        answer = open.ask();
    }
    told("the client opens a connection and keeps it", std::slice::from_ref(&answer));
    assert_eq!(answer, one);
    cluster.set_serving(0, false);
    cluster.publish(nodes).await;
    kernel(rig, node, &cluster.ingress, "while one drains");
    let answers = ask_often(4, || ask_tcp(client, node.address(), PUBLISHED)).await;
    told("new connections", &answers);
    assert!(answers.iter().all(|answer| *answer == two), "{answers:?}");
    let answers = ask_often(2, async || open.ask()).await;
    told("the connection that is open", &answers);
    assert!(answers.iter().all(|answer| *answer == one), "{answers:?}");
}

fn say(text: &str) {
    eprintln!("\n{text}");
}

/// What was asked, and the answers: the name of the task and whom it saw.
fn told(question: &str, answers: &[String]) {
    say(&format!("{question}:"));
    for answer in answers {
        eprintln!("    {answer}");
    }
}

/// What the kernel of a node balances on a network.
fn kernel(rig: &Rig, node: &Node, network: &NetworkId, what: &str) {
    say(&format!("node {}, {what}:", node.index));
    for line in rig.shown(node, network).lines() {
        eprintln!("    {line}");
    }
}
