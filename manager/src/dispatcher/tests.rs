//! Real sessions over loopback.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::format::Versions;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::rpc::SESSION;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::traffic::Rates;
use swarmlite_proto::traffic::RuleTraffic;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::FrameSender;
use tokio::time::timeout;

use super::*;
use crate::ca::tests::founded;
use crate::load::Loads;
use crate::reports::Traffics;
use crate::server::Access;
use crate::server::Gate;
use crate::server::Routes;
use crate::server::Server;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::fixture::commit;
use crate::state::fixture::node;
use crate::state::fixture::service;
use crate::state::fixture::task;
use crate::store::memory::MemoryStore;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A leader with an agent that can call it.
struct Leader {
    addr: SocketAddr,
    store: MemoryStore,
    agent: Identity,
    dispatcher: Dispatcher<MemoryStore>,
    leadership: watch::Sender<Leadership>,
    heard: watch::Sender<Sessions>,
    _server: Server,
}

async fn leader() -> Leader {
    let (state, agent) = founded();
    let store = MemoryStore::new(state);
    let leading = Leadership { term: 1, leader: true, leader_addr: None };
    let (leadership, heard) = (watch::Sender::new(leading), watch::Sender::default());
    let dispatcher = Dispatcher::new(store.clone(), leadership.subscribe(), heard.clone());
    let server = Server::start(SocketAddr::new(LOOPBACK, 0), &agent).await.expect("starts");
    let gate = Gate::new(agent.cluster_id.clone(), store.clone());
    server.set_routes(Routes::new(gate).with(Access::Member, dispatcher.routes()));
    let addr = server.addr();
    Leader { addr, store, agent, dispatcher, leadership, heard, _server: server }
}

/// The agent's end of a session.
struct Agent {
    sender: FrameSender,
    receiver: FrameReceiver,
}

impl Leader {
    async fn dial(&self) -> Result<Agent, CallError> {
        let client = Client::new(&self.agent).expect("a valid identity");
        let (sender, receiver) = client.stream(self.addr, SESSION).await?;
        Ok(Agent { sender, receiver })
    }

    /// A session that has been told everything.
    async fn session(&self) -> (Agent, AssignmentSet) {
        let mut agent = self.dial().await.expect("is the leader");
        agent.say(&registration("one")).await;
        let welcome = agent.hear().await;
        assert!(matches!(welcome, Some(ManagerMessage::Welcome(_))), "{welcome:?}");
        let Some(ManagerMessage::Assignments(set)) = agent.hear().await else {
            panic!("no assignments")
        };
        (agent, set)
    }

    async fn commit(&self, ops: Vec<Op>) {
        let transaction = Transaction { at: Timestamp::EPOCH, ops };
        self.store.propose(transaction).await.expect("is sound");
    }
}

impl Agent {
    async fn say(&self, message: &AgentMessage) {
        self.sender.send(message).await.expect("is heard");
    }

    /// The next message. Which authority to trust is left out: these agents do not say which one they know.
    async fn hear(&mut self) -> Option<ManagerMessage> {
        loop {
            let heard = timeout(Duration::from_secs(10), self.receiver.receive()).await;
            let message = heard.expect("hears something").expect("is sound");
            if !matches!(message, Some(ManagerMessage::Trust(_))) {
                return message;
            }
        }
    }
}

fn registration(hostname: &str) -> AgentMessage {
    let description =
        NodeDescription { hostname: hostname.to_owned(), ..NodeDescription::default() };
    AgentMessage::Register(Box::new(Registration {
        description,
        data_path_addr: LOOPBACK,
        versions: Versions::own(),
    }))
}

fn with_addr(seed: u64, index: u16) -> Op {
    let mut node = node(seed, index);
    node.data_path_addr = Some(LOOPBACK);
    Op::PutNode(Box::new(node))
}

#[tokio::test]
async fn an_agent_is_told_everything_and_then_what_changes() {
    let leader = leader().await;
    let (mut agent, first) = leader.session().await;
    assert!(first.complete);
    // What the agent said of itself is in the state before it is told anything.
    assert_eq!(first.put.len(), 1);
    let this = leader.store.state().nodes()[&leader.agent.node_id].clone();
    assert_eq!((this.status.state, &*this.status.addr), (NodeState::Ready, "127.0.0.1"));
    assert!(leader.heard.borrow().last_heard(&this.id).is_some());
    leader.commit(vec![with_addr(7, 7)]).await;
    let Some(ManagerMessage::Assignments(set)) = agent.hear().await else { panic!("no news") };
    assert!(!set.complete && set.generation > first.generation);
    assert_eq!(
        set.put.iter().map(Assignment::key).collect::<Vec<_>>(),
        [AssignmentKey::Peer(node(7, 7).id)]
    );
    let version = leader.store.state().nodes()[&node(7, 7).id].meta.version;
    leader.commit(vec![Op::Remove(ObjectRef::Node(node(7, 7).id), version)]).await;
    let Some(ManagerMessage::Assignments(set)) = agent.hear().await else { panic!("no news") };
    assert_eq!(set.remove, [AssignmentKey::Peer(node(7, 7).id)]);
}

#[tokio::test]
async fn news_of_the_tables_is_no_sign_of_life() {
    let leader = leader().await;
    let (agent, _) = leader.session().await;
    let id = &leader.agent.node_id;
    leader.heard.send_modify(|heard| assert!(heard.forget(id)));
    agent.say(&AgentMessage::Programmed(Generation(1_000_000))).await;
    let mut programmed = leader.dispatcher.programmed();
    let noted = programmed.wait_for(|programmed| programmed.contains_key(id));
    timeout(Duration::from_secs(10), noted).await.expect("in time").expect("is noted");
    assert_eq!(leader.heard.borrow().last_heard(id), None);
    agent.say(&AgentMessage::Heartbeat).await;
    let mut heard = leader.heard.subscribe();
    let noted = heard.wait_for(|heard| heard.last_heard(id).is_some());
    timeout(Duration::from_secs(10), noted).await.expect("in time").expect("is noted");
}

#[tokio::test]
async fn what_a_machine_has_to_do_and_answers_is_known_as_long_as_its_session_lasts() {
    let leader = leader().await;
    let (agent, _) = leader.session().await;
    let id = &leader.agent.node_id;
    let load = NodeLoad { nano_cpus: 1, memory_bytes: 2, milli_tasks: 3 };
    agent.say(&AgentMessage::Load(load)).await;
    let rates = Rates { limited: 4, ..Rates::default() };
    let asked = HttpRoute::default().asked();
    let traffic = vec![RuleTraffic { service_id: service(1, "web").id, asked, rates }];
    agent.say(&AgentMessage::Traffic(traffic.clone())).await;
    agent.say(&AgentMessage::Programmed(Generation(1_000_000))).await;
    let mut programmed = leader.dispatcher.programmed();
    let noted = programmed.wait_for(|programmed| programmed.contains_key(id));
    timeout(Duration::from_secs(10), noted).await.expect("in time").expect("is noted");
    assert_eq!(leader.dispatcher.loads_here(), Some([(id.clone(), load)].into_iter().collect()));
    let known = Some([(id.clone(), traffic)].into_iter().collect());
    assert_eq!(leader.dispatcher.traffic_here(), known);
    drop(agent);
    let gone = programmed.wait_for(|programmed| !programmed.contains_key(id));
    timeout(Duration::from_secs(10), gone).await.expect("in time").expect("is noted");
    assert_eq!(leader.dispatcher.loads_here(), Some(Loads::new()));
    assert_eq!(leader.dispatcher.traffic_here(), Some(Traffics::new()));
    leader.leadership.send_modify(|leading| leading.leader = false);
    assert_eq!(leader.dispatcher.loads_here(), None);
    assert_eq!(leader.dispatcher.traffic_here(), None);
}

#[tokio::test]
async fn a_new_description_is_written_down() {
    let leader = leader().await;
    let (agent, _) = leader.session().await;
    agent.say(&registration("renamed")).await;
    let mut states = leader.store.watch();
    let id = &leader.agent.node_id;
    let renamed = |state: &State| {
        state.nodes()[id].description.as_ref().is_some_and(|node| node.hostname == "renamed")
    };
    timeout(Duration::from_secs(10), states.wait_for(renamed))
        .await
        .expect("in time")
        .expect("open");
}

#[tokio::test]
async fn statuses_are_stored_before_it_is_said() {
    let leader = leader().await;
    let mut state = leader.store.state();
    let web = service(1, "web");
    commit(&mut state, vec![Op::PutService(Box::new(web.clone()))]).expect("is new");
    let web = Arc::clone(&state.services()[&web.id]);
    let mut assigned = task(1, &web, 1);
    assigned.node_id = Some(leader.agent.node_id.clone());
    assigned.status.state = TaskState::Assigned;
    leader.commit(vec![Op::PutService(Box::new(service(1, "web")))]).await;
    assigned.spec_version = leader.store.state().services()[&web.id].spec_version;
    leader.commit(vec![Op::PutTask(Box::new(assigned.clone()))]).await;
    let (mut agent, _) = leader.session().await;
    let running = TaskStatus { state: TaskState::Running, ..TaskStatus::default() };
    for (sequence, state) in [(1, TaskState::Starting), (2, TaskState::Running)] {
        let status = TaskStatus { state, ..TaskStatus::default() };
        let statuses = vec![TaskStatusUpdate { task_id: assigned.id.clone(), status }];
        agent.say(&AgentMessage::TaskStatuses { sequence, statuses }).await;
    }
    assert_eq!(agent.hear().await, Some(ManagerMessage::StatusesStored(1)));
    assert_eq!(agent.hear().await, Some(ManagerMessage::StatusesStored(2)));
    assert_eq!(leader.store.state().tasks()[&assigned.id].status, running);
    // An agent that does not know whether it was heard says it again.
    let statuses = vec![TaskStatusUpdate { task_id: assigned.id.clone(), status: running }];
    agent.say(&AgentMessage::TaskStatuses { sequence: 3, statuses }).await;
    assert_eq!(agent.hear().await, Some(ManagerMessage::StatusesStored(3)));
    let mut registry = prometheus_client::registry::Registry::default();
    leader.dispatcher.scheduling_delay().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("is text");
    assert!(text.contains("swarm_dispatcher_scheduling_delay_seconds_count 1\n"), "{text}");
}

#[tokio::test]
async fn what_the_tables_have_reached_is_noted() {
    let leader = leader().await;
    let mut programmed = leader.dispatcher.programmed();
    let (agent, set) = leader.session().await;
    agent.say(&AgentMessage::Programmed(set.generation)).await;
    let id = &leader.agent.node_id;
    let reached = |programmed: &Programmed| programmed.get(id) == Some(&set.generation);
    let wait = Duration::from_secs(10);
    timeout(wait, programmed.wait_for(reached)).await.expect("in time").expect("open");
    let progress = leader.dispatcher.progress()[id];
    assert_eq!((progress.told, progress.programmed), (set.generation, Some(set.generation)));
    drop(agent);
    timeout(wait, programmed.wait_for(Programmed::is_empty)).await.expect("in time").expect("open");
    // Only the lease decides about the node.
    assert_eq!(leader.store.state().nodes()[id].status.state, NodeState::Ready);
}

#[tokio::test]
async fn a_new_session_replaces_the_old_one() {
    let leader = leader().await;
    let (mut old, _) = leader.session().await;
    let (mut new, set) = leader.session().await;
    assert!(set.complete);
    assert_eq!(old.hear().await, None);
    leader.commit(vec![with_addr(7, 7)]).await;
    assert!(matches!(new.hear().await, Some(ManagerMessage::Assignments(_))));
}

#[tokio::test]
async fn sessions_end_with_the_leadership() {
    let leader = leader().await;
    let (mut agent, _) = leader.session().await;
    let next = SocketAddr::from(([192, 0, 2, 9], 2377));
    let following = Leadership { term: 2, leader: false, leader_addr: Some(next) };
    leader.leadership.send_replace(following);
    assert_eq!(agent.hear().await, None);
    let refused = leader.dial().await.err();
    assert!(
        matches!(refused, Some(CallError::NotLeader(Some(addr))) if addr == next),
        "{refused:?}"
    );
    leader.leadership.send_replace(Leadership { leader_addr: None, ..following });
    let refused = leader.dial().await.err();
    assert!(matches!(refused, Some(CallError::NotLeader(None))), "{refused:?}");
}

#[tokio::test]
async fn an_agent_that_does_not_register_first_is_let_go() {
    let leader = leader().await;
    let mut agent = leader.dial().await.expect("is the leader");
    agent.say(&AgentMessage::Programmed(Generation(1))).await;
    assert_eq!(agent.hear().await, None);
    assert_eq!(
        leader.store.state().nodes()[&leader.agent.node_id].status.state,
        NodeState::Unknown
    );
}

#[tokio::test]
async fn a_node_that_is_removed_loses_its_session_and_gets_no_other() {
    let leader = leader().await;
    let (mut agent, _) = leader.session().await;
    let id = leader.agent.node_id.clone();
    let version = leader.store.state().nodes()[&id].meta.version;
    leader.commit(vec![Op::Remove(ObjectRef::Node(id.clone()), version)]).await;
    assert_eq!(agent.hear().await, None);
    let refused = leader.dial().await.err();
    let Some(CallError::Refused(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.message, format!("Permission denied: node {id} was removed from swarm"));
}

#[tokio::test]
async fn a_node_that_is_reported_and_not_in_session_is_given_up() {
    let leader = leader().await;
    let mut other = node(7, 7);
    (other.status.state, other.versions) = (NodeState::Ready, Versions::own());
    let lost = other.id.clone();
    leader.commit(vec![Op::PutNode(Box::new(other))]).await;
    let (agent, _) = leader.session().await;
    agent.say(&AgentMessage::Lost([lost.clone()].into())).await;
    let mut heard = leader.heard.subscribe();
    let given_up = |heard: &Sessions| heard.suspicions.due(&lost).is_some();
    let wait = Duration::from_secs(10);
    drop(timeout(wait, heard.wait_for(given_up)).await.expect("in time").expect("open"));
}
