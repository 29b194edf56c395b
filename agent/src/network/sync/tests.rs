//! The loop against a kernel in memory, in paused time.

use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::network::Config;
use crate::network::DataPlane;
use crate::network::DataPlaneHandle;
use crate::network::desired::tests::container;
use crate::network::desired::tests::network_id;
use crate::network::desired::tests::settled_assignments;
use crate::network::desired::tests::this_node;
use crate::network::held::Held;
use crate::network::kernel::fake::FakeKernel;
use crate::network::op::Flows;
use crate::network::state::Route;

fn start(kernel: &FakeKernel) -> DataPlaneHandle {
    let Node { id, data_path_addr } = this_node();
    let config =
        Config { state_dir: "/nonexistent".into(), node_id: id, data_path_addr, plugin_dir: None };
    DataPlane::start_with(config, kernel.clone()).expect("no driver")
}

async fn reached(handle: &DataPlaneHandle, generation: u64) {
    let mut progress = handle.progress();
    let reached = progress.wait_for(|progress| progress.generation.0 >= generation);
    timeout(Duration::from_secs(60), reached).await.expect("in time").expect("running");
}

#[tokio::test(start_paused = true)]
async fn a_generation_is_reported_only_when_the_kernel_has_it() {
    let kernel = FakeKernel::new();
    kernel.lock().refuse = 1;
    let handle = start(&kernel);
    handle.set_assignments(settled_assignments(7)).await.expect("running");
    // The first pass fails; the report comes with the one after the pause.
    reached(&handle, 7).await;
    assert_eq!(kernel.lock().refuse, 0);
    handle.ready(&network_id(1)).await.expect("running");
}

#[tokio::test(start_paused = true)]
async fn an_older_generation_is_not_taken() {
    let handle = start(&FakeKernel::new());
    handle.set_assignments(settled_assignments(7)).await.expect("running");
    reached(&handle, 7).await;
    handle.set_assignments(settled_assignments(6)).await.expect("running");
    // An answer to a later request says that the one before has been served.
    handle.remove_endpoint("none".to_owned()).await.expect("nothing to remove");
    assert_eq!(handle.progress().borrow().generation.0, 7);
}

#[tokio::test(start_paused = true)]
async fn of_assignments_that_wait_only_the_newest_are_programmed() {
    let kernel = FakeKernel::new();
    let handle = start(&kernel);
    handle.set_assignments(settled_assignments(1)).await.expect("running");
    reached(&handle, 1).await;
    let mut looks = Vec::new();
    for newest in [2, 30] {
        let before = kernel.lock().looks;
        for generation in handle.progress().borrow().generation.0 + 1..=newest {
            handle.set_assignments(settled_assignments(generation)).await.expect("running");
        }
        // What waits behind them is served too.
        handle.remove_endpoint("none".to_owned()).await.expect("nothing to remove");
        assert_eq!(handle.progress().borrow().generation.0, newest);
        looks.push(kernel.lock().looks - before);
    }
    assert_eq!(looks[0], looks[1], "one set of assignments, and 28 of them");
}

#[tokio::test(start_paused = true)]
async fn a_check_repairs_and_counts() {
    let kernel = FakeKernel::new();
    let handle = start(&kernel);
    handle.set_assignments(settled_assignments(1)).await.expect("running");
    reached(&handle, 1).await;
    for namespace in kernel.lock().observed.state.values_mut() {
        namespace.services = Held::Absent;
    }
    let mut progress = handle.progress();
    let repaired = progress.wait_for(|progress| progress.repaired > 0);
    timeout(RESYNC * 2, repaired).await.expect("in time").expect("running");
    let services: Vec<bool> =
        kernel.lock().observed.state.values().map(|seen| seen.services.known().is_some()).collect();
    assert_eq!(services, [false, true], "only sandboxes balance");
}

#[tokio::test(start_paused = true)]
async fn before_the_first_assignments_the_kernel_is_left_alone() {
    let kernel = FakeKernel::new();
    let handle = start(&kernel);
    handle.set_assignments(settled_assignments(1)).await.expect("running");
    reached(&handle, 1).await;
    let before = kernel.lock().observed.clone();
    let restarted = start(&kernel);
    restarted.check();
    let refused = restarted.add_endpoint(container(1, 11).1).await;
    assert!(matches!(refused, Err(EndpointError::UnknownSubnet(_))), "{refused:?}");
    assert_eq!(kernel.lock().observed, before);
}

#[tokio::test(start_paused = true)]
async fn a_container_has_its_route_when_it_has_its_link() {
    let kernel = FakeKernel::new();
    let handle = start(&kernel);
    handle.set_assignments(settled_assignments(1)).await.expect("running");
    let (netns, endpoint) = container(1, 77);
    handle.add_endpoint(endpoint.clone()).await.expect("added");
    let to_it = Route::Link(endpoint.link_name());
    assert!(kernel.lock().observed.state[&netns].routes.values().any(|route| *route == to_it));
    let gone = (netns.clone(), Flows::AnsweredBy(endpoint.address.addr()));
    assert!(!kernel.lock().forgotten.contains(&gone));
    handle.remove_endpoint(endpoint.id).await.expect("removed");
    assert!(kernel.lock().forgotten.contains(&gone));
    assert!(!kernel.lock().observed.state[&netns].routes.values().any(|route| *route == to_it));
    handle.tear_down().await.expect("torn down");
    assert_eq!(kernel.lock().observed.state.len(), 1, "only the node itself is left");
    handle.tear_down().await.expect("already down");
}
