//! Tasks that run and are not ready.

use swarmlite_proto::spec::ReadinessConfig;

use super::*;
use crate::task::runtime::Executed;

fn checked() -> Assigned {
    assigned(|task| {
        let mut spec = (*task.spec).clone();
        let test = ["CMD", "check"].map(str::to_owned).to_vec();
        let readiness = ReadinessConfig { test, retries: 2, ..ReadinessConfig::default() };
        spec.container_spec.as_mut().expect("a container").readiness = Some(readiness);
        task.spec = Arc::new(spec);
    })
}

fn says(exit_code: i64) -> Option<Executed> {
    Some(Executed::Exited { exit_code, output: String::new() })
}

#[tokio::test(start_paused = true)]
async fn a_task_is_told_ready_and_not_ready_and_is_left_alone() {
    let rig = Rig::new(FakeRuntime::new(), checked());
    let running = rig.reaches(TaskState::Running).await;
    assert!(!running.is_ready(), "it was not checked yet");
    rig.runtime.state().executed = says(0);
    assert_eq!(rig.routed(true).await, TaskStatus { not_ready: None, ..running.clone() });
    rig.runtime.state().executed = says(3);
    let before = Instant::now();
    let refusing = rig.routed(false).await;
    assert_eq!(refusing.not_ready.as_deref(), Some("exit code 3"));
    assert!(before.elapsed() > Duration::from_secs(5), "two failures are needed");
    rig.runtime.state().executed = says(0);
    assert_eq!(rig.routed(true).await.timestamp, running.timestamp);
    let starts = rig.calls().iter().filter(|call| *call == "start").count();
    assert_eq!(starts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_agent_takes_no_requests_away() {
    for ready in [true, false] {
        let rig = Rig::new(FakeRuntime::new(), checked());
        rig.runtime.state().executed = says(i64::from(!ready));
        let before = rig.routed(ready).await;
        if !ready {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let before = if ready { before } else { rig.routed(false).await };
        rig.running.abort();
        // The checks of the new agent take a while.
        rig.runtime.state().executed = None;
        let rig = Rig::with(rig.folder, rig.runtime, checked());
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(rig.reaches(TaskState::Running).await, before);
        rig.runtime.state().executed = says(0);
        rig.routed(true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_started_again_is_checked_again() {
    let rig = Rig::new(FakeRuntime::new(), checked());
    rig.runtime.state().executed = says(0);
    rig.routed(true).await;
    rig.session.send_replace(SessionState::Lost("all are gone".to_owned()));
    rig.runtime.state().executed = says(1);
    rig.runtime.exit(&rig.name, 1);
    rig.wake.notify_one();
    rig.routed(false).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.routed(false).await.not_ready.as_deref(), Some("exit code 1"));
    rig.runtime.state().executed = says(0);
    rig.routed(true).await;
}
