//! Three nodes on one machine, without an engine but for one test.

#![expect(clippy::cognitive_complexity, reason = "a story that is told once, in order")]

mod one_port;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_agent::network::NetworkAssignments;
use swarmlite_agent::network::linux::namespace::run_inside;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::EndpointTask;
use swarmlite_proto::agent::IngressPort;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::version::Generation;

use crate::engine::Engine;
use crate::rig::CLIENT;
use crate::rig::Node;
use crate::rig::Rig;
use crate::rig::underlay;
use crate::talk::ask_tcp;
use crate::talk::ask_udp;
use crate::talk::ask_with;
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
        Box::pin(three_nodes_route_balance_and_publish(kind))
    }),
    ("tables_follow_the_tasks_and_repair_themselves", |kind| {
        Box::pin(tables_follow_the_tasks_and_repair_themselves(kind))
    }),
    ("one_port_of_a_client_serves_through_several_nodes", |kind| {
        Box::pin(one_port::one_port_of_a_client_serves_through_several_nodes(kind))
    }),
    ("an_engine_puts_containers_on_our_networks", |kind| {
        Box::pin(an_engine_puts_containers_on_our_networks(kind))
    }),
];

/// The port that the nodes answer on, and the one that the tasks listen on.
const PUBLISHED: u16 = 8000;
const TARGET: u16 = 80;

/// The virtual address of the service on the application's network.
const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// The cluster as the managers would describe it: `whoami` with a task on node 1 and one on node 2.
struct Cluster {
    ingress: NetworkId,
    app: NetworkId,
    assignments: NetworkAssignments,
    nodes: Vec<NodeId>,
    whoami: ServiceId,
}

impl Cluster {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let nodes: Vec<NodeId> = (0..3).map(|_| NodeId::random(&mut rng)).collect();
        let (ingress, app) = (NetworkId::random(&mut rng), NetworkId::random(&mut rng));
        let mut assignments = NetworkAssignments::default();
        for (at, id) in (1_u8..).zip(&nodes) {
            let peer = PeerAssignment {
                node_id: id.clone(),
                index: NodeIndex(u16::from(at)),
                data_path_addr: IpAddr::V4(underlay(at)),
            };
            assignments.peers.insert(id.clone(), peer);
        }
        for (id, name, vni, subnet, gateway) in [
            (&ingress, "ingress", 4096, "10.255.0.0/16", [10, 255, 0, 1]),
            (&app, "app", 4097, "10.0.1.0/24", [10, 0, 1, 1]),
        ] {
            let network = NetworkAssignment {
                id: id.clone(),
                name: name.to_owned(),
                vni,
                data_path_port: 4789,
                subnet: subnet.parse().expect("subnet"),
                gateway: gateway.into(),
                ingress: name == "ingress",
                internal: false,
                attachable: false,
                labels: Default::default(),
                options: Default::default(),
            };
            assignments.networks.insert(id.clone(), network);
        }
        let whoami = ServiceId::random(&mut rng);
        let mut cluster = Self { ingress, app, assignments, nodes, whoami };
        cluster.whoami(&mut rng);
        cluster
    }

    fn whoami(&mut self, rng: &mut StdRng) {
        let port = |protocol| IngressPort { protocol, published: PUBLISHED, target: TARGET };
        for (network, vip, ports) in [
            (self.ingress.clone(), None, vec![port(PortProtocol::Tcp), port(PortProtocol::Udp)]),
            (self.app.clone(), Some(VIP), Vec::new()),
        ] {
            let base = if vip.is_some() { [10, 0, 1] } else { [10, 255, 0] };
            let tasks = (0_u8..2)
                .map(|at| EndpointTask {
                    task_id: TaskId::random(rng),
                    addr: Ipv4Addr::new(base[0], base[1], base[2], 11 + at),
                    node_id: self.nodes[usize::from(at)].clone(),
                    serving: true,
                })
                .collect();
            let endpoint = EndpointAssignment {
                network_id: network.clone(),
                service_id: self.whoami.clone(),
                name: "whoami".to_owned(),
                aliases: Vec::new(),
                mode: EndpointMode::Vip,
                vip,
                balancing: Balancing::default(),
                ports,
                tasks,
            };
            self.assignments.endpoints.insert((network, self.whoami.clone()), endpoint);
        }
    }

    /// Says whether a task serves, on every network.
    fn set_serving(&mut self, task: usize, serving: bool) {
        for endpoint in self.assignments.endpoints.values_mut() {
            endpoint.tasks[task].serving = serving;
        }
    }

    /// Gives every node the next generation and waits until all kernels have it.
    async fn publish(&mut self, nodes: &[Node]) {
        self.assignments.generation = Generation(self.assignments.generation.0 + 1);
        for node in nodes {
            node.data_plane.set_assignments(self.assignments.clone()).await.expect("running");
        }
        for node in nodes {
            let mut progress = node.data_plane.progress();
            let wanted = self.assignments.generation;
            let reached = progress.wait_for(|progress| progress.generation >= wanted);
            tokio::time::timeout(Duration::from_secs(20), reached)
                .await
                .expect("in time")
                .expect("running");
        }
    }
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

async fn three_nodes_route_balance_and_publish(kind: Kind) {
    let mut rig = Rig::new("a", kind);
    let mut cluster = Cluster::new();
    let nodes: Vec<Node> =
        (1_u8..).zip(cluster.nodes.clone()).map(|(index, id)| rig.node(index, id)).collect();
    cluster.publish(&nodes).await;
    let one = rig.container(&nodes[0], &["10.255.0.11/16", "10.0.1.11/24"]).await;
    let two = rig.container(&nodes[1], &["10.255.0.12/16", "10.0.1.12/24"]).await;
    let third = rig.container(&nodes[2], &["10.0.1.13/24"]).await;
    serve(&one, "one", TARGET).await;
    serve(&two, "two", TARGET).await;
    // What the managers would do for the third container, which is a task of another service.
    let mut other =
        cluster.assignments.endpoints[&(cluster.app.clone(), cluster.whoami.clone())].clone();
    other.service_id = ServiceId::random(&mut StdRng::seed_from_u64(2));
    other.vip = Some(Ipv4Addr::new(10, 0, 1, 3));
    other.tasks.truncate(1);
    other.tasks[0].addr = Ipv4Addr::new(10, 0, 1, 13);
    other.tasks[0].node_id = nodes[2].id.clone();
    cluster.assignments.endpoints.insert((cluster.app.clone(), other.service_id.clone()), other);
    cluster.publish(&nodes).await;

    // From container to container, by address.
    assert_eq!(ask_tcp(&third.netns, Ipv4Addr::new(10, 0, 1, 11), TARGET).await, "one 10.0.1.13");
    assert_eq!(ask_udp(&third.netns, Ipv4Addr::new(10, 0, 1, 12), TARGET).await, "two 10.0.1.13");
    // An address of the network that nobody has.
    let answer = ask_tcp(&third.netns, Ipv4Addr::new(10, 0, 1, 99), TARGET).await;
    assert!(["HostUnreachable", "TimedOut"].contains(&answer.as_str()), "{answer}");

    // By virtual address: in turn, and the tasks see who asked.
    let answers = ask_often(6, || ask_tcp(&third.netns, VIP, TARGET)).await;
    assert_in_turn(&answers, "10.0.1.13");
    assert_in_turn(&ask_often(6, || ask_udp(&third.netns, VIP, TARGET)).await, "10.0.1.13");
    // A service without a listener refuses at once.
    assert_eq!(ask_tcp(&one.netns, Ipv4Addr::new(10, 0, 1, 3), 81).await, "ConnectionRefused");

    // A task that calls its own service reaches itself too; only then it sees the gateway.
    let answers = ask_often(4, || ask_tcp(&one.netns, VIP, TARGET)).await;
    assert!(answers.contains(&"one 10.0.1.1".to_owned()), "{answers:?}");
    assert!(answers.contains(&"two 10.0.1.11".to_owned()), "{answers:?}");

    // From outside, by every node: in turn, with the client's own address.
    let client = rig.netns("client");
    let seen = underlay(CLIENT).to_string();
    for node in &nodes {
        let answers = ask_often(4, || ask_tcp(&client, node.address(), PUBLISHED)).await;
        assert_in_turn(&answers, &seen);
        let answers = ask_often(4, || ask_udp(&client, node.address(), PUBLISHED)).await;
        assert_in_turn(&answers, &seen);
    }
    // The same socket asks one node after the other, and hears from the one it asked.
    let entries: Vec<SocketAddr> =
        nodes.iter().map(|node| SocketAddr::new(node.address().into(), PUBLISHED)).collect();
    let answers = run_inside(client.clone(), move || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
        entries.iter().cycle().take(9).map(|to| ask_with(&socket, *to)).collect::<Vec<_>>()
    });
    let answers = answers.await.expect("namespace");
    assert!(answers.iter().all(|answer| answer.ends_with(&seen)), "{answers:?}");

    // From the nodes themselves.
    for node in &nodes {
        let answers = ask_often(4, || ask_tcp(&node.netns, Ipv4Addr::LOCALHOST, PUBLISHED)).await;
        assert_in_turn(&answers, "169.254.255.1");
        let own = node.address();
        assert_in_turn(
            &ask_often(4, || ask_tcp(&node.netns, own, PUBLISHED)).await,
            &own.to_string(),
        );
    }

    // Nothing is left of it.
    for (node, container) in [(0, one), (1, two), (2, third)] {
        rig.remove(&nodes[node], container).await;
    }
    for node in &nodes {
        node.data_plane.tear_down().await.expect("torn down");
        let name = format!("n{}", node.index);
        assert_eq!(std::fs::read_dir(rig.sandboxes(node)).expect("folder").count(), 0);
        assert!(!rig.inside(&name, "nft list tables").contains("swarmlite"));
        assert!(!rig.inside(&name, "iptables -S").contains("swarmlite"));
        let links = rig.inside(&name, "ip -o link");
        assert!(!links.contains("swarmlite") && !links.contains("swl"), "{links}");
    }
}

async fn tables_follow_the_tasks_and_repair_themselves(kind: Kind) {
    let mut rig = Rig::new("b", kind);
    let mut cluster = Cluster::new();
    let nodes: Vec<Node> =
        (1_u8..).zip(cluster.nodes.clone()).map(|(index, id)| rig.node(index, id)).collect();
    let client = rig.netns("client");
    let entry = SocketAddr::new(IpAddr::V4(nodes[2].address()), PUBLISHED);
    let (ask, answers) = flow(&client, entry).await;

    // Nobody serves yet: refused, not dropped. The same socket is used throughout, as a client that never stops sending does.
    cluster.set_serving(0, false);
    cluster.set_serving(1, false);
    cluster.publish(&nodes).await;
    assert_eq!(ask_tcp(&client, nodes[2].address(), PUBLISHED).await, "ConnectionRefused");
    let next = || {
        ask.send(()).expect("asks");
        answers.recv().expect("answers")
    };
    assert_eq!(next(), "ConnectionRefused");
    let one = rig.container(&nodes[0], &["10.255.0.11/16", "10.0.1.11/24"]).await;
    let two = rig.container(&nodes[1], &["10.255.0.12/16", "10.0.1.12/24"]).await;
    serve(&one, "one", TARGET).await;
    serve(&two, "two", TARGET).await;
    let seen = underlay(CLIENT).to_string();
    cluster.set_serving(0, true);
    cluster.publish(&nodes).await;
    assert_eq!(next(), format!("one {seen}"));

    // A task that drains gets no new connection, and a flow of datagrams, which has no end, goes elsewhere.
    cluster.set_serving(0, false);
    cluster.set_serving(1, true);
    cluster.publish(&nodes).await;
    assert_eq!(next(), format!("two {seen}"));
    let answers = ask_often(3, || ask_tcp(&client, nodes[2].address(), PUBLISHED)).await;
    assert!(answers.iter().all(|answer| *answer == format!("two {seen}")), "{answers:?}");

    // Another's hand in the tables: the next check puts them back, and counts it.
    let sandbox = nodes[2].data_plane.sandbox(&cluster.ingress);
    let nsenter = format!("nsenter --net={}", sandbox.display());
    rig.inside("n3", "nft delete table ip swarmlite");
    rig.inside("n3", "iptables -F DOCKER-USER");
    rig.inside("n3", &format!("{nsenter} nft flush chain ip swarmlite_balancer prerouting"));
    rig.inside("n3", &format!("{nsenter} ip route flush table main proto static"));
    rig.inside("n3", &format!("{nsenter} ip rule flush"));
    rig.inside("n3", &format!("{nsenter} ip rule add lookup main pref 32766"));
    assert_ne!(ask_tcp(&client, nodes[2].address(), PUBLISHED).await, format!("two {seen}"));
    cluster.publish(&nodes).await;
    assert_eq!(ask_tcp(&client, nodes[2].address(), PUBLISHED).await, format!("two {seen}"));

    // A restarted daemon finds its containers in the kernel, and disturbs nothing.
    let restarted = rig.data_plane(2, &nodes[1].id, None);
    restarted.set_assignments(cluster.assignments.clone()).await.expect("running");
    let mut progress = restarted.progress();
    progress.wait_for(|progress| progress.generation.0 > 0).await.expect("running");
    assert_eq!(ask_tcp(&client, nodes[2].address(), PUBLISHED).await, format!("two {seen}"));

    // A network that is no longer assigned goes, and what is on the others stays.
    cluster.assignments.networks.remove(&cluster.app);
    cluster.assignments.endpoints.retain(|(network, _), _| *network == cluster.ingress);
    cluster.publish(&nodes).await;
    assert_eq!(std::fs::read_dir(rig.sandboxes(&nodes[0])).expect("folder").count(), 1);
    assert_eq!(ask_tcp(&client, nodes[0].address(), PUBLISHED).await, format!("two {seen}"));
    for node in &nodes {
        node.data_plane.tear_down().await.expect("torn down");
    }
}

async fn an_engine_puts_containers_on_our_networks(kind: Kind) {
    assert!(Engine::installed(), "the network driver needs a Docker Engine: install docker.io");
    let mut rig = Rig::new("c", kind);
    let mut cluster = Cluster::new();
    let folder = rig.folder().join("engine");
    let node = rig.node_with_driver(1, cluster.nodes[0].clone(), &Engine::plugins(&folder));
    let engine = Engine::start(&node.netns, folder).await;
    engine.import_empty();
    cluster.set_serving(1, false);
    let nodes = [node];
    cluster.publish(&nodes).await;
    let node = &nodes[0];

    // Only the cluster's own networks can be made, and only as they are.
    let refused =
        engine.try_docker("network create -d swarmlite mine").expect_err("not of the cluster");
    assert!(refused.contains("networks of this driver are made by the cluster"), "{refused}");
    let create = |id: &NetworkId, subnet: &str, name: &str| {
        format!("network create -d swarmlite -o swarmlite.network.id={id} --subnet {subnet} {name}")
    };
    let refused =
        engine.try_docker(&create(&cluster.app, "10.0.2.0/24", "app")).expect_err("subnet");
    assert!(refused.contains("has the subnet 10.0.1.0/24, not 10.0.2.0/24"), "{refused}");
    engine.docker(&create(&cluster.app, "10.0.1.0/24 --gateway 10.0.1.1", "app"));
    engine.docker(&create(&cluster.ingress, "10.255.0.0/16 --gateway 10.255.0.1", "ingress"));

    engine.docker(
        "create --name one -v /usr:/usr:ro --network ingress --ip 10.255.0.11 empty sleep 3600",
    );
    engine.docker("network connect --ip 10.0.1.11 app one");
    engine.docker("start one");
    let pid: u32 = engine.docker("inspect -f {{.State.Pid}} one").parse().expect("pid");
    node.data_plane
        .container_started(pid, Ipv4Addr::new(10, 0, 1, 11))
        .await
        .expect("nothing to do");
    node.data_plane.container_started(pid, Ipv4Addr::new(10, 255, 0, 11)).await.expect("started");
    let one = rig.container_of(pid);
    serve(&one, "one", TARGET).await;

    let client = rig.netns("client");
    let seen = underlay(CLIENT).to_string();
    assert_eq!(ask_tcp(&client, node.address(), PUBLISHED).await, format!("one {seen}"));
    assert_eq!(ask_udp(&client, node.address(), PUBLISHED).await, format!("one {seen}"));
    assert_eq!(ask_tcp(&one.netns, VIP, TARGET).await, "one 10.0.1.1");

    // A restarted daemon lets go of containers it has never seen.
    let plugins = Engine::plugins(&rig.folder().join("engine"));
    let restarted = rig.data_plane(1, &node.id, Some(&plugins));
    restarted.set_assignments(cluster.assignments.clone()).await.expect("running");
    restarted.ready(&cluster.app).await.expect("ready");
    assert_eq!(ask_tcp(&client, node.address(), PUBLISHED).await, format!("one {seen}"));
    engine.docker("rm -f one");
    let sandbox = restarted.sandbox(&cluster.app);
    let links = rig.inside("n1", &format!("nsenter --net={} ip -o link", sandbox.display()));
    assert!(!links.contains("ep"), "{links}");
    engine.docker("network rm app ingress");
    restarted.tear_down().await.expect("torn down");
}

/// A client that keeps its UDP socket: each message in gives one answer out.
async fn flow(
    from: &std::path::Path,
    to: SocketAddr,
) -> (std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<String>) {
    let (ask, asked) = std::sync::mpsc::channel();
    let (answer, answers) = std::sync::mpsc::channel();
    run_inside(from.to_owned(), move || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
        std::thread::spawn(move || {
            while asked.recv().is_ok() && answer.send(ask_with(&socket, to)).is_ok() {}
        });
    })
    .await
    .expect("namespace");
    (ask, answers)
}
