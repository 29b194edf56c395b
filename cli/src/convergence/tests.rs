//! What the user is told, observation by observation.

use swarmlite_proto::api::JobStatus;
use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::version::Version;

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
        let convergence = Convergence::new(Aim::NewSpec, 3);
        Self { convergence, service, nodes: nodes(), now: Timestamp::EPOCH }
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
        told.extend(step.end.map(|end| match end {
            End::Converged => "Converged".to_owned(),
            End::Failed { why, task: None } => format!("Failed: {why}"),
            End::Failed { why, task: Some(task) } => format!("Failed: {why} ({task})"),
        }));
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
    story.service.spec.update_config = Some(UpdateConfig {
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
        assert_eq!(story.see(&[]), format!("Failed: {message}"));
    }
}

#[test]
fn an_updater_that_gave_up_names_the_task() {
    let mut story = Story::replicated();
    story.update(UpdateState::Paused);
    let task = task(1, 1, "failed", "shutdown").id;
    let status = story.service.update_status.as_mut().expect("an update");
    status.message = format!("update paused due to failure or early termination of task {task}");
    assert_eq!(
        story.see(&[]),
        format!("Failed: service update paused: {} ({task})", status_message(&story))
    );
}

fn status_message(story: &Story) -> &str {
    story.service.update_status.as_ref().map_or("", |status| &status.message)
}

#[test]
fn a_rollback_that_was_asked_for_is_announced_and_told_at_the_end() {
    let mut story = Story::replicated();
    story.convergence = Convergence::new(Aim::PreviousSpec, 3);
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
fn an_update_that_was_rolled_back_has_failed() {
    let mut story = Story::replicated();
    story.update(UpdateState::RollbackStarted);
    assert!(story.see(&[]).starts_with("rollback: why\n"));
    story.update(UpdateState::RollbackCompleted);
    let status = story.service.update_status.as_mut().expect("an update");
    status.message = "rollback completed".to_owned();
    assert_eq!(story.see(&[]), "Failed: service update rolled back: why");
}

#[test]
fn old_tasks_that_run_while_an_update_is_rolled_back_are_no_success() {
    let mut story = Story::replicated();
    story.update(UpdateState::RollbackStarted);
    let both = [task(1, 1, "running", "running"), task(2, 2, "running", "running")];
    story.see(&both);
    story.wait(60_000);
    assert!(!story.see(&both).contains("Converged"));
    story.update(UpdateState::RollbackCompleted);
    assert_eq!(story.see(&both), "Failed: service update rolled back: why");
}

#[test]
fn an_update_that_is_done_before_anything_was_seen_is_done_if_the_tasks_run() {
    let mut story = Story::replicated();
    story.update(UpdateState::Completed);
    let mut both = [task(1, 1, "running", "running"), task(2, 2, "failed", "shutdown")];
    assert!(!story.see(&both).ends_with("Converged"));
    both[1] = task(2, 2, "running", "running");
    assert!(story.see(&both).ends_with("Converged"));
}

#[test]
fn a_task_counts_once_it_is_routed() {
    let mut story = Story::replicated();
    let mut both = [task(1, 1, "running", "running"), task(2, 2, "running", "running")];
    "unrouted".clone_into(&mut both[1].routing);
    insta::assert_snapshot!(story.see(&both), @r"
    overall progress: 0 out of 2 tasks
    1/2:  
    2/2:  
    1/2: running 9/9
    2/2: routing 8/9
    overall progress: 1 out of 2 tasks
    ");
    "routed".clone_into(&mut both[1].routing);
    assert!(story.see(&both).contains("overall progress: 2 out of 2 tasks\nverify: Waiting"));
}

#[test]
fn a_task_that_has_no_place_says_so() {
    let mut story = Story::replicated();
    let mut pending = task(1, 1, "pending", "running");
    pending.node_id = None;
    pending.status.err = "no suitable node (insufficient resources on 2 nodes)".to_owned();
    let told = story.see(&[pending]);
    assert!(told.contains("1/2: no suitable node (insufficient resources on 2 nodes)"), "{told}");
}

/// Tasks of one slot: those that have ended, and the one that is next.
fn crash_loop(count: u32) -> Vec<Task> {
    let mut tasks: Vec<Task> = (0..count).map(|_| task(2, 2, "failed", "shutdown")).collect();
    tasks.push(task(2, 2, "ready", "ready"));
    for (number, task) in tasks.iter_mut().enumerate() {
        task.id = format!("task{number:021}").parse().expect("an id");
        task.created_at = task.created_at + Duration::from_secs(number as u64);
    }
    tasks
}

#[test]
fn a_slot_that_keeps_failing_is_given_up() {
    let mut story = Story::replicated();
    for count in [0, 1, 2, 2, 3] {
        let told = story.see(&crash_loop(count));
        assert!(!told.contains("Failed"), "after {count}: {told}");
    }
    let told = story.see(&crash_loop(3));
    let why = "Failed: service web keeps failing: 3 tasks of web.2 have ended (task000000000000000000002)";
    assert!(told.ends_with(why), "{told}");
}

#[test]
fn failures_from_before_do_not_count_and_neither_do_any_when_asked() {
    let mut story = Story::replicated();
    for count in [3, 4, 5, 5] {
        assert!(!story.see(&crash_loop(count)).contains("Failed"), "{count}");
    }
    story.see(&crash_loop(6));
    assert!(story.see(&crash_loop(6)).contains("keeps failing"));

    let mut patient = Story::replicated();
    patient.convergence = Convergence::new(Aim::NewSpec, 0);
    for count in [0, 9, 9] {
        assert!(!patient.see(&crash_loop(count)).contains("Failed"), "{count}");
    }
}

#[test]
fn going_back_counts_anew() {
    let mut story = Story::replicated();
    story.update(UpdateState::Updating);
    story.see(&crash_loop(0));
    story.see(&crash_loop(2));
    story.update(UpdateState::RollbackStarted);
    for count in [3, 3] {
        assert!(!story.see(&crash_loop(count)).contains("Failed"), "{count}");
    }
}

fn with_policy(condition: RestartCondition, max_attempts: u64) -> Story {
    let mut story = Story::replicated();
    story.service.spec.mode = ServiceMode::Replicated { replicas: 1 };
    story.service.spec.task_template.restart_policy = Some(RestartPolicy {
        condition,
        max_attempts: Some(max_attempts),
        ..RestartPolicy::default()
    });
    story
}

#[test]
fn a_slot_that_stays_empty_is_given_up() {
    for (condition, attempts) in [(RestartCondition::None, 0), (RestartCondition::Any, 1)] {
        let mut story = with_policy(condition, attempts);
        let failed = [task(1, 1, "failed", "shutdown")];
        assert!(!story.see(&failed).contains("Failed"), "once is not believed");
        let told = story.see(&failed);
        let why = "web.1 has ended, and its restart policy allows no other task";
        assert!(told.contains(why), "{condition:?}: {told}");

        let mut story = with_policy(condition, attempts);
        story.update(UpdateState::Updating);
        story.see(&failed);
        assert!(!story.see(&failed).contains("Failed"), "the updater is not done");
    }
}

#[test]
fn a_task_that_is_not_to_be_repeated_has_done_its_work() {
    let done = [task(1, 1, "complete", "shutdown")];
    for (condition, converges) in [
        (RestartCondition::None, true),
        (RestartCondition::OnFailure, true),
        (RestartCondition::Any, false),
    ] {
        let mut story = with_policy(condition, 0);
        story.see(&done);
        story.wait(5000);
        assert_eq!(story.see(&done).ends_with("Converged"), converges, "{condition:?}");
    }
}

#[test]
fn the_place_of_a_global_service_is_its_node() {
    let mut story = Story::global();
    let tasks = |count: u32| {
        let mut tasks = crash_loop(count);
        tasks.iter_mut().for_each(|task| task.slot = 0);
        tasks
    };
    for count in [0, 3] {
        story.see(&tasks(count));
    }
    let told = story.see(&tasks(3));
    assert!(told.contains("3 tasks of agent on node2 have ended"), "{told}");
}

#[test]
fn slots_with_gaps_are_shown_without() {
    let mut story = Story::replicated();
    let told = story.see(&[task(3, 1, "new", "running"), task(7, 1, "ready", "running")]);
    assert!(told.contains("1/2: new 2/9\n2/2: ready 7/9"), "{told}");
}

/// A job of three tasks, two at a time, in its second iteration.
fn job(mode: ServiceMode) -> Story {
    let mut story = Story::replicated();
    story.service.spec.mode = mode;
    let job_iteration = Version::at(1);
    story.service.job_status = Some(JobStatus { job_iteration, ..JobStatus::default() });
    story
}

fn job_task(slot: u64, node: u32, state: &str) -> Task {
    Task { job_iteration: Some(Version::at(1)), ..task(slot, node, state, "complete") }
}

#[test]
fn a_replicated_job_is_followed_until_it_has_completed() {
    let count = ReplicatedJob { max_concurrent: 2, total_completions: 3 };
    let mut story = job(ServiceMode::ReplicatedJob(count));
    let earlier = Task { job_iteration: Some(Version::at(0)), ..job_task(0, 1, "complete") };
    let told = story.see(&[earlier]);
    assert!(
        told.starts_with(
            "job progress: 0 out of 3 complete\nactive tasks: 0 out of 2 tasks\n1/3: "
        )
    );
    let mut failed = job_task(1, 2, "failed");
    failed.status.err = "task: non-zero exit (1)".to_owned();
    insta::assert_snapshot!(story.see(&[job_task(0, 1, "complete"), failed.clone()]), @r"
    1/3: complete 10/10
    2/3: task: non-zero exit (1)
    job progress: 1 out of 3 complete
    active tasks: 0 out of 2 tasks
    ");
    let again = job_task(1, 1, "running");
    insta::assert_snapshot!(story.see(&[job_task(0, 1, "complete"), failed, again]), @r"
    1/3: complete 10/10
    2/3: running 9/10
    job progress: 1 out of 3 complete
    active tasks: 1 out of 2 tasks
    ");
    let all = [0, 1, 2].map(|slot| job_task(slot, 1, "complete"));
    insta::assert_snapshot!(story.see(&all), @r"
    1/3: complete 10/10
    2/3: complete 10/10
    3/3: complete 10/10
    job progress: 3 out of 3 complete
    active tasks: 0 out of 0 tasks
    : job complete
    Converged
    ");
}

#[test]
fn a_global_job_is_followed_on_the_nodes_it_began_with() {
    let mut story = job(ServiceMode::GlobalJob);
    assert_eq!(story.see(&[]), "job progress: waiting for tasks");
    insta::assert_snapshot!(story.see(&[job_task(0, 1, "running"), job_task(0, 2, "complete")]), @r"
    job progress: 0 out of 2 complete
    node00000000: running 9/10
    node00000000: complete 10/10
    job progress: 1 out of 2 complete
    ");
    let late = job_task(0, 3, "preparing");
    let told = story.see(&[job_task(0, 1, "complete"), job_task(0, 2, "complete"), late]);
    insta::assert_snapshot!(told, @r"
    node00000000: complete 10/10
    node00000000: complete 10/10
    job progress: 2 out of 2 complete
    : job complete
    Converged
    ");
}
