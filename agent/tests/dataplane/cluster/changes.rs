//! What happens when tasks come and go, when others touch the tables, and when the daemon starts anew.

use std::net::Ipv4Addr;
use std::net::SocketAddrV4;

use swarmlite_proto::balance::Balancer as Kind;

use super::ask_often;
use super::description::Cluster;
use super::description::PUBLISHED;
use super::description::has_reached;
use super::three_nodes;
use super::two_tasks;
use crate::rig::CLIENT;
use crate::rig::Container;
use crate::rig::Node;
use crate::rig::Rig;
use crate::rig::underlay;
use crate::rig::wait_for;
use crate::subject::Conversation;
use crate::talk::Connection;
use crate::talk::Flow;
use crate::talk::ask_tcp;

pub(super) async fn tables_follow_the_tasks_and_repair_themselves(kind: Kind) {
    let mut rig = Rig::new("b", kind);
    let mut cluster = Cluster::new();
    let nodes = three_nodes(&mut rig, &cluster);
    let [one, _two] = tasks_come_and_go(&mut rig, &mut cluster, &nodes).await;
    what_others_change_is_put_back(&rig, &mut cluster, &nodes[2]).await;
    a_restart_disturbs_nothing(&rig, &cluster, &nodes[1]).await;
    ports_are_used_again(&mut rig, &mut cluster, &nodes, one).await;
    a_network_goes_alone(&rig, &mut cluster, &nodes).await;
    for node in &nodes {
        node.data_plane.tear_down().await.expect("torn down");
    }
}

/// The client uses the same UDP socket throughout, as one that never stops sending does.
async fn tasks_come_and_go(rig: &mut Rig, cluster: &mut Cluster, nodes: &[Node]) -> [Container; 2] {
    let client = rig.netns("client");
    let entry = nodes[2].address();
    let mut flow =
        Flow::open(&client, Ipv4Addr::UNSPECIFIED, SocketAddrV4::new(entry, PUBLISHED)).await;
    let seen = underlay(CLIENT).to_string();

    // Nobody serves yet: refused, not dropped.
    cluster.set_serving(0, false);
    cluster.set_serving(1, false);
    cluster.publish(nodes).await;
    assert_eq!(ask_tcp(&client, entry, PUBLISHED).await, "ConnectionRefused");
    assert_eq!(flow.ask(), "ConnectionRefused");

    let tasks = two_tasks(rig, nodes).await;
    cluster.set_serving(0, true);
    cluster.publish(nodes).await;
    assert_eq!(flow.ask(), format!("one {seen}"));
    let mut open =
        Connection::open(&client, Ipv4Addr::UNSPECIFIED, SocketAddrV4::new(entry, PUBLISHED)).await;
    assert_eq!(open.ask(), format!("one {seen}"));

    // A task that drains gets no new connection, and a flow of datagrams, which has no end, goes elsewhere.
    cluster.set_serving(0, false);
    cluster.set_serving(1, true);
    cluster.publish(nodes).await;
    assert_eq!(flow.ask(), format!("two {seen}"));
    let answers = ask_often(3, || ask_tcp(&client, entry, PUBLISHED)).await;
    assert!(answers.iter().all(|answer| *answer == format!("two {seen}")), "{answers:?}");
    assert_eq!(open.ask(), format!("one {seen}"));

    // All drain: what is new is refused, each time and at once, and what is open goes on.
    cluster.set_serving(1, false);
    cluster.publish(nodes).await;
    let answers = ask_often(10, || ask_tcp(&client, entry, PUBLISHED)).await;
    assert!(answers.iter().all(|answer| answer == "ConnectionRefused"), "{answers:?}");
    assert_eq!(flow.ask(), "ConnectionRefused");
    assert_eq!(open.ask(), format!("one {seen}"));
    cluster.set_serving(1, true);
    cluster.publish(nodes).await;
    assert_eq!(flow.ask(), format!("two {seen}"));
    tasks
}

/// Another's hand in the tables: the next pass puts them back.
async fn what_others_change_is_put_back(rig: &Rig, cluster: &mut Cluster, node: &Node) {
    let client = rig.netns("client");
    let served = format!("two {}", underlay(CLIENT));
    let sandbox = node.data_plane.sandbox(&cluster.ingress);
    let name = format!("n{}", node.index);
    let nsenter = format!("nsenter --net={}", sandbox.display());
    let unbalance = match rig.kind() {
        Kind::Nftables => "nft flush chain ip swarmlite_balancer prerouting",
        Kind::Ipvs => "ipvsadm --clear",
    };
    // Each alone is enough to be unreachable.
    for harm in [
        "nft delete table ip swarmlite",
        "iptables -F DOCKER-USER",
        &format!("{nsenter} {unbalance}"),
        &format!("{nsenter} ip route flush table main proto static"),
    ] {
        rig.inside(&name, harm);
    }
    rig.inside(&name, &format!("{nsenter} ip rule flush"));
    rig.inside(&name, &format!("{nsenter} ip rule add lookup main pref 32766"));
    assert_ne!(ask_tcp(&client, node.address(), PUBLISHED).await, served);
    cluster.publish(std::slice::from_ref(node)).await;
    assert_eq!(ask_tcp(&client, node.address(), PUBLISHED).await, served);
}

/// A restarted daemon finds its containers in the kernel.
async fn a_restart_disturbs_nothing(rig: &Rig, cluster: &Cluster, node: &Node) {
    let restarted = rig.data_plane(node.index, &node.id, None);
    restarted.set_assignments(cluster.assignments.clone()).await.expect("running");
    has_reached(&restarted, cluster.assignments.generation).await;
    let answer = ask_tcp(&rig.netns("client"), node.address(), PUBLISHED).await;
    assert_eq!(answer, format!("two {}", underlay(CLIENT)));
}

/// What the kernel remembers of a client's port does not lead to a task that does not serve any more, or is gone.
async fn ports_are_used_again(
    rig: &mut Rig,
    cluster: &mut Cluster,
    nodes: &[Node],
    one: Container,
) {
    let client = rig.netns("client");
    let (served_by_one, served_by_two) =
        (format!("one {}", underlay(CLIENT)), format!("two {}", underlay(CLIENT)));
    // Through the node that has the task, and through one that has none.
    let ways = [(&nodes[0], 21_000), (&nodes[2], 21_001)].map(|(node, port)| {
        let from = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        (from, SocketAddrV4::new(node.address(), PUBLISHED))
    });
    let open = async |way: &Way| Connection::open_from(&client, way.0, way.1).await;
    let serving = async |cluster: &mut Cluster, task: usize| {
        cluster.set_serving(0, task == 0);
        cluster.set_serving(1, task == 1);
        cluster.publish(nodes).await;
    };

    // Whoever waits for an answer to its first packet gets one from another task.
    serving(cluster, 0).await;
    rig.inside(&one.namespace, "iptables -A INPUT -p tcp -j DROP");
    let dropped = || {
        let rules = rig.inside(&one.namespace, "iptables -nvxL INPUT");
        let rule = rules.lines().find(|line| line.contains("DROP"))?;
        rule.split_whitespace().next()?.parse::<usize>().ok()
    };
    let ask_both = async || {
        let (mut first, mut second) = tokio::join!(open(&ways[0]), open(&ways[1]));
        [first.ask(), second.ask()]
    };
    let no_longer = async {
        wait_for("both have sent", || dropped().is_some_and(|packets| packets >= 2)).await;
        serving(cluster, 1).await;
    };
    let (answers, ()) = tokio::join!(ask_both(), no_longer);
    assert_eq!(answers, [served_by_two.clone(), served_by_two.clone()]);
    rig.inside(&one.namespace, "iptables -F INPUT");

    // Streams that nobody has ended are remembered for days.
    serving(cluster, 0).await;
    let mut left = Vec::new();
    for way in &ways {
        left.push(open(way).await);
        assert_eq!(left.last_mut().expect("pushed").ask(), served_by_one);
    }
    serving(cluster, 1).await;
    for endpoint in cluster.assignments.endpoints.values_mut() {
        endpoint.tasks.remove(0);
    }
    cluster.publish(nodes).await;
    rig.remove(&nodes[0], one).await;
    for open in &mut left {
        assert_eq!(open.ask(), "ConnectionReset");
    }
    drop(left);
    for way in &ways {
        assert_eq!(open(way).await.ask(), served_by_two, "from {}", way.0);
    }
}

/// Where a connection comes from, and where it goes.
type Way = (SocketAddrV4, SocketAddrV4);

/// A network that is no longer assigned goes, and what is on the others stays.
async fn a_network_goes_alone(rig: &Rig, cluster: &mut Cluster, nodes: &[Node]) {
    cluster.assignments.networks.remove(&cluster.app);
    cluster.assignments.endpoints.retain(|(network, _), _| *network == cluster.ingress);
    cluster.publish(nodes).await;
    assert_eq!(std::fs::read_dir(rig.sandboxes(&nodes[0])).expect("folder").count(), 1);
    let answer = ask_tcp(&rig.netns("client"), nodes[0].address(), PUBLISHED).await;
    assert_eq!(answer, format!("two {}", underlay(CLIENT)));
}
