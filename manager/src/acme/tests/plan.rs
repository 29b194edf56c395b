//! What is asked of the server, and when.

use std::time::Duration;

use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::time::Timestamp;

use super::world::PATIENCE;
use super::world::World;
use crate::acme::outcome::Answer;
use crate::acme::plan::Call;
use crate::acme::plan::Plan;
use crate::acme::server::AcmeError;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A cluster with an account, and one host.
fn with_account() -> World {
    let mut world = World::new(&["shop"]);
    assert_eq!(world.call(), Call::Register);
    world.serve(&Call::Register);
    world
}

/// The same, with an order that every node can answer for.
fn with_order() -> (World, Call) {
    let mut world = with_account();
    let order = world.call();
    world.serve(&order);
    world.confirm(None);
    let proceed = world.call();
    assert!(matches!(proceed, Call::Proceed { .. }), "{proceed:?}");
    (world, proceed)
}

fn refused() -> Result<Answer, AcmeError> {
    Err(AcmeError::Refused("no".to_owned()))
}

fn unreachable() -> Result<Answer, AcmeError> {
    let directory = "https://acme.example.com".to_owned();
    Err(AcmeError::Unreachable { directory, why: "connection refused".to_owned() })
}

/// The way that is tried first by the order that is to be made now.
fn first_kind(world: &mut World) -> AcmeChallengeKind {
    match world.call() {
        Call::Order { kinds, .. } => kinds[0],
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_asked_for_until_all_is_ready_for_it() {
    let none = |edit: fn(&mut World)| {
        let mut world = World::new(&["shop"]);
        edit(&mut world);
        assert_eq!(world.plan(), Plan::default());
    };
    none(|world| {
        world.edit_cluster(|it| it.spec.acme.as_mut().expect("is there").terms_accepted = false);
    });
    none(|world| world.edit_cluster(|it| it.spec.acme = None));
    none(|world| world.edit_cluster(|it| it.format = Format::HTTP));
    none(|world| world.edit_cluster(|it| it.spec.http = None));
    none(|world| {
        world.edit_cluster(|it| it.spec.http = Some(HttpConfig { port: 80, tls_port: 0 }));
    });
    none(|world| world.remove_service("shop"));
}

#[test]
fn the_server_is_asked_to_look_once_every_node_can_answer() {
    let mut world = with_account();
    let order = world.call();
    world.serve(&order);
    assert_eq!(world.calls(), [], "nobody has confirmed");
    world.confirm(Some(0));
    let plan = world.plan();
    assert_eq!((plan.calls.as_slice(), plan.wake_at), (&[][..], Some(world.now + PATIENCE)));
    world.confirm(Some(1));
    assert!(matches!(world.call(), Call::Proceed { .. }));
}

#[test]
fn nodes_that_cannot_answer_are_not_waited_for_and_no_other_for_ever() {
    for edit in [
        |world: &mut World| world.edit_node(1, |node| node.status.state = NodeState::Down),
        |world: &mut World| world.edit_node(1, |node| node.versions = Versions::default()),
        |world: &mut World| world.edit_node(1, |node| node.data_path_addr = None),
    ] {
        let mut world = with_account();
        let order = world.call();
        world.serve(&order);
        edit(&mut world);
        world.confirm(Some(0));
        assert!(matches!(world.call(), Call::Proceed { .. }));
    }
    let mut world = with_account();
    let order = world.call();
    world.serve(&order);
    world.now = world.now + PATIENCE;
    let plan = world.plan();
    assert_eq!((plan.calls.len(), plan.report.len()), (1, 2), "{plan:?}");
}

#[test]
fn a_certificate_is_a_secret_that_is_replaced_when_a_third_of_its_time_is_left() {
    let mut world = World::new(&["shop"]);
    world.settle();
    let secret = |world: &World| {
        let secrets = world.state.documents::<SecretKind>();
        assert_eq!(secrets.len(), 1);
        secrets.values().next().cloned().expect("is there")
    };
    let first = secret(&world);
    assert!(first.spec.name.starts_with("acme.shop."), "{}", first.spec.name);
    assert_eq!(first.spec.labels["swarmlite.acme.host"], "shop");
    let renewal = Timestamp::EPOCH + DAY * 60;
    assert_eq!(world.plan(), Plan { wake_at: Some(renewal), ..Plan::default() });
    world.now = renewal;
    let order = world.call();
    world.serve(&order);
    world.confirm(None);
    assert_eq!(secret(&world), first, "it is served until there is another");
    let proceed = world.call();
    world.serve(&proceed);
    assert_ne!(secret(&world).id, first.id);
    assert_eq!(world.host("shop").order, None);
}

#[test]
fn somebody_who_removes_the_secret_gets_another() {
    let mut world = World::new(&["shop"]);
    world.settle();
    let gone = world.state.without_acme_secret(world.host("shop")).expect("is there");
    let transaction = crate::state::Transaction { at: world.now, ops: vec![gone.clone()] };
    let refused = world.state.clone().apply(1000, transaction).expect_err("is in use");
    assert!(refused.message.contains("is in use by the following service: shop"), "{refused:?}");
    world.remove_service("shop");
    world.commit(vec![gone]);
    world.calls();
    assert!(world.state.acme_hosts().is_empty(), "there is nothing left to keep");
}

#[test]
fn what_fails_is_tried_again_later_each_time_and_in_the_other_way() {
    let mut world = with_account();
    let mut pauses = Vec::new();
    for expected in [AcmeChallengeKind::Http01, AcmeChallengeKind::TlsAlpn01].repeat(6) {
        assert_eq!(first_kind(&mut world), expected);
        let call = world.call();
        assert!(world.end(&call, refused()));
        let retry_at = world.host("shop").failure.as_ref().expect("it failed").retry_at;
        assert_eq!(world.plan(), Plan { wake_at: Some(retry_at), ..Plan::default() });
        pauses.push(retry_at.since(world.now).as_secs());
        world.now = retry_at;
    }
    let within = |pause: u64, base: u64| (base..=base * 5 / 4).contains(&pause);
    assert!(within(pauses[0], 120) && within(pauses[1], 240), "{pauses:?}");
    assert!(within(pauses[11], 12 * 60 * 60), "{pauses:?}");
    let in_an_hour = pauses.iter().scan(0, |sum, pause| {
        *sum += pause;
        Some(*sum)
    });
    assert!(in_an_hour.take_while(|at| *at < 3600).count() < 5, "{pauses:?}");
    world.settle();
    assert_eq!(world.host("shop").failure, None);
}

#[test]
fn an_order_outlives_a_server_that_is_away_and_not_one_that_says_no() {
    let (mut world, proceed) = with_order();
    assert!(world.end(&proceed, unreachable()));
    let failure = world.host("shop").failure.clone().expect("it failed");
    assert_eq!(failure.reason, "cannot ask https://acme.example.com: connection refused");
    assert!(failure.retry_at.since(world.now) < Duration::from_secs(7));
    world.now = failure.retry_at;
    let again = world.call();
    assert!(matches!(&again, Call::Proceed { .. }), "nodes are not waited for again: {again:?}");
    assert!(world.end(&again, refused()));
    assert_eq!(world.host("shop").order, None);
}

#[test]
fn an_order_that_nothing_becomes_of_is_made_anew() {
    let (mut world, _) = with_order();
    for _ in 0..8 {
        let call = world.call();
        assert!(matches!(&call, Call::Proceed { .. }), "{call:?}");
        assert!(world.end(&call, Err(AcmeError::Slow)));
        world.now = world.host("shop").failure.as_ref().expect("it failed").retry_at;
    }
    assert!(matches!(world.call(), Call::Order { .. }));
}

#[test]
fn other_settings_are_tried_at_once() {
    let mut world = World::new(&["shop"]);
    assert!(world.end(&Call::Register, unreachable()));
    assert_eq!(world.calls(), []);
    world.edit_cluster(|it| it.spec.acme.as_mut().expect("is there").ca = "another".to_owned());
    assert_eq!(world.call(), Call::Register);
    world.serve(&Call::Register);
    let order = world.call();
    assert!(world.end(&order, refused()));
    assert_eq!(world.calls(), []);
    world.edit_cluster(|it| it.spec.http = Some(HttpConfig { port: 0, tls_port: 443 }));
    assert_eq!(first_kind(&mut world), AcmeChallengeKind::TlsAlpn01);
}

#[test]
fn an_account_that_the_server_has_lost_is_made_anew() {
    let (mut world, proceed) = with_order();
    assert!(world.end(&proceed, Err(AcmeError::NoAccount("who?".to_owned()))));
    assert_eq!(world.state.acme_account(), None);
    world.now = world.host("shop").failure.as_ref().expect("it failed").retry_at;
    assert_eq!(world.call(), Call::Register);
}

#[test]
fn another_server_gets_an_account_and_orders_of_its_own() {
    let (mut world, proceed) = with_order();
    let other = "https://acme.example.com/dir".to_owned();
    world.edit_cluster(|it| it.spec.acme.as_mut().expect("is there").directory = other.clone());
    assert_eq!(world.call(), Call::Register);
    world.serve(&Call::Register);
    let order = world.call();
    assert!(matches!(order, Call::Order { .. }), "{order:?}");
    world.serve(&order);
    assert_eq!(world.host("shop").order.as_ref().map(|it| &it.directory), Some(&other));
    assert!(!world.end(&proceed, refused()), "that is about an order which is gone");
}

#[test]
fn two_leaders_keep_one_order() {
    let mut world = with_account();
    let order = world.call();
    world.serve(&order);
    let kept = world.host("shop").order.clone();
    let second = world.placed(AcmeChallengeKind::Http01);
    assert!(!world.end(&order, Ok(second)));
    assert_eq!(world.host("shop").order, kept);
}

#[test]
fn what_nobody_wants_is_kept_as_long_as_it_is_valid() {
    let mut world = World::new(&["shop"]);
    world.settle();
    world.remove_service("shop");
    let end = Timestamp::EPOCH + DAY * 90;
    assert_eq!(world.plan(), Plan { wake_at: Some(end), ..Plan::default() });
    world.now = end;
    assert_eq!(world.calls(), []);
    assert!(world.state.acme_hosts().is_empty());
    assert!(world.state.documents::<SecretKind>().is_empty());
}

#[test]
fn an_order_that_nobody_wants_any_more_is_dropped() {
    let (mut world, proceed) = with_order();
    world.remove_service("shop");
    assert_eq!(world.calls(), []);
    assert!(world.state.acme_hosts().is_empty());
    assert!(!world.end(&proceed, refused()));
}

#[test]
fn a_few_hosts_are_ordered_for_at_a_time() {
    let hosts = ["a", "b", "c", "d", "e", "f"];
    let mut world = World::new(&hosts);
    world.serve(&Call::Register);
    assert_eq!(world.calls().len(), 4);
    world.settle();
    assert_eq!(world.state.documents::<SecretKind>().len(), hosts.len());
}

#[test]
fn a_chain_for_another_key_is_refused() {
    let (mut world, proceed) = with_order();
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let chain = super::fake::issued("shop", &key);
    assert!(world.end(&proceed, Ok(Answer::Issued(chain))));
    let failure = world.host("shop").failure.as_ref().expect("it failed");
    assert_eq!(
        failure.reason,
        "what the server gave is of no use: the private key in the PEM is not the one of the first certificate"
    );
}
