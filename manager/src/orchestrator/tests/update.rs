//! Rolling updates.

use std::time::Duration;

use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::spec::EndpointOptions;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::value::http;

use super::replicas;
use crate::loops::LOOPS;
use crate::loops::tests::world::World;
use crate::state::Op;
use crate::state::document::DocumentKind;
use crate::state::document::tests::document;
use crate::state::document::tests::reference;

fn with_config(count: u64, config: UpdateConfig) -> (World, ServiceId) {
    let mut world = World::new(3);
    let web = world.add_service("web", replicas(count), |service| {
        service.spec.update_config = Some(config);
    });
    world.settle();
    (world, web)
}

fn change(world: &mut World, web: &ServiceId) {
    world.edit_service(web, |service| service.spec.task_template.force_update += 1);
}

fn status(world: &World, web: &ServiceId) -> Option<(UpdateState, String)> {
    let status = world.service(web).update_status.clone()?;
    Some((status.state, status.message))
}

fn updated(world: &World, web: &ServiceId) -> usize {
    let version = world.service(web).spec_version;
    world.running(web).iter().filter(|task| task.spec_version == version).count()
}

/// Goes through an update one pass at a time. Returns the fewest tasks that ran, and the most.
fn watch(world: &mut World, web: &ServiceId) -> (usize, usize) {
    let (mut fewest, mut most) = (usize::MAX, 0);
    for _ in 0..60 {
        for step in &LOOPS {
            world.pass(step);
        }
        world.agents();
        let count = world.running(web).len();
        (fewest, most) = (fewest.min(count), most.max(count));
    }
    world.settle();
    (fewest, most)
}

#[test]
fn an_update_replaces_every_task_and_completes() {
    let (mut world, web) =
        with_config(3, UpdateConfig { parallelism: 1, ..UpdateConfig::default() });
    assert_eq!(status(&world, &web), None, "making a service is no update");
    change(&mut world, &web);
    world.settle_now();
    assert_eq!(
        status(&world, &web),
        Some((UpdateState::Updating, "update in progress".to_owned()))
    );
    world.settle();
    assert_eq!(updated(&world, &web), 3);
    assert_eq!(status(&world, &web), Some((UpdateState::Completed, "update completed".to_owned())));
    let status = world.service(&web).update_status.clone().expect("is set");
    assert!(status.started_at < status.completed_at);
}

#[test]
fn order_and_parallelism_are_kept() {
    let table = [
        (UpdateOrder::StopFirst, 1, (3, 4)),
        (UpdateOrder::StopFirst, 2, (2, 4)),
        (UpdateOrder::StopFirst, 0, (0, 4)),
        (UpdateOrder::StartFirst, 1, (4, 5)),
        (UpdateOrder::StartFirst, 2, (4, 6)),
    ];
    for (order, parallelism, expected) in table {
        let config = UpdateConfig { order, parallelism, ..UpdateConfig::default() };
        let (mut world, web) = with_config(4, config);
        change(&mut world, &web);
        assert_eq!(watch(&mut world, &web), expected, "{order:?} {parallelism}");
        assert_eq!((updated(&world, &web), world.running(&web).len()), (4, 4));
    }
}

#[test]
fn the_delay_is_kept_between_slots() {
    let delay = Nanoseconds::from_secs(30);
    let config = UpdateConfig { parallelism: 1, delay, ..UpdateConfig::default() };
    let (mut world, web) = with_config(3, config);
    let start = world.now;
    change(&mut world, &web);
    let mut progress: Vec<(u64, usize)> = Vec::new();
    while let Some(wake) = world.settle_now() {
        progress.push((world.now.since(start).as_secs(), updated(&world, &web)));
        world.now = wake;
    }
    assert_eq!(progress, [(0, 1), (30, 2), (60, 3)]);
}

#[test]
fn what_a_task_need_not_follow_replaces_nothing() {
    let (mut world, web) = with_config(2, UpdateConfig::default());
    let before = world.running(&web);
    world.edit_service(&web, |service| {
        service.spec.update_config = None;
        service.spec.labels.insert("tier".to_owned(), "front".to_owned());
        let constraints = vec!["node.role==worker".to_owned()];
        service.spec.task_template.placement =
            Some(Placement { constraints, ..Placement::default() });
    });
    world.settle();
    assert_eq!(world.running(&web), before);
    assert_eq!(status(&world, &web), None);
    world.edit_service(&web, |service| {
        let ports = vec![PortConfig { target_port: 80, ..PortConfig::default() }];
        service.spec.endpoint_spec = Some(EndpointSpec { ports, ..EndpointSpec::default() });
    });
    world.settle();
    assert_eq!(updated(&world, &web), 2, "a task needs an address on the ingress network now");
}

#[test]
fn another_way_to_spread_connections_replaces_no_task() {
    let (mut world, web) = with_config(2, UpdateConfig::default());
    world.edit_service(&web, |service| {
        let ports = vec![PortConfig { target_port: 80, ..PortConfig::default() }];
        service.spec.endpoint_spec = Some(EndpointSpec { ports, ..EndpointSpec::default() });
    });
    world.settle();
    let before = world.running(&web);
    for options in [Some(EndpointOptions { scheduler: Some(Scheduler::Sh), sticky: None }), None] {
        world.edit_service(&web, |service| {
            service.spec.endpoint_spec.get_or_insert_default().options = options;
        });
        world.settle();
        assert_eq!(world.running(&web), before);
        assert_eq!(status(&world, &web), None, "no update");
    }
}

#[test]
fn only_the_first_rule_for_http_replaces_tasks() {
    let (mut world, web) = with_config(2, UpdateConfig::default());
    let mut running = world.running(&web);
    for (rules, replaces) in [
        (vec!["shop,port=80"], true),
        (vec!["shop,port=81", "shop/cart,port=80"], false),
        (vec!["shop/cart,port=80,sticky=1h"], false),
        (vec![], true),
    ] {
        world.edit_service(&web, |service| {
            let rules = rules.iter().map(|rule| http::parse(rule).expect("a rule")).collect();
            service.spec.endpoint_spec.get_or_insert_default().http = Some(rules);
        });
        world.settle();
        let now = world.running(&web);
        assert_eq!(
            now != running,
            replaces,
            "{rules:?}: they need an address on the ingress network, or none"
        );
        running = now;
    }
}

/// Updates one slot and lets its new task fail.
fn fail_once(world: &mut World, web: &ServiceId) -> String {
    world.now = world.now + Duration::from_secs(1);
    change(world, web);
    fail_changed(world, web)
}

/// Lets a task fail that the change of this moment has made.
fn fail_changed(world: &mut World, web: &ServiceId) -> String {
    let at = world.now;
    world.settle_now();
    let version = world.service(web).spec_version;
    let made = |created: Timestamp| created >= at;
    let new = world.tasks(web).into_iter().find(|task| {
        task.spec_version == version
            && made(task.meta.created_at)
            && !task.status.state.is_terminal()
    });
    let new = new.expect("one slot is under way");
    world.report(&new, TaskState::Failed);
    world.settle();
    new.id.to_string()
}

#[test]
fn a_failure_pauses_the_update() {
    let config = UpdateConfig {
        parallelism: 1,
        delay: Nanoseconds::from_secs(3600),
        ..UpdateConfig::default()
    };
    let (mut world, web) = with_config(3, config);
    let failed = fail_once(&mut world, &web);
    let message = format!("update paused due to failure or early termination of task {failed}");
    assert_eq!(status(&world, &web), Some((UpdateState::Paused, message)));
    assert_eq!((updated(&world, &web), world.running(&web).len()), (1, 3));
}

/// An update with a pause of 12 s after each slot, whose first new task ends so many seconds after it got traffic.
fn ended_after(seconds: u64) -> (World, ServiceId) {
    let config = UpdateConfig {
        parallelism: 1,
        delay: Nanoseconds::from_secs(12),
        monitor: Nanoseconds::from_secs(2),
        ..UpdateConfig::default()
    };
    let (mut world, web) = with_config(3, config);
    change(&mut world, &web);
    world.settle_now();
    world.now = world.now + Duration::from_secs(seconds);
    let version = world.service(&web).spec_version;
    let new = world.running(&web).into_iter().find(|task| task.spec_version == version);
    world.report(&new.expect("one slot is updated"), TaskState::Failed);
    (world, web)
}

#[test]
fn what_ends_while_it_is_watched_pauses_the_update() {
    let (mut world, web) = ended_after(2);
    world.settle();
    assert_eq!(status(&world, &web).map(|status| status.0), Some(UpdateState::Paused));
}

#[test]
fn what_ends_after_it_was_watched_is_started_again_and_the_update_goes_on() {
    let (mut world, web) = ended_after(4);
    let start = world.now;
    let mut progress: Vec<(u64, usize)> = Vec::new();
    while let Some(wake) = world.settle_now() {
        progress.push((world.now.since(start).as_secs(), updated(&world, &web)));
        world.now = wake;
    }
    assert_eq!(status(&world, &web), Some((UpdateState::Completed, "update completed".to_owned())));
    assert_eq!((updated(&world, &web), world.running(&web).len()), (3, 3));
    // It comes back after the delay of its restart policy; the pause between slots is as long as it was.
    assert_eq!(progress, [(0, 0), (5, 1), (8, 2), (20, 3)]);
}

#[test]
fn failures_below_the_ratio_do_not_matter() {
    let config = UpdateConfig { parallelism: 1, max_failure_ratio: 0.5, ..UpdateConfig::default() };
    let (mut world, web) = with_config(3, config);
    fail_once(&mut world, &web);
    assert_eq!(updated(&world, &web), 3);
    assert_eq!(status(&world, &web).map(|status| status.0), Some(UpdateState::Completed));
}

#[test]
fn a_failure_rolls_back_if_asked_to() {
    let config = UpdateConfig {
        parallelism: 1,
        failure_action: FailureAction::Rollback,
        delay: Nanoseconds::from_secs(3600),
        ..UpdateConfig::default()
    };
    let (mut world, web) = with_config(3, config);
    let before = world.service(&web).spec_version;
    fail_once(&mut world, &web);
    let service = world.service(&web);
    assert_eq!(service.spec_version, before);
    assert_eq!((service.spec.task_template.force_update, &service.previous_spec), (0, &None));
    let message = "rollback completed".to_owned();
    assert_eq!(status(&world, &web), Some((UpdateState::RollbackCompleted, message)));
    assert_eq!((updated(&world, &web), world.running(&web).len()), (3, 3));
}

#[test]
fn nothing_is_rolled_back_to_a_secret_that_is_gone() {
    let config = UpdateConfig {
        parallelism: 1,
        failure_action: FailureAction::Rollback,
        delay: Nanoseconds::from_secs(3600),
        ..UpdateConfig::default()
    };
    let (mut world, web) = with_config(3, config);
    let secret = document::<SecretKind>(700, "tls");
    world.commit(vec![SecretKind::put(secret.clone())]);
    world.edit_service(&web, |service| {
        let container = service.spec.task_template.container_spec.get_or_insert_default();
        container.secrets = vec![reference(&secret)];
    });
    world.settle();
    world.now = world.now + Duration::from_secs(1);
    world.edit_service(&web, |service| {
        let container = service.spec.task_template.container_spec.get_or_insert_default();
        container.secrets.clear();
    });
    let version = world.state().documents::<SecretKind>()[&secret.id].meta.version;
    world.commit(vec![Op::Remove(SecretKind::object(secret.id), version)]);
    let failed = fail_changed(&mut world, &web);
    let message = format!(
        "update paused due to failure or early termination of task {failed}, and not rolled back: secret not found: tls"
    );
    assert_eq!(status(&world, &web), Some((UpdateState::Paused, message)));
}

#[test]
fn a_start_first_update_that_cannot_start_leaves_the_old_tasks_alone() {
    let config =
        UpdateConfig { parallelism: 1, order: UpdateOrder::StartFirst, ..UpdateConfig::default() };
    let (mut world, web) = with_config(2, config);
    let before = world.running(&web);
    change(&mut world, &web);
    for step in LOOPS.iter().cycle().take(4 * LOOPS.len()) {
        world.pass(step);
    }
    let version = world.service(&web).spec_version;
    let new = world.tasks(&web).into_iter().find(|task| task.spec_version == version);
    world.report(&new.expect("one slot is under way"), TaskState::Rejected);
    world.settle();
    assert_eq!(world.running(&web), before);
    assert_eq!(status(&world, &web).map(|status| status.0), Some(UpdateState::Paused));
}
