//! What the managers are told of attached containers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;

use swarmlite_proto::attachment::AttachedContainer;

use super::*;
use crate::task::fake::FakeAttach;
use crate::task::samples::id;

fn container(letter: char, running: bool) -> AttachedContainer {
    AttachedContainer { id: letter.to_string().repeat(64), name: letter.to_string(), running }
}

fn assigned(
    letter: char,
    last: u8,
    container: Option<AttachedContainer>,
) -> Arc<AttachmentAssignment> {
    Arc::new(AttachmentAssignment {
        id: id(letter),
        network_id: id('x'),
        node_id: id('n'),
        addr: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 1, last), 24),
        aliases: Vec::new(),
        serving: container.is_some(),
        container,
    })
}

fn held(network: char, last: u8, container: AttachedContainer) -> Held {
    Held { network: id(network), addr: Ipv4Addr::new(10, 0, 1, last), container }
}

fn told(
    mine: &[Arc<AttachmentAssignment>],
    held: &[Held],
    under_way: &UnderWay,
) -> Vec<(AttachmentId, Option<AttachedContainer>)> {
    let reports = reports(mine, held, under_way);
    reports.into_iter().map(|report| (report.id, report.container)).collect()
}

#[test]
fn what_is_known_is_not_told_again() {
    let mine = [assigned('a', 2, Some(container('c', true)))];
    let nothing = UnderWay::default();
    assert_eq!(told(&mine, &[held('x', 2, container('c', true))], &nothing), []);
    for now in [container('c', false), container('d', true)] {
        let news = vec![(id('a'), Some(now.clone()))];
        assert_eq!(told(&mine, &[held('x', 2, now)], &nothing), news);
    }
}

#[test]
fn an_address_that_no_container_has_is_given_back() {
    let mine = [assigned('a', 2, Some(container('c', true))), assigned('b', 3, None)];
    let both = vec![(id('a'), None), (id('b'), None)];
    let elsewhere = [held('y', 2, container('c', true)), held('x', 4, container('c', true))];
    assert_eq!(told(&mine, &elsewhere, &UnderWay::default()), both);
}

#[test]
fn what_is_being_made_is_not_given_back() {
    let mine = [assigned('a', 2, None), assigned('b', 3, None)];
    let one = UnderWay::of(0, &[id('a')]);
    assert_eq!(told(&mine, &[], &one), [(id('b'), None)]);
    assert_eq!(told(&mine, &[], &UnderWay::of(1, &[])), [], "it may be any");
    let there = vec![(id('a'), Some(container('c', false)))];
    let made = [held('x', 2, container('c', false))];
    assert_eq!(told(&mine[..1], &made, &one), there);
}

/// An engine whose containers have these processes.
#[derive(Default)]
struct Engine {
    processes: BTreeMap<String, Process>,
    /// The containers that it could not start.
    stranded: Vec<String>,
    /// What it answers those who start one.
    answer: Option<RuntimeError>,
    started: Mutex<Vec<String>>,
}

impl Containers for Engine {
    async fn held(&self) -> Result<Vec<Held>, RuntimeError> {
        Ok(Vec::new())
    }

    async fn detach(&self, _held: &Held) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn process(&self, container: &str) -> Result<Option<Process>, RuntimeError> {
        Ok(self.processes.get(container).copied())
    }

    async fn is_stranded(&self, container: &str) -> Result<bool, RuntimeError> {
        Ok(self.stranded.iter().any(|stranded| stranded == container))
    }

    async fn start(&self, container: &str) -> Result<(), RuntimeError> {
        self.started.lock().expect("no test panics here").push(container.to_owned());
        self.answer.clone().map_or(Ok(()), Err)
    }

    fn changes(&self) -> impl Stream<Item = Result<(), RuntimeError>> + Send + Unpin {
        futures_util::stream::empty()
    }
}

#[tokio::test]
async fn a_container_has_the_name_service_for_as_long_as_it_is_on_a_network() {
    let gateway = Ipv4Addr::new(10, 0, 1, 1);
    let process = |pid, has_resolver| Process { pid, has_resolver };
    let engine = |pid| {
        let all = [("late", process(pid, false)), ("born", process(8, true))];
        let processes = all.map(|(id, process)| (id.to_owned(), process)).into();
        Engine { processes, ..Engine::default() }
    };
    let wanted = BTreeMap::from([("late".to_owned(), gateway), ("born".to_owned(), gateway)]);
    let (mut named, plane) = (Named::default(), FakeAttach::default());
    for _ in 0..2 {
        named.follow(&engine(7), &plane, &wanted).await.expect("the engine answers");
    }
    assert_eq!(plane.named(), [(7, Some(gateway))], "once, and not what has it");
    named.follow(&engine(9), &plane, &wanted).await.expect("the engine answers");
    assert_eq!(plane.named()[1..], [(9, Some(gateway))], "its process is another one");
    named.follow(&engine(9), &plane, &BTreeMap::new()).await.expect("the engine answers");
    assert_eq!(plane.named()[2..], [(9, None)]);
    named.follow(&engine(7), &plane, &wanted).await.expect("the engine answers");
    named.follow(&engine(10), &plane, &BTreeMap::new()).await.expect("the engine answers");
    assert_eq!(plane.named().len(), 4, "what has that number now is not touched");
    assert!(named.is_empty());
}

#[tokio::test]
async fn what_the_engine_could_not_start_is_started_once_its_network_is_there() {
    let all = [container('a', false), container('b', false), container('c', true)];
    let holders = all.clone().map(|container| held('x', 2, container));
    let ids = all.map(|container| container.id);
    let engine = |answer| Engine {
        stranded: vec![ids[0].clone(), ids[2].clone()],
        answer,
        ..Engine::default()
    };
    let started = |engine: &Engine| engine.started.lock().expect("no test panics here").len();
    let there = BTreeSet::from([id('x')]);
    let mut stranded = Stranded::default();

    let away = engine(Some(RuntimeError::Unavailable("it is away".to_owned())));
    stranded.start(&away, &holders, &BTreeSet::new()).await.expect("nothing to do");
    assert_eq!(started(&away), 0, "its network is not there");
    stranded.start(&away, &holders, &there).await.expect_err("it is tried again");

    let refuses = engine(Some(RuntimeError::Refused("its port is taken".to_owned())));
    for _ in 0..2 {
        stranded.start(&refuses, &holders, &there).await.expect("that is for the user to know");
    }
    assert_eq!(*refuses.started.lock().expect("no test panics here"), ids[..1], "once");

    stranded.engine_started();
    let willing = engine(None);
    for _ in 0..2 {
        stranded.start(&willing, &holders, &there).await.expect("starts it");
    }
    assert_eq!(started(&willing), 1);
}
