//! What two states tell of what happened in between.

use std::collections::BTreeSet;

use proptest::prelude::*;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::object::UpdateStatus;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::ServiceMode;

use super::*;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::fixture as objects;

const NOW: Timestamp = Timestamp::EPOCH;

fn seen(state: &State) -> Seen {
    Seen { state: state.clone(), quorum: Quorum::default() }
}

fn commit(state: &mut State, op: Op) -> Vec<Event> {
    let before = seen(state);
    objects::commit(state, vec![op]).expect("is sound");
    between(&before, &seen(state), NOW)
}

fn changes(event: &Event) -> Vec<(&str, &str)> {
    event.actor.attributes.iter().map(|(key, value)| (&**key, &**value)).collect()
}

fn put(service: &Service) -> Op {
    Op::PutService(Box::new(service.clone()))
}

#[test]
fn a_service_tells_what_has_changed_of_it() {
    let mut state = State::default();
    let web = objects::service(1, "web");
    let created = commit(&mut state, put(&web));
    assert_eq!((created.len(), created[0].kind, created[0].action), (1, "service", "create"));
    assert_eq!(changes(&created[0]), [("name", "web")]);
    let mut web = Service::clone(&state.services()[&web.id]);
    web.spec.mode = ServiceMode::Replicated { replicas: 5 };
    web.spec.task_template.container_spec.as_mut().expect("some").image = "new".to_owned();
    web.update_status = Some(UpdateStatus::default());
    let updated = commit(&mut state, put(&web));
    assert_eq!(
        changes(&updated[0]),
        [
            ("image.new", "new"),
            ("image.old", "whoami:latest"),
            ("name", "web"),
            ("replicas.new", "5"),
            ("replicas.old", "1"),
            ("updatestate.new", "updating"),
        ]
    );
    let mut web = Service::clone(&state.services()[&web.id]);
    web.update_status =
        Some(UpdateStatus { state: UpdateState::Completed, ..UpdateStatus::default() });
    let completed = commit(&mut state, put(&web));
    assert_eq!(
        changes(&completed[0]),
        [("name", "web"), ("updatestate.new", "completed"), ("updatestate.old", "updating")]
    );
    let version = state.services()[&web.id].meta.version;
    let removed = commit(&mut state, Op::Remove(ObjectRef::Service(web.id.clone()), version));
    assert_eq!((removed[0].action, changes(&removed[0])), ("remove", vec![("name", "web")]));
    assert_eq!(removed[0].actor.id, web.id.to_string());
}

#[test]
fn a_node_tells_what_has_changed_of_it() {
    let mut state = State::default();
    let node = objects::node(1, 1);
    commit(&mut state, Op::PutNode(Box::new(node.clone())));
    let mut node = Node::clone(&state.nodes()[&node.id]);
    node.spec.availability = Availability::Drain;
    node.status = NodeStatus { state: NodeState::Ready, ..NodeStatus::default() };
    let updated = commit(&mut state, Op::PutNode(Box::new(node)));
    assert_eq!(
        changes(&updated[0]),
        [
            ("availability.new", "drain"),
            ("availability.old", "active"),
            ("name", ""),
            ("state.new", "ready"),
            ("state.old", "unknown"),
        ]
    );
}

#[test]
fn an_election_is_told_of_both_managers() {
    let mut state = State::default();
    let manager = |seed, index: u16| {
        let addr = "192.0.2.1:2377".parse().expect("an address");
        let manager = ManagerRecord { raft_id: index.into(), addr };
        Node { manager: Some(manager), ..objects::node(seed, index) }
    };
    let (one, two) = (manager(1, 1), manager(2, 2));
    for node in [&one, &two] {
        commit(&mut state, Op::PutNode(Box::new(node.clone())));
    }
    let led_by = |node: Option<&Node>| Seen {
        state: state.clone(),
        quorum: Quorum { leader: node.map(|node| node.id.clone()), ..Quorum::default() },
    };
    let events = between(&led_by(Some(&one)), &led_by(Some(&two)), NOW);
    let leaders: BTreeSet<_> = events
        .iter()
        .map(|event| (event.actor.id.as_str(), event.actor.attributes["leader.new"].as_str()))
        .collect();
    let expected = BTreeSet::from([(one.id.as_str(), "false"), (two.id.as_str(), "true")]);
    assert_eq!(leaders, expected);
    assert_eq!(between(&led_by(Some(&one)), &led_by(None), NOW), []);
}

#[test]
fn as_many_as_docker_keeps_are_kept_and_none_is_told_twice() {
    let log = EventLog::default();
    let event = |number: usize| {
        let actor = Actor { id: number.to_string(), attributes: BTreeMap::new() };
        Event::new("service", "create", actor, NOW)
    };
    log.add((0..300).map(event).collect());
    let (kept, mut live) = log.subscribe();
    assert_eq!((kept.len(), kept[0].actor.id.as_str()), (256, "44"));
    log.add(vec![event(300)]);
    assert_eq!(live.try_recv().expect("one").actor.id, "300");
    live.try_recv().expect_err("no more");
}

/// A change of one of three services.
fn step() -> impl Strategy<Value = (usize, Option<u64>)> {
    (0..3_usize, prop::option::of(0..3_u64))
}

fn names(state: &State) -> BTreeSet<String> {
    state.services().keys().map(ToString::to_string).collect()
}

proptest! {
    /// Whoever has heard all events knows what there is, however many changes were seen as one.
    #[test]
    fn creations_and_removals_add_up(
        steps in prop::collection::vec(step(), 0..40),
        looks in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut state = State::default();
        let (mut told, mut heard) = (seen(&state), BTreeSet::new());
        for ((which, replicas), looks) in steps.into_iter().zip(looks) {
            let service = objects::service(which as u64, &format!("service-{which}"));
            let known = state.services().get(&service.id).map(|known| Service::clone(known));
            let op = match (known, replicas) {
                (None, None) => continue,
                (Some(known), None) => {
                    Op::Remove(ObjectRef::Service(known.id.clone()), known.meta.version)
                }
                (known, Some(replicas)) => {
                    let mut service = known.unwrap_or(service);
                    service.spec.mode = ServiceMode::Replicated { replicas };
                    put(&service)
                }
            };
            objects::commit(&mut state, vec![op]).expect("is sound");
            if !looks {
                continue;
            }
            let before = told.state.clone();
            for event in between(&told, &seen(&state), NOW) {
                let id = event.actor.id.clone();
                match event.action {
                    "create" => prop_assert!(heard.insert(id)),
                    "remove" => prop_assert!(heard.remove(&id)),
                    _ => {
                        prop_assert!(names(&before).contains(&id) && names(&state).contains(&id));
                        let mut old = before.services().iter();
                        let old = old.find(|(key, _)| key.as_str() == id);
                        let differs = old.is_some_and(|(key, old)| *old != state.services()[key]);
                        prop_assert!(differs, "{} has not changed", id);
                    }
                }
            }
            told = seen(&state);
            prop_assert_eq!(&heard, &names(&state));
            prop_assert_eq!(between(&told, &seen(&state), NOW), []);
        }
    }
}
