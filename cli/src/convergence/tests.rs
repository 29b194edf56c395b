//! What the user is told, observation by observation.

use super::*;
use crate::fixtures::nodes;
use crate::fixtures::services;
use crate::fixtures::task;

/// A display in progress: the observations of one service, and the clock.
struct Story {
    convergence: Convergence,
    service: Service,
    nodes: Vec<Node>,
    now: Timestamp,
}

impl Story {
    fn replicated() -> Self {
        let service = services().remove(0);
        Self { convergence: Convergence::default(), service, nodes: nodes(), now: Timestamp::EPOCH }
    }

    fn global() -> Self {
        Self { service: services().remove(1), ..Self::replicated() }
    }

    /// Observes tasks, and gives what is told as text.
    fn see(&mut self, tasks: &[Task]) -> String {
        let seen = Observation { service: &self.service, tasks, nodes: &self.nodes, now: self.now };
        let step = self.convergence.observe(seen);
        let mut told: Vec<String> = step
            .lines
            .iter()
            .map(|line| match line.bar {
                Some((done, steps)) => format!("{}: {} {done}/{steps}", line.id, line.text.trim()),
                None => format!("{}: {}", line.id, line.text),
            })
            .collect();
        told.extend(step.end.map(|end| format!("{end:?}")));
        told.join("\n")
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now = self.now + Duration::from_millis(milliseconds);
    }

    fn update(&mut self, state: UpdateState) {
        let message = "why".to_owned();
        self.service.update_status =
            Some(UpdateStatus { state, message, ..UpdateStatus::default() });
    }
}

#[test]
fn a_service_starts_is_watched_and_has_converged() {
    let mut story = Story::replicated();
    insta::assert_snapshot!(story.see(&[]), @r"
    overall progress: 0 out of 2 tasks
    1/2:  
    2/2:  
    overall progress: 0 out of 2 tasks
    ");
    insta::assert_snapshot!(story.see(&[task(1, 1, "preparing", "running"), task(2, 2, "new", "running")]), @r"
    1/2: preparing 6/9
    2/2: new 2/9
    overall progress: 0 out of 2 tasks
    ");
    let both = [task(1, 1, "running", "running"), task(2, 2, "running", "running")];
    insta::assert_snapshot!(story.see(&both), @r"
    1/2: running 9/9
    2/2: running 9/9
    overall progress: 2 out of 2 tasks
    verify: Waiting 5 seconds to verify that tasks are stable...
    ");
    story.wait(4900);
    assert_eq!(story.see(&both), "verify: Waiting 1 seconds to verify that tasks are stable...");
    story.wait(100);
    assert_eq!(
        story.see(&both),
        format!("verify: Service {} converged\nConverged", story.service.id)
    );
}

#[test]
fn a_failure_while_watched_starts_the_watch_again() {
    let mut story = Story::replicated();
    let both = [task(1, 1, "running", "running"), task(2, 2, "running", "running")];
    story.see(&both);
    story.wait(4000);
    let mut failed = task(2, 2, "failed", "running");
    failed.status.err = "boom\nbang".to_owned();
    insta::assert_snapshot!(story.see(&[both[0].clone(), failed]), @r"
    1/2: running 9/9
    2/2: boom bang
    overall progress: 1 out of 2 tasks
    verify: Detected task failure
    ");
    story.wait(2000);
    assert!(story.see(&both).contains("Waiting 5 seconds"));
    story.wait(4900);
    assert!(!story.see(&both).contains("converged"));
}

#[test]
fn the_monitor_of_the_spec_counts() {
    let mut story = Story::replicated();
    story.service.spec.mode = ServiceMode::Replicated { replicas: 0 };
    story.service.spec.update_config = Some(swarmlite_proto::spec::UpdateConfig {
        monitor: swarmlite_proto::time::Nanoseconds::from_secs(1),
        ..Default::default()
    });
    assert!(
        story.see(&[]).ends_with("verify: Waiting 1 seconds to verify that tasks are stable...")
    );
    story.wait(1000);
    assert!(story.see(&[]).ends_with("Converged"));
}

#[test]
fn tasks_on_nodes_that_are_down_do_not_run() {
    let mut story = Story::replicated();
    let told = story.see(&[task(1, 1, "running", "running"), task(2, 3, "running", "running")]);
    assert!(told.ends_with("overall progress: 1 out of 2 tasks"), "{told}");
}

#[test]
fn of_two_tasks_in_a_slot_the_successor_counts() {
    let mut story = Story::replicated();
    let told = story.see(&[
        task(1, 1, "running", "shutdown"),
        task(1, 2, "ready", "running"),
        task(2, 1, "running", "running"),
        task(2, 2, "starting", "running"),
        task(3, 2, "orphaned", "running"),
    ]);
    assert!(told.contains("1/2: ready 7/9\n2/2: starting 8/9"), "{told}");
    assert!(told.ends_with("overall progress: 0 out of 2 tasks"), "{told}");
}

#[test]
fn more_than_twenty_replicas_are_one_line() {
    let mut story = Story::replicated();
    story.service.spec.mode = ServiceMode::Replicated { replicas: 21 };
    let told = story.see(&[task(1, 1, "running", "running")]);
    assert_eq!(told, "overall progress: 0 out of 21 tasks\noverall progress: 1 out of 21 tasks");
}

#[test]
fn a_global_service_runs_on_all_nodes_that_have_a_task() {
    let mut story = Story::global();
    assert_eq!(story.see(&[]), "overall progress: waiting for new tasks");
    insta::assert_snapshot!(story.see(&[task(0, 1, "running", "running"), task(0, 2, "starting", "running")]), @r"
    overall progress: 0 out of 2 tasks
    node00000000: running 9/9
    node00000000: starting 8/9
    overall progress: 1 out of 2 tasks
    ");
    let told = story.see(&[task(0, 1, "running", "running"), task(0, 2, "running", "running")]);
    assert!(
        told.ends_with("verify: Waiting 5 seconds to verify that tasks are stable..."),
        "{told}"
    );
}

#[test]
fn an_updater_that_gave_up_ends_the_wait() {
    for (state, message) in [
        (UpdateState::Paused, "service update paused: why"),
        (UpdateState::RollbackPaused, "service rollback paused: why"),
    ] {
        let mut story = Story::replicated();
        story.update(state);
        assert_eq!(story.see(&[]), format!("{:?}", End::Failed(message.to_owned())));
    }
}

#[test]
fn a_rollback_is_announced_and_told_at_the_end() {
    let mut story = Story::replicated();
    story.update(UpdateState::RollbackStarted);
    assert!(
        story
            .see(&[])
            .starts_with("rollback: why\noverall progress: rolling back update: 0 out of 2 tasks")
    );
    story.update(UpdateState::RollbackCompleted);
    let both = [task(1, 1, "running", "running"), task(2, 2, "running", "running")];
    story.see(&both);
    story.wait(5000);
    assert!(story.see(&both).ends_with("converged\nrollback: why\nConverged"));
}

#[test]
fn an_update_that_is_done_before_anything_was_seen_is_done() {
    let mut story = Story::replicated();
    story.update(UpdateState::Completed);
    assert_eq!(story.see(&[]), "Converged");
}

#[test]
fn slots_with_gaps_are_shown_without() {
    let mut story = Story::replicated();
    let told = story.see(&[task(3, 1, "new", "running"), task(7, 1, "ready", "running")]);
    assert!(told.contains("1/2: new 2/9\n2/2: ready 7/9"), "{told}");
}
