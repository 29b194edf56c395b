//! What a session says, step by step.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::TaskStatus;

use super::*;
use crate::dispatcher::assignment::diff;
use crate::state::fixture::node;
use crate::state::fixture::rng;
use crate::state::fixture::service;
use crate::state::fixture::task;

const ADDR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn session() -> Session {
    let peer = Peer {
        node_id: node(1, 1).id,
        cluster_id: ClusterId::random(&mut rng(1)),
        role: NodeRole::Worker,
    };
    Session::new(&peer, ADDR)
}

fn registration() -> AgentMessage {
    let description = NodeDescription { hostname: "one".to_owned(), ..Default::default() };
    AgentMessage::Register(Box::new(Registration {
        description,
        data_path_addr: ADDR,
        versions: Versions::own(),
    }))
}

/// An assignment with key `seed` that is different for each `value`.
fn assignment(seed: u64, value: u16) -> Assignment {
    let (node_id, index) = (node(seed, 1).id, NodeIndex(value));
    Assignment::Peer(PeerAssignment { node_id, index, data_path_addr: ADDR })
}

fn view(generation: u64) -> View {
    View {
        generation: Generation(generation),
        managers: vec![SocketAddr::new(ADDR, 2377)],
        role: NodeRole::Worker,
        format: Format::FIRST,
        restored: Generation::default(),
        heartbeat_period: Duration::from_secs(5),
        trust_root: None,
        issuer: None,
    }
}

fn news(put: &[(u64, u16)], remove: &[u64]) -> News {
    News {
        put: put.iter().map(|(seed, value)| assignment(*seed, *value)).collect(),
        remove: remove.iter().map(|seed| assignment(*seed, 0).key()).collect(),
        differences: Vec::new(),
    }
}

/// A session that has been told `view`.
fn told(view: View) -> Session {
    let mut session = session();
    session.receive(registration()).expect("is the first message");
    session.observe(Some(view), News::default()).expect("is a node");
    session
}

/// What is sent when the session sees `view`, and `news` is what its node does not know.
fn sends_with(session: &mut Session, view: View, news: News) -> Vec<ManagerMessage> {
    let effects = session.observe(Some(view), news).expect("goes on");
    let sent = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send(message) => Some(message),
        _ => None,
    });
    sent.collect()
}

/// The same without news.
fn sends(session: &mut Session, view: View) -> Vec<ManagerMessage> {
    sends_with(session, view, News::default())
}

#[test]
fn registration_comes_first() {
    for message in [AgentMessage::Heartbeat, AgentMessage::Programmed(Generation(1))] {
        assert_eq!(session().receive(message), Err(Fault::Unregistered));
    }
}

#[test]
fn a_node_hears_once_of_another_authority() {
    let mut session = told(view(1));
    let within = Duration::from_secs(3);
    let rotating = View { issuer: Some(("new".to_owned(), within)), ..view(2) };
    let renew = ManagerMessage::RenewCertificate(within.into());
    assert_eq!(sends(&mut session, rotating.clone()), [renew]);
    assert_eq!(sends(&mut session, View { generation: Generation(3), ..rotating }), []);
    let replaced = View { trust_root: Some("root".to_owned()), ..view(4) };
    assert_eq!(sends(&mut session, replaced.clone()), [ManagerMessage::Trust("root".to_owned())]);
    assert_eq!(sends(&mut session, View { generation: Generation(5), ..replaced }), []);
}

#[test]
fn a_node_that_leaves_is_down_at_once() {
    let mut session = told(view(1));
    let effects = session.receive(AgentMessage::Leaving).expect("is registered");
    let [Effect::Depart(report)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((&report.node_id, report.status.state), (&node(1, 1).id, NodeState::Down));
}

#[test]
fn a_registration_is_written_down() {
    let mut session = session();
    let effects = session.receive(registration()).expect("is the first message");
    let [Effect::Report(report)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(report.node_id, node(1, 1).id);
    assert_eq!(report.status.state, NodeState::Ready);
    assert_eq!(report.status.addr, "192.0.2.7");
    assert_eq!(report.description.as_ref().map(|node| &*node.hostname), Some("one"));
    assert_eq!(report.data_path_addr, Some(ADDR));
}

#[test]
fn everything_is_told_once_and_then_only_differences() {
    let mut session = session();
    session.receive(registration()).expect("is the first message");
    let first = sends_with(&mut session, view(5), news(&[(1, 1), (2, 1)], &[]));
    let [ManagerMessage::Welcome(welcome), ManagerMessage::Assignments(everything)] = &first[..]
    else {
        panic!("{first:?}")
    };
    assert_eq!(welcome.heartbeat_period.to_duration(), Duration::from_secs(5));
    assert!(everything.complete);
    assert_eq!((everything.generation, everything.put.len()), (Generation(5), 2));
    let different = news(&[(2, 7), (3, 1)], &[1]);
    let second = sends_with(&mut session, view(8), different.clone());
    let set = different.into_set(Generation(8), false);
    assert_eq!(second, [ManagerMessage::Assignments(set)]);
    assert_eq!(sends(&mut session, view(9)), []);
}

#[test]
fn a_change_of_managers_or_role_is_told() {
    let mut session = told(view(5));
    let mut changed = view(6);
    changed.managers.push(SocketAddr::new(ADDR, 2378));
    changed.role = NodeRole::Manager;
    assert_eq!(
        sends(&mut session, changed.clone()),
        [
            ManagerMessage::Managers(changed.managers.clone()),
            ManagerMessage::RoleChanged(NodeRole::Manager)
        ]
    );
    assert_eq!(sends(&mut session, changed), []);
}

#[test]
fn a_node_that_calls_with_an_old_role_is_told_at_once() {
    let mut session = session();
    session.receive(registration()).expect("is the first message");
    let promoted = View { role: NodeRole::Manager, ..view(5) };
    let messages = sends(&mut session, promoted);
    assert_eq!(messages.last(), Some(&ManagerMessage::RoleChanged(NodeRole::Manager)));
}

#[test]
fn some_changes_end_the_session() {
    let mut session = told(view(5));
    let slower = View { heartbeat_period: Duration::from_secs(9), ..view(6) };
    assert_eq!(session.observe(Some(slower), News::default()), Err(Fault::HeartbeatChanged));
    assert_eq!(session.observe(None, News::default()), Err(Fault::Removed));
}

#[test]
fn statuses_are_written_down_in_their_order() {
    let mut session = told(view(5));
    let task_id = task(1, &service(1, "web"), 1).id;
    let statuses = vec![TaskStatusUpdate { task_id, status: TaskStatus::default() }];
    let message = AgentMessage::TaskStatuses { sequence: 4, statuses: statuses.clone() };
    assert_eq!(session.receive(message), Ok(vec![Effect::Store(4, statuses)]));
}

fn acknowledge(session: &mut Session, generation: u64) -> Vec<Effect> {
    session.receive(AgentMessage::Programmed(Generation(generation))).expect("is registered")
}

#[test]
fn what_concerns_a_node_not_needs_no_acknowledgement() {
    let mut session = told(view(5));
    assert_eq!(acknowledge(&mut session, 3), [Effect::Programmed(Generation(3))]);
    assert_eq!(acknowledge(&mut session, 5), [Effect::Programmed(Generation(5))]);
    let unconcerned = session.observe(Some(view(6)), News::default());
    assert_eq!(unconcerned, Ok(vec![Effect::Programmed(Generation(6))]));
    let concerned = session.observe(Some(view(7)), news(&[(1, 2)], &[])).expect("goes on");
    assert!(matches!(concerned[..], [Effect::Send(_)]), "{concerned:?}");
    assert_eq!(session.observe(Some(view(8)), News::default()), Ok(Vec::new()));
    assert_eq!(acknowledge(&mut session, 7), [Effect::Programmed(Generation(8))]);
}

/// An agent that applies what it is told, and programs its tables when it pleases.
#[derive(Default)]
struct Model {
    received: Generation,
    known: BTreeMap<AssignmentKey, Assignment>,
    tables: BTreeMap<AssignmentKey, Assignment>,
    believed: Generation,
}

impl Model {
    /// Takes what the session does, and checks every belief about the tables against `history`.
    fn take(
        &mut self,
        effects: Vec<Effect>,
        history: &BTreeMap<Generation, BTreeMap<AssignmentKey, Assignment>>,
    ) {
        for effect in effects {
            match effect {
                Effect::Send(ManagerMessage::Assignments(set)) => {
                    assert!(set.generation > self.received, "goes back");
                    assert_eq!(set.complete, self.received == Generation::default());
                    self.received = set.generation;
                    self.known.retain(|key, _| !set.remove.contains(key));
                    self.known.extend(set.put.into_iter().map(|put| (put.key(), put)));
                }
                Effect::Programmed(generation) => {
                    assert!(generation > self.believed, "goes back");
                    self.believed = generation;
                    assert_eq!(self.tables, history[&generation], "believes too much");
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn the_manager_believes_what_is_so(
        steps in prop::collection::vec(
            (prop::collection::btree_map(1..5_u64, 1..4_u16, 0..4), any::<bool>()),
            1..20,
        )
    ) {
        let mut session = session();
        session.receive(registration()).expect("is the first message");
        let (mut history, mut model) = (BTreeMap::new(), Model::default());
        for (generation, (assignments, programs)) in (1..).zip(steps) {
            let assignments = assignments.into_iter().map(|(seed, value)| assignment(seed, value));
            let now: BTreeMap<_, _> = assignments.map(|it| (it.key(), it)).collect();
            let (put, remove) = diff(&model.known, &now);
            history.insert(Generation(generation), now);
            let effects = session.observe(Some(view(generation)), News { put, remove, ..News::default() });
            model.take(effects.expect("goes on"), &history);
            prop_assert_eq!(&model.known, &history[&Generation(generation)]);
            if programs {
                model.tables.clone_from(&model.known);
                model.take(acknowledge(&mut session, model.received.0), &history);
                prop_assert_eq!(model.believed, Generation(generation));
            }
        }
    }
}

#[test]
fn only_what_is_different_is_sent() {
    let set =
        |generation, put| Difference::Own(news(put, &[2]).into_set(Generation(generation), false));
    let mut early = session();
    early.receive(registration()).expect("is the first message");
    assert_eq!(early.advance(Generation(1), Some(set(1, &[]))), [], "before the welcome");

    let mut session = told(view(1));
    session.receive(AgentMessage::Programmed(Generation(1))).expect("is registered");
    let quiet = session.advance(Generation(2), None);
    assert_eq!(quiet, [Effect::Programmed(Generation(2))], "it knows that");
    let own = set(3, &[(1, 2), (3, 1)]);
    let Difference::Own(expected) = own.clone() else { panic!("{own:?}") };
    let effects = session.advance(Generation(3), Some(own));
    assert_eq!(effects, [Effect::Send(ManagerMessage::Assignments(expected))]);
    assert_eq!(session.advance(Generation(4), None), [], "it has not confirmed what it was told");
    assert_eq!(acknowledge(&mut session, 3), [Effect::Programmed(Generation(4))]);

    let shared = Encoded::of(&ManagerMessage::HeartbeatNow).expect("is small");
    let effects = session.advance(Generation(5), Some(Difference::Shared(shared.clone())));
    assert_eq!(effects, [Effect::Pass(shared)]);
    assert_eq!(session.advance(Generation(6), None), [], "that counts as well");
    assert_eq!(acknowledge(&mut session, 5), [Effect::Programmed(Generation(6))]);
}
