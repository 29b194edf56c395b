//! Three nodes on one machine, without an engine but for one test.
//!
//! - `description`: what the managers say of the cluster.
//! - `traffic`: who reaches whom, and who is seen.
//! - `one_port`: a client that uses one port for several connections.
//! - `changes`: what happens when tasks come and go, and when others touch the tables.
//! - `switching`: a node that is given the other balancer.
//! - `lost`: a node that is cut off.
//! - `show`: the same for the eye, with what the kernel says.
//! - `with_engine`: a node whose containers an engine makes.

#![expect(clippy::cognitive_complexity, reason = "stories that are told once, in order")]

mod changes;
mod description;
mod lost;
mod one_port;
mod show;
mod switching;
mod traffic;
mod with_engine;

use futures_util::future::LocalBoxFuture;
use swarmlite_proto::balance::Balancer as Kind;

use self::description::Cluster;
use self::description::TARGET;
use crate::rig::Container;
use crate::rig::Node;
use crate::rig::Rig;
use crate::talk::serve;

/// A test, for one balancer. It panics if it fails.
pub(crate) type Case = fn(Kind) -> LocalBoxFuture<'static, ()>;

/// Runs a test.
pub(crate) fn run(case: Case, kind: Kind) {
    tokio::runtime::Runtime::new().expect("runtime").block_on(case(kind));
}

/// What three nodes do.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("three_nodes_route_balance_and_publish", |kind| {
        Box::pin(traffic::three_nodes_route_balance_and_publish(kind))
    }),
    ("tables_follow_the_tasks_and_repair_themselves", |kind| {
        Box::pin(changes::tables_follow_the_tasks_and_repair_themselves(kind))
    }),
    ("a_service_on_three_nodes_to_look_at", |kind| {
        Box::pin(show::a_service_on_three_nodes_to_look_at(kind))
    }),
    ("one_port_of_a_client_serves_through_several_nodes", |kind| {
        Box::pin(one_port::one_port_of_a_client_serves_through_several_nodes(kind))
    }),
    ("a_node_that_is_cut_off_is_lost_to_the_others", |kind| {
        Box::pin(lost::a_node_that_is_cut_off_is_lost_to_the_others(kind))
    }),
    ("an_engine_puts_containers_on_our_networks", |kind| {
        Box::pin(with_engine::an_engine_puts_containers_on_our_networks(kind))
    }),
];

/// What takes a kernel that has both balancers, by the one that a node starts with.
pub(crate) const WITH_BOTH: &[(&str, Case)] = &[("the_other_balancer_takes_over", |kind| {
    Box::pin(switching::the_other_balancer_takes_over(kind))
})];

/// The nodes of a cluster, with its data plane but no container.
fn three_nodes(rig: &mut Rig, cluster: &Cluster) -> Vec<Node> {
    (1_u8..).zip(cluster.nodes.clone()).map(|(index, id)| rig.node(index, id)).collect()
}

/// The two tasks of the service, `one` on node 1 and `two` on node 2.
async fn two_tasks(rig: &mut Rig, nodes: &[Node]) -> [Container; 2] {
    let one = rig.container(&nodes[0], &["10.255.0.11/16", "10.0.1.11/24"]).await;
    let two = rig.container(&nodes[1], &["10.255.0.12/16", "10.0.1.12/24"]).await;
    serve(&one.netns, "one", TARGET).await;
    serve(&two.netns, "two", TARGET).await;
    [one, two]
}

/// Answers of several requests in a row.
async fn ask_often(times: usize, mut ask: impl AsyncFnMut() -> String) -> Vec<String> {
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(ask().await);
    }
    answers
}

/// Both tasks answered, in turn, and each saw this address.
#[track_caller]
fn assert_in_turn(answers: &[String], seen: &str) {
    let (one, two) = (format!("one {seen}"), format!("two {seen}"));
    assert!(answers.iter().all(|answer| *answer == one || *answer == two), "{answers:?}");
    assert!(answers.windows(2).all(|pair| pair[0] != pair[1]), "not in turn: {answers:?}");
}
