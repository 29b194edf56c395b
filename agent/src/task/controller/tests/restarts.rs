//! Containers that are started again in place.

use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::time::Nanoseconds;

use super::*;

fn with_policy(policy: RestartPolicy) -> Assigned {
    assigned(|task| {
        let mut spec = (*task.spec).clone();
        spec.restart_policy = Some(policy);
        task.spec = Arc::new(spec);
    })
}

impl Rig {
    fn lose_managers(&self) {
        self.session.send_replace(SessionState::Lost("all are gone".to_owned()));
    }

    /// Stops the engine, which takes the container with it.
    fn stop_engine(&self, exit_code: i64) {
        self.runtime.state().down = true;
        self.runtime.exit(&self.name, exit_code);
        self.wake.notify_one();
    }

    fn starts(&self) -> usize {
        self.calls().iter().filter(|call| *call == "start").count()
    }

    async fn started(&self, times: usize) {
        let start = format!("start {}", self.name);
        let enough = |state: &crate::task::fake::State| {
            state.calls.iter().filter(|call| **call == start).count() == times
        };
        self.runtime.until(enough).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_managers_a_container_is_started_again_after_the_delay() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    let running = rig.reaches(TaskState::Running).await;
    rig.lose_managers();
    let before = Instant::now();
    rig.runtime.exit(&rig.name, 1);
    rig.wake.notify_one();
    rig.routed(false).await;
    rig.started(2).await;
    assert_eq!(before.elapsed().as_secs(), 5, "the default delay");
    rig.routed(true).await;
    assert_eq!(rig.attach.pids(), [101, 102], "the new process is attached");
    let now = rig.reaches(TaskState::Running).await;
    assert_eq!((now.timestamp, now.message), (running.timestamp, running.message));
    assert_eq!(now.container.expect("it has one").pid, 102);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_returns_before_the_delay_has_passed_decides() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    rig.lose_managers();
    rig.runtime.exit(&rig.name, 1);
    rig.wake.notify_one();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let manager = "192.0.2.1:2377".parse().expect("an address");
    let before = Instant::now();
    rig.session.send_replace(SessionState::Connected(manager));
    rig.reaches(TaskState::Failed).await;
    assert!(before.elapsed() < Duration::from_secs(1), "at once");
    assert_eq!(rig.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_over_a_restart_of_the_agent() {
    let policy = RestartPolicy {
        delay: Some(Nanoseconds::from_secs(1)),
        max_attempts: Some(2),
        ..RestartPolicy::default()
    };
    let mut rig = Rig::new(FakeRuntime::new(), with_policy(policy.clone()));
    rig.reaches(TaskState::Running).await;
    for times in [2, 3] {
        rig.lose_managers();
        rig.runtime.exit(&rig.name, 1);
        rig.wake.notify_one();
        rig.started(times).await;
        rig.routed(true).await;
        rig.running.abort();
        rig = Rig::with(rig.folder, rig.runtime, with_policy(policy.clone()));
        rig.attached().await;
    }
    rig.lose_managers();
    rig.runtime.exit(&rig.name, 1);
    rig.wake.notify_one();
    rig.reaches(TaskState::Failed).await;
    assert_eq!(rig.starts(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_managers_a_container_that_keeps_failing_waits_longer_each_time() {
    let eager =
        RestartPolicy { delay: Some(Nanoseconds::from_secs(0)), ..RestartPolicy::default() };
    let rig = Rig::new(FakeRuntime::new(), with_policy(eager));
    rig.reaches(TaskState::Running).await;
    rig.lose_managers();
    rig.runtime.state().ends_at_once = Some(1);
    let before = Instant::now();
    rig.runtime.exit(&rig.name, 1);
    rig.wake.notify_one();
    // By chance up to half of each delay is left out.
    for (times, at_most, at_least) in [(2, 1, 0), (3, 2, 1), (4, 6, 3), (5, 14, 7), (6, 30, 15)] {
        rig.started(times).await;
        let seconds = before.elapsed().as_secs();
        assert!((at_least..=at_most).contains(&seconds), "start {times} after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_container_is_started_again_too() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    rig.lose_managers();
    rig.runtime.set_health(&rig.name, Health::Unhealthy);
    rig.wake.notify_one();
    rig.routed(false).await;
    rig.started(2).await;
    rig.routed(true).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_takes_with_it_is_started_again_when_it_is_back() {
    // The agent is told by the engine's silence, and by the end of its events.
    for events_end in [false, true] {
        let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
        rig.reaches(TaskState::Running).await;
        if events_end {
            rig.runtime.exit(&rig.name, 0);
            rig.shared.outages.fetch_add(1, Ordering::Relaxed);
            rig.wake.notify_one();
        } else {
            rig.stop_engine(0);
            rig.routed(false).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            assert_eq!(rig.starts(), 1);
            rig.runtime.state().down = false;
        }
        rig.started(2).await;
        rig.routed(true).await;
        // From now on its ends are its own again.
        rig.runtime.exit(&rig.name, 1);
        rig.wake.notify_one();
        rig.reaches(TaskState::Failed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_lives_through_a_restart_of_its_engine_is_left_alone() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    let running = rig.reaches(TaskState::Running).await;
    rig.runtime.state().down = true;
    rig.wake.notify_one();
    tokio::time::sleep(Duration::from_secs(20)).await;
    rig.runtime.state().down = false;
    rig.shared.outages.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(RESYNC * 2).await;
    assert_eq!(rig.reaches(TaskState::Running).await, running);
    assert_eq!((rig.starts(), rig.attach.pids()), (1, vec![101]));
}

#[tokio::test(start_paused = true)]
async fn what_is_never_to_be_restarted_is_not() {
    let never = RestartPolicy { condition: RestartCondition::None, ..RestartPolicy::default() };
    let rig = Rig::new(FakeRuntime::new(), with_policy(never));
    rig.reaches(TaskState::Running).await;
    rig.stop_engine(143);
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.runtime.state().down = false;
    rig.reaches(TaskState::Failed).await;
    assert_eq!(rig.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ends_as_soon_as_it_is_started_is_no_victim_of_the_engine() {
    let runtime = FakeRuntime::new();
    runtime.state().ends_at_once = Some(1);
    let rig = Rig::new(runtime, assigned(|_| {}));
    rig.reaches(TaskState::Failed).await;
    assert_eq!(rig.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_ended_while_the_agent_was_away_is_started_again() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    rig.running.abort();
    rig.runtime.exit(&rig.name, 137);
    let running = assigned(|task| task.observed_state = TaskState::Running);
    let rig = Rig::with(rig.folder, rig.runtime, running);
    rig.started(2).await;
    rig.routed(true).await;
}

#[tokio::test(start_paused = true)]
async fn what_runs_on_a_node_that_has_lost_its_disk_is_told_again() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    let before = rig.reaches(TaskState::Running).await;
    rig.running.abort();
    let running = assigned(|task| task.observed_state = TaskState::Running);
    let rig = Rig::new(rig.runtime, running);
    let found = rig.routed(true).await;
    assert_eq!(found.container, before.container);
    assert_eq!(rig.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_managers_a_container_that_cannot_be_started_is_tried_again() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    rig.lose_managers();
    rig.runtime.state().start_refused = Some("port is already allocated".to_owned());
    rig.runtime.exit(&rig.name, 1);
    rig.wake.notify_one();
    rig.started(5).await;
    // What happens to other containers makes it no faster.
    for _ in 0..100 {
        rig.wake.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(rig.starts(), 5);
    rig.runtime.state().start_refused = None;
    rig.routed(true).await;
}
