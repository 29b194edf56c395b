use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::EndpointDifference;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::agent::Welcome;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::messagepack;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::rpc;
use swarmlite_proto::rpc::NotLeader;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proto::traffic::Rates;
use swarmlite_proto::traffic::RuleTraffic;
use swarmlite_proto::traffic::Traffic;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Caller;
use swarmlite_rpc::Client;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::FrameSender;
use swarmlite_rpc::server_config;
use swarmlite_rpc::stream::Body;
use swarmlite_rpc::stream::frames;
use swarmlite_rpc::testing::TestCa;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::timeout;

use super::*;
use crate::ledger::Ledger;
use crate::network::Reached;
use crate::reporter::Reporter;
use crate::standing::Known;
use crate::task::samples;

fn id(text: char) -> NodeId {
    text.to_string().repeat(25).parse().expect("an id")
}

fn task(text: char) -> TaskId {
    text.to_string().repeat(25).parse().expect("an id")
}

fn ca() -> TestCa {
    TestCa::new("c".repeat(25).parse::<ClusterId>().expect("an id"))
}

/// How long the other side gets.
const LIMIT: Duration = Duration::from_secs(30);

/// The manager's end of a session, in the hands of the test.
struct Seat {
    sender: FrameSender,
    receiver: FrameReceiver,
}

impl Seat {
    async fn say(&self, message: ManagerMessage) {
        self.sender.send(&message).await.expect("the agent listens");
    }

    /// The next message that is not a heartbeat.
    async fn hear(&mut self) -> AgentMessage {
        timeout(LIMIT, self.hear_late()).await.expect("the agent says something")
    }

    /// The next statuses. What the agent says of its tables may come before or after them.
    async fn hear_statuses(&mut self) -> (u64, Vec<TaskStatusUpdate>) {
        loop {
            match self.hear().await {
                AgentMessage::Programmed(_) => {}
                AgentMessage::TaskStatuses { sequence, statuses } => return (sequence, statuses),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn hear_late(&mut self) -> AgentMessage {
        loop {
            match self.receiver.receive().await.expect("sound").expect("the agent goes on") {
                AgentMessage::Heartbeat => {}
                message => return message,
            }
        }
    }

    /// Welcomes the agent and tells it that there is `peers` and nothing else.
    async fn begin(&mut self, generation: u64, managers: &[SocketAddr], peers: &[char]) {
        // One from before there were numbers.
        self.begin_as(Versions::default(), generation, managers, peers).await;
    }

    /// The same by a manager of a cluster that was made of a backup, which knows of the task `a`.
    async fn begin_restored(&mut self, restored: u64, generation: u64, observed: TaskState) {
        assert!(matches!(self.hear().await, AgentMessage::Register(_)));
        let welcome = Welcome {
            heartbeat_period: Nanoseconds(50_000_000),
            managers: Vec::new(),
            format: Format::newest(),
            versions: Versions::default(),
            restored: Generation(restored),
        };
        self.say(ManagerMessage::Welcome(welcome)).await;
        let task = TaskAssignment { observed_state: observed, ..samples::task('a') };
        let put = vec![Assignment::Task(Box::new(task))];
        let everything = AssignmentSet { put, ..set(generation, true, &[]) };
        self.say(ManagerMessage::Assignments(everything)).await;
    }

    /// The same by a manager of this version.
    async fn begin_as(
        &mut self,
        versions: Versions,
        generation: u64,
        managers: &[SocketAddr],
        peers: &[char],
    ) {
        assert!(matches!(self.hear().await, AgentMessage::Register(_)));
        let heartbeat_period = Nanoseconds(50_000_000);
        self.say(ManagerMessage::Welcome(Welcome {
            heartbeat_period,
            managers: managers.to_vec(),
            format: Format::newest(),
            versions,
            restored: Generation::default(),
        }))
        .await;
        self.say(ManagerMessage::Assignments(set(generation, true, peers))).await;
    }
}

fn set(generation: u64, complete: bool, peers: &[char]) -> AssignmentSet {
    let put = peers.iter().map(|letter| {
        Assignment::Peer(PeerAssignment {
            node_id: id(*letter),
            index: NodeIndex::FIRST,
            data_path_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        })
    });
    let generation = Generation(generation);
    AssignmentSet { generation, complete, put: put.collect(), ..AssignmentSet::default() }
}

/// A manager; `leader` is who it points to, if it does not lead itself.
async fn manager(ca: &TestCa, leader: Option<SocketAddr>) -> (SocketAddr, mpsc::Receiver<Seat>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("an address");
    let identity = ca.issue(&id('m'), NodeRole::Manager);
    let (keep, tls) = watch::channel(Arc::new(server_config(&identity).expect("valid")));
    let (seats, taken) = mpsc::channel(8);
    let handler = move |request: Request<Incoming>, caller: Caller| {
        let _keep = &keep;
        assert_eq!(caller.peer.expect("a member").node_id, id('w'));
        let seats = seats.clone();
        async move { respond(request, leader, seats).await }
    };
    tokio::spawn(swarmlite_rpc::serve(listener, tls, swarmlite_rpc::Limits::DEFAULT, handler));
    (addr, taken)
}

async fn respond(
    request: Request<Incoming>,
    leader: Option<SocketAddr>,
    seats: mpsc::Sender<Seat>,
) -> Response<Body> {
    assert_eq!(request.uri().path(), rpc::SESSION);
    if leader.is_some() {
        let body = messagepack::encode(&NotLeader { leader }).expect("encodes");
        let body = Full::new(Bytes::from(body)).boxed_unsync();
        return Response::builder().status(421).body(body).expect("a response");
    }
    let (sender, body) = frames();
    let receiver = FrameReceiver::new(request.into_body());
    seats.send(Seat { sender, receiver }).await.expect("the test goes on");
    Response::new(body)
}

/// An agent's session and all it is connected with.
struct Agent {
    ledger: Arc<Ledger>,
    engine: watch::Sender<bool>,
    leaving: watch::Sender<bool>,
    folder: TempDir,
    reporter: Reporter,
    programmed: watch::Sender<Generation>,
    reached: watch::Sender<Reached>,
    load: watch::Sender<Option<NodeLoad>>,
    traffic: watch::Sender<Traffic>,
    registration: watch::Sender<Registration>,
    known: watch::Receiver<Known>,
    role: watch::Receiver<Option<NodeRole>>,
    state: watch::Receiver<SessionState>,
    running: JoinHandle<()>,
}

fn agent(ca: &TestCa, managers: &[SocketAddr]) -> Agent {
    let folder = tempfile::tempdir().expect("a folder");
    let registration = Registration {
        description: NodeDescription::default(),
        data_path_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        versions: Versions::own(),
    };
    let registration = watch::Sender::new(registration);
    let (known, state) = (watch::Sender::default(), watch::Sender::default());
    let role = watch::Sender::default();
    let role_receiver = role.subscribe();
    let programmed = watch::Sender::new(Generation(0));
    let reached = watch::Sender::default();
    let (load, traffic) = (watch::Sender::default(), watch::Sender::default());
    let reporter = Reporter::default();
    let (known_receiver, state_receiver) = (known.subscribe(), state.subscribe());
    let engine = watch::Sender::new(true);
    let leaving = watch::Sender::new(false);
    let ledger = Arc::new(Ledger::open(folder.path()).expect("opens"));
    let session = Session {
        engine: engine.subscribe(),
        client: Client::new(&ca.issue(&id('w'), NodeRole::Worker)).expect("valid"),
        ledger: Arc::clone(&ledger),
        registration: registration.subscribe(),
        programmed: programmed.subscribe(),
        reached: Some(reached.subscribe()),
        load: load.subscribe(),
        traffic: traffic.subscribe(),
        reporter: reporter.clone(),
        known,
        managers: watch::Sender::new(managers.to_vec()),
        role,
        trust: watch::Sender::default(),
        renew: watch::Sender::default(),
        state,
        leaving: leaving.subscribe(),
        log_orders: mpsc::channel(1).0,
    };
    Agent {
        ledger,
        folder,
        engine,
        leaving,
        reporter,
        programmed,
        reached,
        load,
        traffic,
        registration,
        known: known_receiver,
        role: role_receiver,
        state: state_receiver,
        running: tokio::spawn(session.run()),
    }
}

impl Agent {
    async fn knows(&mut self, generation: u64, peers: &[char]) {
        let wanted = |known: &Known| {
            known.as_ref().is_some_and(|known| {
                known.generation.0 == generation
                    && known.peers.keys().eq(peers
                        .iter()
                        .map(|letter| id(*letter))
                        .collect::<Vec<_>>()
                        .iter())
            })
        };
        self.known.wait_for(wanted).await.expect("the session goes on");
    }
}

fn status(state: TaskState) -> TaskStatus {
    TaskStatus { state, ..TaskStatus::default() }
}

#[tokio::test]
async fn a_session_follows_the_leader_and_keeps_what_it_is_told() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let (follower, _) = manager(&ca, Some(leader)).await;
    let mut agent = agent(&ca, &[follower]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(5, &[leader, follower], &['a', 'b']).await;
    agent.knows(5, &['a', 'b']).await;
    assert_eq!(*agent.state.borrow(), SessionState::Connected(leader));
    seat.say(ManagerMessage::Assignments(set(6, false, &['c']))).await;
    agent.knows(6, &['a', 'b', 'c']).await;
    let ledger = Ledger::open(agent.folder.path()).expect("opens");
    assert_eq!(ledger.assignments().expect("reads").as_ref(), agent.known.borrow().as_deref());
    assert_eq!(ledger.managers().expect("reads"), [leader, follower]);
}

#[tokio::test]
async fn statuses_are_sent_until_they_are_stored() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[leader]);
    agent.reporter.report(&task('a'), status(TaskState::Running));
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(1, &[leader], &[]).await;
    let (sequence, statuses) = seat.hear_statuses().await;
    assert_eq!((sequence, statuses.len()), (1, 1));
    // The session breaks before they are stored.
    drop(seat);
    let mut seat = seats.recv().await.expect("another session");
    seat.begin(1, &[leader], &[]).await;
    let (sequence, _) = seat.hear_statuses().await;
    agent.reporter.report(&task('a'), status(TaskState::Complete));
    seat.say(ManagerMessage::StatusesStored(sequence)).await;
    let (sequence, statuses) = seat.hear_statuses().await;
    assert_eq!(statuses[0].status.state, TaskState::Complete);
    seat.say(ManagerMessage::StatusesStored(sequence)).await;
    agent.programmed.send_replace(Generation(9));
    while seat.hear().await != AgentMessage::Programmed(Generation(9)) {}
    assert_eq!(agent.reporter.waiting(), 0);
}

#[tokio::test]
async fn a_leader_that_is_behind_is_left_and_changes_nothing() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let mut agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(5, &[leader], &['a']).await;
    agent.knows(5, &['a']).await;
    drop(seat);
    let mut behind = seats.recv().await.expect("another session");
    behind.begin(4, &[leader], &[]).await;
    let mut caught_up = seats.recv().await.expect("a third session");
    agent.knows(5, &['a']).await;
    caught_up.begin(5, &[leader], &['a', 'b']).await;
    agent.knows(5, &['a', 'b']).await;
}

#[tokio::test]
async fn managers_that_were_restored_are_told_again_what_they_have_forgotten() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin_restored(0, 5, TaskState::Running).await;
    agent.ledger.keep_status(&task('a'), &status(TaskState::Failed)).expect("writes");
    agent.reporter.report(&task('a'), status(TaskState::Failed));
    let (sequence, _) = seat.hear_statuses().await;
    seat.say(ManagerMessage::StatusesStored(sequence)).await;
    drop(seat);
    // The backup is from before that.
    let mut seat = seats.recv().await.expect("another session");
    seat.begin_restored(1000, 1003, TaskState::Starting).await;
    let (sequence, statuses) = seat.hear_statuses().await;
    assert_eq!((statuses.len(), statuses[0].status.state), (1, TaskState::Failed));
    seat.say(ManagerMessage::StatusesStored(sequence)).await;
    drop(seat);
    // From now on it is a cluster like any other.
    let mut seat = seats.recv().await.expect("a third session");
    seat.begin_restored(1000, 1004, TaskState::Starting).await;
    agent.programmed.send_replace(Generation(9));
    while seat.hear().await != AgentMessage::Programmed(Generation(9)) {}
    assert_eq!(agent.reporter.waiting(), 0);
}

#[tokio::test]
async fn a_change_of_the_node_is_told_and_heartbeats_go_on() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(1, &[leader], &[]).await;
    assert!(matches!(seat.hear().await, AgentMessage::Programmed(_)));
    agent.registration.send_modify(|registration| {
        registration.description.hostname = "renamed".to_owned();
    });
    let AgentMessage::Register(registration) = seat.hear().await else { panic!("no register") };
    assert_eq!(registration.description.hostname, "renamed");
    for _ in 0..3 {
        let message = seat.receiver.receive().await.expect("sound");
        assert_eq!(message, Some(AgentMessage::Heartbeat));
    }
    agent.running.abort();
}

#[tokio::test]
async fn a_difference_before_everything_ends_the_session() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let mut agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    assert!(matches!(seat.hear().await, AgentMessage::Register(_)));
    let heartbeat_period = Nanoseconds::from_secs(5);
    let (format, versions) = (Format::newest(), Versions::own());
    let restored = Generation::default();
    let welcome = Welcome { heartbeat_period, managers: Vec::new(), format, versions, restored };
    seat.say(ManagerMessage::Welcome(welcome)).await;
    seat.say(ManagerMessage::Assignments(set(1, false, &['a']))).await;
    let lost = |state: &SessionState| matches!(state, SessionState::Lost(_));
    agent.state.wait_for(lost).await.expect("the session goes on");
    assert_eq!(*agent.known.borrow(), None);
}

#[tokio::test]
async fn a_difference_to_what_the_node_does_not_know_begins_another_session() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let mut agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(1, &[leader], &['a']).await;
    agent.knows(1, &['a']).await;
    let difference = EndpointDifference {
        network_id: "n".repeat(25).parse().expect("an id"),
        service_id: "s".repeat(25).parse().expect("an id"),
        put: Vec::new(),
        remove: vec![task('t')],
        digest: 0,
    };
    let unfitting = AssignmentSet { differences: vec![difference], ..set(2, false, &['b']) };
    seat.say(ManagerMessage::Assignments(unfitting)).await;
    let mut seat = seats.recv().await.expect("another session");
    assert_eq!(agent.known.borrow().as_ref().map(|known| known.generation), Some(Generation(1)));
    seat.begin(2, &[leader], &['b']).await;
    agent.knows(2, &['b']).await;
}

#[tokio::test]
async fn a_new_role_is_passed_on() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let mut agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(1, &[leader], &[]).await;
    assert_eq!(*agent.role.borrow(), None);
    seat.say(ManagerMessage::RoleChanged(NodeRole::Manager)).await;
    let told = agent.role.wait_for(Option::is_some).await.expect("runs");
    assert_eq!(*told, Some(NodeRole::Manager));
}

#[tokio::test]
async fn a_node_without_an_engine_learns_but_gives_no_sign_of_life() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let mut agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin(1, &[leader], &[]).await;
    agent.knows(1, &[]).await;
    agent.engine.send_replace(false);
    seat.say(ManagerMessage::Assignments(set(2, true, &['a']))).await;
    agent.knows(2, &['a']).await;
    // What was on its way is heard; then there is silence for many periods of 50 ms.
    let silence = Duration::from_millis(500);
    let deadline = Instant::now() + LIMIT;
    while timeout(silence, seat.receiver.receive::<AgentMessage>()).await.is_ok() {
        assert!(Instant::now() < deadline, "the agent goes on");
    }
    agent.engine.send_replace(true);
    let sign = timeout(LIMIT, seat.receiver.receive()).await.expect("in time");
    assert_eq!(sign.expect("sound"), Some(AgentMessage::Heartbeat));
}

#[tokio::test]
async fn a_node_that_leaves_says_so_and_does_not_come_back() {
    let ca = ca();
    let (addr, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[addr]);
    let mut seat = seats.recv().await.expect("the agent calls");
    seat.begin(1, &[addr], &[]).await;
    agent.leaving.send_replace(true);
    while seat.hear().await != AgentMessage::Leaving {}
    drop(seat);
    timeout(LIMIT, agent.running).await.expect("in time").expect("ends");
    assert!(!agent.state.borrow().is_connected());
}

#[tokio::test]
async fn a_manager_that_understands_is_told_which_nodes_are_lost() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin_as(Versions::own(), 1, &[leader], &[]).await;
    let lost = |letters: &str| letters.chars().map(id).collect::<BTreeSet<_>>();
    let report = |letters| agent.reached.send_modify(|reached| reached.lost = lost(letters));
    for letters in ["", "b", "bc", "c"] {
        report(letters);
        while seat.hear().await != AgentMessage::Lost(lost(letters)) {}
    }
    // Another node answers, and the manager need not know.
    agent.reached.send_modify(|reached| reached.answering = lost("d"));
    agent.programmed.send_replace(Generation(9));
    assert_eq!(seat.hear().await, AgentMessage::Programmed(Generation(9)));
    drop(seat);
    let mut seat = seats.recv().await.expect("another session");
    seat.begin_as(Versions::own(), 1, &[leader], &[]).await;
    while seat.hear().await != AgentMessage::Lost(lost("c")) {}
    drop(seat);
    let mut older = seats.recv().await.expect("a third session");
    older.begin(1, &[leader], &[]).await;
    report("b");
    agent.programmed.send_replace(Generation(10));
    loop {
        match older.hear().await {
            AgentMessage::Programmed(Generation(10)) => break,
            message => assert!(matches!(message, AgentMessage::Programmed(_)), "{message:?}"),
        }
    }
}

#[tokio::test]
async fn a_manager_that_understands_is_told_what_the_machine_has_to_do_and_answers() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    seat.begin_as(Versions::own(), 1, &[leader], &[]).await;
    let load = |tasks| NodeLoad { milli_tasks: tasks, ..NodeLoad::default() };
    for tasks in [1, 2] {
        agent.load.send_replace(Some(load(tasks)));
        while seat.hear().await != AgentMessage::Load(load(tasks)) {}
    }
    drop(seat);
    let mut seat = seats.recv().await.expect("another session");
    seat.begin_as(Versions::own(), 1, &[leader], &[]).await;
    while seat.hear().await != AgentMessage::Load(load(2)) {}
    let asked = HttpRoute::default().asked();
    let rates = Rates { limited: 1, ..Rates::default() };
    let traffic =
        vec![RuleTraffic { service_id: "s".repeat(25).parse().expect("an id"), asked, rates }];
    agent.traffic.send_replace(traffic.clone());
    while seat.hear().await != AgentMessage::Traffic(traffic.clone()) {}
    drop(seat);
    let mut older = seats.recv().await.expect("a third session");
    older.begin(1, &[leader], &[]).await;
    agent.load.send_replace(Some(load(3)));
    agent.traffic.send_replace(Vec::new());
    // What is said at once is said in any order: after so many turns it would have been its own.
    for generation in (10..40).map(Generation) {
        agent.programmed.send_replace(generation);
        loop {
            match older.hear().await {
                AgentMessage::Programmed(said) if said == generation => break,
                message => assert!(matches!(message, AgentMessage::Programmed(_)), "{message:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_node_gives_a_sign_of_life_when_it_is_asked() {
    let ca = ca();
    let (leader, mut seats) = manager(&ca, None).await;
    let agent = agent(&ca, &[leader]);
    let mut seat = seats.recv().await.expect("a session");
    assert!(matches!(seat.hear().await, AgentMessage::Register(_)));
    let welcome = Welcome {
        heartbeat_period: Nanoseconds::from_secs(3600),
        managers: vec![leader],
        format: Format::newest(),
        versions: Versions::own(),
        restored: Generation::default(),
    };
    seat.say(ManagerMessage::Welcome(welcome)).await;
    for _ in 0..3 {
        seat.say(ManagerMessage::HeartbeatNow).await;
        // The first heartbeat of the session is one more.
        while timeout(LIMIT, seat.receiver.receive()).await.expect("in time").expect("sound")
            != Some(AgentMessage::Heartbeat)
        {}
    }
    agent.running.abort();
}
