//! What every [`Runtime`] has to do, run against the fake and against a real Docker Engine.
//!
//! The real one is on the Unix socket that `SWARMLITE_TEST_DOCKER` names; it needs the image `SWARMLITE_TEST_IMAGE` (`web:1` if that is not set), which
//! has to run until it is told to stop. Without the variable the test says that it was left out.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::time::Nanoseconds;
use tokio::time::timeout;

use super::engine::DockerRuntime;
use crate::task::fake::FakeRuntime;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;
use crate::task::samples::attachment;
use crate::task::samples::id;
use crate::task::samples::network;
use crate::task::samples::platform;
use crate::task::samples::task;
use crate::task::step::Container;
use crate::task::step::Health;
use crate::task::translate::ContainerPlan;
use crate::task::translate::NetworkPlan;
use crate::task::translate::TaskNetwork;
use crate::task::translate::container_plan;
use crate::task::translate::network_plan;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_fake_does_what_an_engine_does() {
    check(&FakeRuntime::new(), "web:1").await;
}

#[tokio::test]
async fn docker_does_what_an_engine_does() {
    let Ok(socket) = std::env::var("SWARMLITE_TEST_DOCKER") else {
        eprintln!("LEFT OUT: no engine is named by SWARMLITE_TEST_DOCKER");
        return;
    };
    let image = std::env::var("SWARMLITE_TEST_IMAGE").unwrap_or_else(|_unset| "web:1".to_owned());
    let connected = DockerRuntime::connect(Path::new(&socket), id('n')).await;
    let runtime = connected.expect("the named engine answers");
    // Left by a run that failed.
    for container in runtime.containers().await.expect("lists") {
        runtime.remove(&container.id).await.expect("removes");
    }
    for network in runtime.networks().await.expect("lists") {
        runtime.remove_network(&network).await.expect("removes");
    }
    check(&runtime, &image).await;
    let node = runtime.describe().await.expect("describes");
    assert!(node.resources.nano_cpus > 0 && !node.engine.engine_version.is_empty(), "{node:?}");
}

fn task_with(image: &str, letter: char) -> TaskAssignment {
    let mut task = task(letter);
    let mut spec = (*task.spec).clone();
    let container = spec.container_spec.as_mut().expect("a container");
    image.clone_into(&mut container.image);
    container.stop_grace_period = Some(Nanoseconds::from_secs(1));
    task.spec = spec.into();
    task.attachments = vec![attachment('x', 5), attachment('y', 6)];
    task
}

/// As tasks make it, but with a driver that every engine has.
fn bridge(letter: char) -> NetworkPlan {
    let mut plan = network_plan(&network(letter));
    plan.body.driver = Some("bridge".to_owned());
    plan.body.options = None;
    plan
}

async fn check<R: Runtime>(runtime: &R, image: &str) {
    let (x, y) = (network('x'), network('y'));
    let (first, second) = networks_made(runtime).await;
    assert_eq!(runtime.has_image(image).await, Ok(true));
    assert_eq!(runtime.has_image("none:1").await, Ok(false));

    let task = task_with(image, 'a');
    let on = |network, engine_id, at: usize| TaskNetwork {
        network,
        engine_id,
        addr: task.attachments[at].addr,
    };
    let networks = [on(&x, first.as_str(), 0), on(&y, second.as_str(), 1)];
    let plan = container_plan(&task, &networks, "host-1", &platform()).expect("supported");
    nothing_there(runtime, &plan.name).await;
    let mut events = runtime.events();
    made_once(runtime, &plan).await;
    started(runtime, &plan.name, &task.id).await;
    let refused = runtime.remove_network(&x.id).await;
    assert!(matches!(refused, Err(RuntimeError::Refused(_))), "it is in use: {refused:?}");
    stopped_and_removed(runtime, &plan.name).await;
    let event = timeout(LIMIT, events.next()).await.expect("something happened");
    assert_eq!(event, Some(Ok(task.id.clone())));

    networks_removed(runtime, [&x.id, &y.id]).await;
    missing_image(runtime).await;
}

async fn networks_made<R: Runtime>(runtime: &R) -> (String, String) {
    let first = runtime.ensure_network(&bridge('x')).await.expect("makes it");
    assert_eq!(runtime.ensure_network(&bridge('x')).await.as_ref(), Ok(&first), "once only");
    let second = runtime.ensure_network(&bridge('y')).await.expect("makes it");
    assert_eq!(sorted(runtime.networks().await), [network('x').id, network('y').id]);
    (first, second)
}

async fn networks_removed<R: Runtime>(runtime: &R, networks: [&NetworkId; 2]) {
    for network in networks {
        runtime.remove_network(network).await.expect("removes");
        runtime.remove_network(network).await.expect("is gone already");
    }
    assert_eq!(runtime.networks().await, Ok(Vec::new()));
}

async fn nothing_there<R: Runtime>(runtime: &R, name: &str) {
    assert_eq!(runtime.inspect(name).await, Ok(None));
    assert_eq!(runtime.stop(name).await, Ok(()), "nothing to stop");
    assert_eq!(runtime.remove(name).await, Ok(()), "nothing to remove");
}

async fn made_once<R: Runtime>(runtime: &R, plan: &ContainerPlan) {
    runtime.create(plan).await.expect("makes it");
    runtime.create(plan).await.expect("is there already");
    let more = &plan.connect[0];
    runtime.connect(&plan.name, more).await.expect("connects");
    let info = runtime.inspect(&plan.name).await.expect("looks").expect("is there");
    assert_eq!((&info.state, info.pid), (&Container::Created, 0));
    let connected = [&more.network, &more.name].into_iter().any(|n| info.networks.contains(n));
    assert!(connected, "{info:?}");
}

async fn started<R: Runtime>(runtime: &R, name: &str, task: &TaskId) {
    runtime.start(name).await.expect("starts");
    runtime.start(name).await.expect("runs already");
    let info = runtime.inspect(name).await.expect("looks").expect("is there");
    assert_eq!(info.state, Container::Running(Health::Unchecked));
    assert!(info.pid > 0);
    let own = runtime.containers().await.expect("lists");
    assert_eq!(own.iter().map(|own| &own.task).collect::<Vec<_>>(), [task]);
}

async fn stopped_and_removed<R: Runtime>(runtime: &R, name: &str) {
    runtime.stop(name).await.expect("stops");
    runtime.stop(name).await.expect("is stopped already");
    let info = runtime.inspect(name).await.expect("looks").expect("is kept");
    assert!(matches!(info.state, Container::Exited { .. }), "{info:?}");
    assert_eq!(info.pid, 0);
    runtime.remove(&info.id).await.expect("removes by id too");
    assert_eq!(runtime.inspect(name).await, Ok(None));
}

async fn missing_image<R: Runtime>(runtime: &R) {
    let mut task = task_with("none:1", 'b');
    task.attachments.clear();
    let plan = container_plan(&task, &[], "host-1", &platform()).expect("supported");
    let refused = runtime.create(&plan).await.expect_err("no image");
    assert_eq!(refused, RuntimeError::Refused("No such image: none:1".to_owned()));
    let refused = runtime.start(&plan.name).await;
    assert!(matches!(refused, Err(RuntimeError::Refused(_))), "{refused:?}");
}

fn sorted<T: Ord>(listed: Result<Vec<T>, RuntimeError>) -> Vec<T> {
    let mut list = listed.expect("lists");
    list.sort();
    list
}
