//! The broker of a leader, with agents and another manager that call it over loopback.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::logs::LogBatch;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogLine;
use swarmlite_proto::logs::LogOptions;
use swarmlite_proto::logs::LogOrder;
use swarmlite_proto::logs::LogReport;
use swarmlite_proto::logs::LogSelector;
use swarmlite_proto::logs::LogStream;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::object::Service;
use swarmlite_proto::rpc::LOGS_PUBLISH;
use swarmlite_proto::rpc::LOGS_SUBSCRIBE;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::PacedReceiver;
use swarmlite_rpc::PacedSender;
use swarmlite_rpc::testing::TestCa;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;
use crate::raft::Leadership;
use crate::server::Access;
use crate::server::Gate;
use crate::server::Routes;
use crate::server::Server;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::fixture::commit;
use crate::state::fixture::node;
use crate::state::fixture::rng;
use crate::state::fixture::service;
use crate::state::fixture::task;
use crate::store::Store;
use crate::store::memory::MemoryStore;

/// How long the other side gets.
const LIMIT: Duration = Duration::from_secs(30);

/// A leader, the orders that its agents hear of, and all they need to carry them out.
struct Leader {
    ca: TestCa,
    store: MemoryStore,
    web: Arc<Service>,
    leadership: watch::Sender<Leadership>,
    broker: Broker<MemoryStore>,
    orders: mpsc::UnboundedReceiver<(NodeId, LogOrder)>,
    server: Server,
}

/// The id of the node that is not in session.
fn absent() -> NodeId {
    node(9, 9).id
}

async fn leader() -> Leader {
    let mut state = State::default();
    let ops = [1, 2, 9].map(|seed| Op::PutNode(Box::new(node(seed, seed as u16))));
    let web = Op::PutService(Box::new(service(1, "web")));
    commit(&mut state, ops.into_iter().chain([web]).collect()).expect("is sound");
    let web = Arc::clone(state.service_by_name("web").expect("is there"));
    let store = MemoryStore::new(state);
    let leadership = watch::Sender::new(Leadership { term: 1, leader: true, leader_addr: None });
    let (sender, orders) = mpsc::unbounded_channel();
    let tell = move |node_id: &NodeId, message| match message {
        _ if *node_id == absent() => false,
        ManagerMessage::PublishLogs(order) => sender.send((node_id.clone(), order)).is_ok(),
        other => panic!("{other:?}"),
    };
    let broker = Broker::new(store.clone(), leadership.subscribe(), Arc::new(tell));
    let ca = TestCa::new(swarmlite_proto::id::ClusterId::random(&mut rng(7)));
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let identity = ca.issue(&node(1, 1).id, NodeRole::Manager);
    let server = Server::start(addr, &identity).await.expect("starts");
    let routes = Routes::new(Gate::new(ca.cluster_id.clone(), store.clone()))
        .with(Access::Member, broker.member_routes())
        .with(Access::Manager, broker.manager_routes());
    server.set_routes(routes);
    Leader { ca, store, web, leadership, broker, orders, server }
}

impl Leader {
    /// A task of `web` that runs on `on`.
    async fn run(&self, seed: u64, on: &NodeId) -> TaskId {
        let mut task = task(seed, &self.web, seed);
        task.node_id = Some(on.clone());
        task.status.state = TaskState::Running;
        let id = task.id.clone();
        let op = Op::PutTask(Box::new(task));
        let transaction = Transaction::new(Timestamp::EPOCH).with(op);
        self.store.propose(transaction).await.expect("is sound");
        id
    }

    fn subscription(&self, follow: bool) -> LogSubscription {
        let selector = LogSelector::Service(self.web.id.clone());
        let options = LogOptions { stdout: true, stderr: true, follow, since: None, tail: None };
        LogSubscription { selector, options }
    }

    /// The next order, and the node it was given to.
    async fn ordered(&mut self) -> (NodeId, LogOrder) {
        timeout(LIMIT, self.orders.recv()).await.expect("in time").expect("goes on")
    }

    /// The agent of `node_id` opens the stream that `order` asks for.
    async fn agent(&self, node_id: &NodeId, order: &LogOrder) -> PacedSender {
        let client = Client::new(&self.ca.issue(node_id, NodeRole::Worker)).expect("valid");
        let (reports, demands) =
            client.stream(self.server.addr(), LOGS_PUBLISH).await.expect("is taken");
        reports.send(&LogReport::Begin(order.id)).await.expect("is heard");
        PacedSender::new(reports, demands)
    }

    fn batch(&self, node_id: &NodeId, task_id: &TaskId, text: &str) -> LogEvent {
        let (node_id, task_id) = (node_id.clone(), task_id.clone());
        let service_id = self.web.id.clone();
        LogEvent::Lines(LogBatch { node_id, service_id, task_id, lines: lines(text) })
    }
}

fn lines(text: &str) -> Vec<LogLine> {
    let data = text.as_bytes().to_vec();
    vec![LogLine { stream: LogStream::Stdout, timestamp: Timestamp::EPOCH, data }]
}

async fn next(events: &mut mpsc::Receiver<LogEvent>) -> LogEvent {
    timeout(LIMIT, events.recv()).await.expect("in time").expect("an event")
}

#[tokio::test]
async fn the_lines_of_all_nodes_come_with_their_origin_and_then_the_end() {
    let mut leader = leader().await;
    let nodes = [node(1, 1).id, node(2, 2).id];
    let tasks = [leader.run(11, &nodes[0]).await, leader.run(12, &nodes[1]).await];
    let mut events = leader.broker.subscribe(leader.subscription(false));
    for _ in 0..2 {
        let (node_id, order) = leader.ordered().await;
        let at = usize::from(node_id == nodes[1]);
        assert_eq!(order.tasks, [tasks[at].clone()]);
        let mut agent = leader.agent(&node_id, &order).await;
        // Of other tasks than those that were ordered it has nothing to say.
        agent.send(&LogReport::Lines(tasks[1 - at].clone(), lines("x"))).await.expect("taken");
        for text in ["one", "two"] {
            let report = LogReport::Lines(tasks[at].clone(), lines(text));
            agent.send(&report).await.expect("taken");
            assert_eq!(next(&mut events).await, leader.batch(&node_id, &tasks[at], text));
        }
        agent.send(&LogReport::Done).await.expect("taken");
        agent.finish().await;
    }
    assert_eq!(next(&mut events).await, LogEvent::End(Vec::new()));
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn what_is_missing_is_said_at_the_end() {
    let mut leader = leader().await;
    let nodes = [node(1, 1).id, node(2, 2).id];
    let readable = leader.run(11, &nodes[0]).await;
    let broken = leader.run(12, &nodes[1]).await;
    leader.run(13, &absent()).await;
    let mut events = leader.broker.subscribe(leader.subscription(false));
    for _ in 0..2 {
        let (node_id, order) = leader.ordered().await;
        let mut agent = leader.agent(&node_id, &order).await;
        if node_id == nodes[0] {
            let report = LogReport::Failed(readable.clone(), "no reading".to_owned());
            agent.send(&report).await.expect("taken");
            agent.send(&LogReport::Done).await.expect("taken");
            agent.finish().await;
        } else {
            // It goes away in the middle.
            agent.send(&LogReport::Lines(broken.clone(), lines("half"))).await.expect("taken");
            assert_eq!(next(&mut events).await, leader.batch(&node_id, &broken, "half"));
            drop(agent);
        }
    }
    let LogEvent::End(mut notes) = next(&mut events).await else { panic!("no end") };
    notes.sort();
    let mut expected = [
        format!("node {} is not available", absent()),
        format!("node {} disconnected unexpectedly", nodes[1]),
        format!("task {readable}: no reading"),
    ];
    expected.sort();
    assert_eq!(notes, expected);
}

#[tokio::test]
async fn a_node_that_is_silent_is_not_waited_for() {
    let mut leader = leader().await;
    let silent = node(2, 2).id;
    leader.run(11, &silent).await;
    // Nothing here needs the network, so that the clock can run ahead.
    tokio::time::pause();
    let mut events = leader.broker.subscribe(leader.subscription(false));
    let (_, order) = leader.ordered().await;
    let note = format!("node {silent} is not available");
    assert_eq!(next(&mut events).await, LogEvent::End(vec![note]));
    tokio::time::resume();
    let mut late = leader.agent(&silent, &order).await;
    timeout(LIMIT, late.closed()).await.expect("is hung up on");
}

#[tokio::test]
async fn an_order_is_for_one_node() {
    let mut leader = leader().await;
    let nodes = [node(1, 1).id, node(2, 2).id];
    leader.run(11, &nodes[0]).await;
    let mut events = leader.broker.subscribe(leader.subscription(false));
    let (_, order) = leader.ordered().await;
    let mut liar = leader.agent(&nodes[1], &order).await;
    timeout(LIMIT, liar.closed()).await.expect("is hung up on");
    let mut agent = leader.agent(&nodes[0], &order).await;
    agent.send(&LogReport::Done).await.expect("taken");
    agent.finish().await;
    assert_eq!(next(&mut events).await, LogEvent::End(Vec::new()));
}

#[tokio::test]
async fn followers_hear_of_new_tasks_until_another_leads() {
    let mut leader = leader().await;
    let nodes = [node(1, 1).id, node(2, 2).id];
    let old = leader.run(11, &nodes[0]).await;
    let mut events = leader.broker.subscribe(leader.subscription(true));
    let (_, order) = leader.ordered().await;
    assert!(order.options.follow && order.tasks == [old.clone()]);
    let mut first = leader.agent(&nodes[0], &order).await;
    first.send(&LogReport::Lines(old.clone(), lines("old"))).await.expect("taken");
    assert_eq!(next(&mut events).await, leader.batch(&nodes[0], &old, "old"));
    let new = leader.run(12, &nodes[1]).await;
    let (_, order) = leader.ordered().await;
    assert_eq!(order.tasks, std::slice::from_ref(&new));
    let mut second = leader.agent(&nodes[1], &order).await;
    second.send(&LogReport::Lines(new.clone(), lines("new"))).await.expect("taken");
    assert_eq!(next(&mut events).await, leader.batch(&nodes[1], &new, "new"));
    leader.leadership.send_replace(Leadership { term: 2, leader: false, leader_addr: None });
    let end = LogEvent::End(vec!["the leader of the swarm has changed".to_owned()]);
    assert_eq!(next(&mut events).await, end);
    timeout(LIMIT, first.closed()).await.expect("is hung up on");
}

#[tokio::test]
async fn a_slow_reader_stops_the_agent_and_one_that_leaves_hangs_up_on_it() {
    let mut leader = leader().await;
    let on = node(1, 1).id;
    let task = leader.run(11, &on).await;
    let events = leader.broker.subscribe(leader.subscription(true));
    let (_, order) = leader.ordered().await;
    let mut agent = leader.agent(&on, &order).await;
    let mut sent = 0;
    let report = LogReport::Lines(task, lines("more"));
    while timeout(Duration::from_millis(300), agent.send(&report)).await.is_ok() {
        sent += 1;
    }
    // The queue, one on its way into it, and the window.
    assert!(sent <= QUEUE + 1 + swarmlite_rpc::paced::WINDOW as usize, "{sent}");
    drop(events);
    timeout(LIMIT, agent.closed()).await.expect("is hung up on");
}

#[tokio::test]
async fn an_agent_with_nothing_to_say_is_hung_up_on_too() {
    let mut leader = leader().await;
    let on = node(1, 1).id;
    leader.run(11, &on).await;
    let events = leader.broker.subscribe(leader.subscription(true));
    let (_, order) = leader.ordered().await;
    let mut agent = leader.agent(&on, &order).await;
    drop(events);
    timeout(LIMIT, agent.closed()).await.expect("is hung up on");
}

#[tokio::test]
async fn other_managers_read_from_the_leader_and_workers_do_not() {
    let mut leader = leader().await;
    let (manager, on) = (node(2, 2).id, node(1, 1).id);
    let task = leader.run(11, &on).await;
    let reader = Client::new(&leader.ca.issue(&manager, NodeRole::Manager)).expect("valid");
    let addr = leader.server.addr();
    let (sender, receiver) = reader.stream(addr, LOGS_SUBSCRIBE).await.expect("is taken");
    sender.send(&leader.subscription(false)).await.expect("is heard");
    let mut events = PacedReceiver::new(sender, receiver);
    let (node_id, order) = leader.ordered().await;
    let mut agent = leader.agent(&node_id, &order).await;
    for count in 0..20 {
        let text = count.to_string();
        agent.send(&LogReport::Lines(task.clone(), lines(&text))).await.expect("taken");
        let event = timeout(LIMIT, events.receive()).await.expect("in time").expect("sound");
        assert_eq!(event, Some(leader.batch(&on, &task, &text)));
    }
    drop(events);
    timeout(LIMIT, agent.closed()).await.expect("is hung up on");

    let worker = Client::new(&leader.ca.issue(&manager, NodeRole::Worker)).expect("valid");
    let refused = worker.stream(addr, LOGS_SUBSCRIBE).await.err();
    assert!(matches!(refused, Some(CallError::Refused(_))), "{refused:?}");
    let next_leader = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 7)));
    let following = Leadership { term: 2, leader: false, leader_addr: next_leader };
    leader.leadership.send_replace(following);
    let refused = reader.stream(addr, LOGS_SUBSCRIBE).await.err();
    assert!(
        matches!(refused, Some(CallError::NotLeader(addr)) if addr == next_leader),
        "{refused:?}"
    );
}
