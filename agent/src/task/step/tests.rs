use proptest::prelude::*;

use super::*;

const EXITED: Container = Container::Exited { exit_code: 0, error: String::new() };

fn facts(container: Container) -> Facts {
    Facts {
        container,
        attached: true,
        unhealthy: false,
        ended: Verdict::Report,
        not_ready: None,
        told: None,
    }
}

fn crashed(exit_code: i64, error: &str) -> Container {
    Container::Exited { exit_code, error: error.to_owned() }
}

/// What the step is, in short: its name, or the state and error that it reports.
fn short(step: &Step) -> String {
    match step {
        Step::Report(Advance { state, err, .. }) if err.is_empty() => format!("-> {state}"),
        Step::Report(Advance { state, err, .. }) => format!("-> {state}: {err}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_state_has_its_next_step() {
    use Container::Absent;
    use Container::Created;
    use Container::Running as Runs;
    use Health::*;
    use TaskState as S;
    let table = [
        (S::Running, S::New, Absent, "-> accepted"),
        (S::Running, S::Pending, Absent, "-> accepted"),
        (S::Running, S::Assigned, Absent, "-> accepted"),
        (S::Running, S::Accepted, Absent, "-> preparing"),
        (S::Running, S::Preparing, Absent, "Prepare"),
        (S::Running, S::Preparing, Created, "Prepare"),
        (S::Running, S::Preparing, Runs(Unchecked), "-> starting"),
        (S::Running, S::Preparing, EXITED, "-> starting"),
        (S::Ready, S::Preparing, Absent, "Prepare"),
        (S::Ready, S::Ready, Created, "Wait"),
        (S::Running, S::Ready, Created, "-> starting"),
        (S::Complete, S::Ready, Created, "-> starting"),
        (S::Ready, S::Ready, Runs(Unchecked), "-> starting"),
        (S::Running, S::Ready, Absent, "-> rejected: the container was removed from the node"),
        (S::Complete, S::Running, Runs(Unchecked), "Wait"),
        (S::Complete, S::Running, EXITED, "-> complete"),
        (S::Rejected, S::Running, Runs(Unchecked), "Stop"),
        (S::Rejected, S::Running, EXITED, "-> rejected: assigned node no longer meets constraints"),
        (S::Rejected, S::Rejected, EXITED, "Wait"),
        (S::Running, S::Starting, Created, "Start"),
        (S::Running, S::Starting, Runs(Unchecked), "-> running"),
        (S::Running, S::Starting, Runs(Starting), "Wait"),
        (S::Running, S::Starting, Runs(Healthy), "-> running"),
        (S::Running, S::Starting, Runs(Unhealthy), "StopUnhealthy"),
        (S::Running, S::Starting, EXITED, "-> complete"),
        (S::Running, S::Starting, crashed(3, ""), "-> failed: task: non-zero exit (3)"),
        (S::Running, S::Starting, Absent, "-> failed: the container was removed from the node"),
        (S::Running, S::Running, Runs(Healthy), "Wait"),
        (S::Running, S::Running, EXITED, "-> complete"),
        (
            S::Running,
            S::Running,
            crashed(137, "out of memory"),
            "-> failed: task: non-zero exit (137): out of memory",
        ),
        (S::Running, S::Running, Absent, "-> failed: the container was removed from the node"),
        (S::Shutdown, S::Assigned, Absent, "-> shutdown"),
        (S::Shutdown, S::Preparing, Created, "-> shutdown"),
        (S::Shutdown, S::Running, Runs(Healthy), "Stop"),
        (S::Shutdown, S::Running, Runs(Unhealthy), "Stop"),
        (S::Shutdown, S::Running, crashed(143, ""), "-> shutdown"),
        (S::Remove, S::Running, Runs(Healthy), "Stop"),
        (S::Shutdown, S::Shutdown, crashed(143, ""), "Wait"),
        (S::Running, S::Failed, crashed(1, ""), "Wait"),
        (S::Running, S::Failed, Runs(Healthy), "Stop"),
        (S::Remove, S::Shutdown, crashed(143, ""), "Remove"),
        (S::Remove, S::Rejected, Created, "Remove"),
        (S::Remove, S::Complete, Absent, "Wait"),
        (S::Remove, S::Failed, Runs(Healthy), "Stop"),
    ];
    for (desired, observed, container, expected) in table {
        let step = next_step(desired, observed, &facts(container.clone()));
        assert_eq!(short(&step), expected, "{observed} to {desired}, {container:?}");
    }
}

#[test]
fn a_container_is_attached_before_the_task_runs_and_again_after_a_restart_of_the_agent() {
    for health in [Health::Unchecked, Health::Starting, Health::Healthy] {
        for observed in [TaskState::Starting, TaskState::Running] {
            let facts = Facts { attached: false, ..facts(Container::Running(health)) };
            assert_eq!(next_step(TaskState::Running, observed, &facts), Step::Attach);
        }
    }
}

#[test]
fn an_unhealthy_container_fails_the_task_however_it_ends() {
    for (container, expected) in [
        (EXITED, "-> failed: dockerexec: unhealthy container"),
        (crashed(137, ""), "-> failed: task: non-zero exit (137): dockerexec: unhealthy container"),
    ] {
        let facts = Facts { unhealthy: true, ..facts(container) };
        for observed in [TaskState::Starting, TaskState::Running] {
            assert_eq!(short(&next_step(TaskState::Running, observed, &facts)), expected);
        }
    }
}

#[test]
fn an_unhealthy_container_gets_no_requests_before_it_is_stopped() {
    let mut facts = facts(Container::Running(Health::Unhealthy));
    let step = next_step(TaskState::Running, TaskState::Running, &facts);
    assert_eq!(step, Step::Tell(Some(UNHEALTHY.to_owned())));
    facts.told = Some(UNHEALTHY.to_owned());
    let step = next_step(TaskState::Running, TaskState::Running, &facts);
    assert_eq!(step, Step::StopUnhealthy);
}

#[test]
fn a_container_that_has_ended_is_started_again_if_that_is_the_verdict() {
    let ended = |ended| Facts { ended, told: Some(ENDED.to_owned()), ..facts(crashed(1, "")) };
    let rest = Duration::from_secs(3);
    for (verdict, expected) in
        [(Verdict::Restart, Step::Restart), (Verdict::Wait(rest), Step::Hold(rest))]
    {
        for observed in [TaskState::Starting, TaskState::Running] {
            assert_eq!(next_step(TaskState::Running, observed, &ended(verdict)), expected);
        }
        let untold = Facts { told: None, ..ended(verdict) };
        let step = next_step(TaskState::Running, TaskState::Running, &untold);
        assert_eq!(step, Step::Tell(Some(ENDED.to_owned())), "no requests until it runs again");
        let step = next_step(TaskState::Shutdown, TaskState::Running, &untold);
        assert_eq!(short(&step), "-> shutdown", "unless it is not wanted any more");
    }
}

#[test]
fn a_task_gets_requests_again_once_its_container_is_attached_healthy_and_ready() {
    let started =
        |health| Facts { told: Some(ENDED.to_owned()), ..facts(Container::Running(health)) };
    let next = |facts: &Facts| next_step(TaskState::Running, TaskState::Running, facts);
    let unattached = Facts { attached: false, ..started(Health::Healthy) };
    assert_eq!(next(&unattached), Step::Attach);
    assert_eq!(next(&started(Health::Starting)), Step::Tell(Some(STARTING.to_owned())));
    assert_eq!(next(&started(Health::Healthy)), Step::Tell(None));
    let refusing = Facts { not_ready: Some("503".to_owned()), ..started(Health::Unchecked) };
    assert_eq!(next(&refusing), Step::Tell(refusing.not_ready.clone()));
    assert_eq!(next(&Facts { told: refusing.not_ready.clone(), ..refusing }), Step::Wait);
}

#[test]
fn a_task_is_reported_as_running_with_what_its_readiness_check_says() {
    let not_ready = Some("not checked yet".to_owned());
    let facts =
        Facts { not_ready: not_ready.clone(), ..facts(Container::Running(Health::Healthy)) };
    match next_step(TaskState::Running, TaskState::Starting, &facts) {
        Step::Report(progress) => assert_eq!(progress.not_ready, not_ready),
        other => panic!("{other:?}"),
    }
}

fn any_state() -> impl Strategy<Value = TaskState> {
    prop::sample::select(TaskState::ALL.to_vec())
}

fn any_container() -> impl Strategy<Value = Container> {
    let health = [Health::Unchecked, Health::Starting, Health::Healthy, Health::Unhealthy];
    prop_oneof![
        Just(Container::Absent),
        Just(Container::Created),
        prop::sample::select(health.to_vec()).prop_map(Container::Running),
        (0..256i64).prop_map(|exit_code| crashed(exit_code, "")),
    ]
}

/// What the engine and the data plane show after `step` was done.
fn carried_out(step: &Step, before: Facts) -> (Facts, Option<Advance>) {
    let container = |container| Facts { container, ..before.clone() };
    match step {
        Step::Wait | Step::Hold(_) => (before, None),
        Step::Tell(told) => (Facts { told: told.clone(), ..before }, None),
        Step::Report(progress) => {
            let told = progress.not_ready.clone();
            (Facts { told, ..before }, Some(progress.clone()))
        }
        Step::Prepare => (container(Container::Created), Some(prepared())),
        Step::Start | Step::Restart => (container(Container::Running(Health::Unchecked)), None),
        Step::Attach => (Facts { attached: true, ..before }, None),
        Step::Stop => (container(crashed(143, "")), None),
        Step::StopUnhealthy => (Facts { unhealthy: true, ..container(crashed(137, "")) }, None),
        Step::Remove => (container(Container::Absent), None),
    }
}

proptest! {
    #[test]
    fn states_only_grow_whatever_happens(
        events in prop::collection::vec(
            (any_state(), prop::option::of(any_container()), any::<bool>()), 0..40,
        ),
    ) {
        let mut observed = TaskState::Assigned;
        let mut seen = facts(Container::Absent);
        for (desired, surprise, attached) in events {
            seen.attached = attached;
            if let Some(container) = surprise {
                seen.container = container;
            }
            let step = next_step(desired, observed, &seen);
            let (after, progress) = carried_out(&step, seen);
            seen = after;
            if let Some(progress) = progress {
                prop_assert!(progress.state > observed, "{observed} to {}", progress.state);
                observed = progress.state;
            }
        }
    }

    #[test]
    fn undisturbed_every_task_gets_where_it_should_be(
        desired in any_state(), observed in any_state(), container in any_container(),
    ) {
        let mut observed = observed;
        let mut seen = Facts { attached: false, ..facts(container) };
        for _ in 0..20 {
            let step = next_step(desired, observed, &seen);
            if step == Step::Wait {
                break;
            }
            let (after, progress) = carried_out(&step, seen);
            seen = after;
            observed = progress.map_or(observed, |progress| progress.state);
        }
        prop_assert_eq!(next_step(desired, observed, &seen), Step::Wait);
        if desired >= TaskState::Shutdown {
            prop_assert!(observed.is_terminal());
            prop_assert!(!matches!(seen.container, Container::Running(_)));
        }
        if desired >= TaskState::Remove {
            prop_assert_eq!(seen.container, Container::Absent);
        } else if desired < TaskState::Running {
            prop_assert!(observed >= TaskState::Ready);
        }
    }
}
