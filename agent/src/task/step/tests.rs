use proptest::prelude::*;

use super::*;

const EXITED: Container = Container::Exited { exit_code: 0, error: String::new() };

fn facts(container: Container) -> Facts {
    Facts { container, attached: true }
}

fn crashed(exit_code: i64, error: &str) -> Container {
    Container::Exited { exit_code, error: error.to_owned() }
}

/// What the step is, in short: its name, or the state and error that it reports.
fn short(step: &Step) -> String {
    match step {
        Step::Report(Progress { state, err, .. }) if err.is_empty() => format!("-> {state}"),
        Step::Report(Progress { state, err, .. }) => format!("-> {state}: {err}"),
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
        (S::Running, S::Starting, Created, "Start"),
        (S::Running, S::Starting, Runs(Unchecked), "-> running"),
        (S::Running, S::Starting, Runs(Starting), "Wait"),
        (S::Running, S::Starting, Runs(Healthy), "-> running"),
        (S::Running, S::Starting, Runs(Unhealthy), "StopUnhealthy"),
        (S::Running, S::Starting, EXITED, "-> complete"),
        (S::Running, S::Starting, crashed(3, ""), "-> failed: task: non-zero exit (3)"),
        (S::Running, S::Starting, Absent, "-> failed: the container was removed from the node"),
        (S::Running, S::Running, Runs(Healthy), "Wait"),
        (S::Running, S::Running, Runs(Starting), "Wait"),
        (S::Running, S::Running, Runs(Unhealthy), "StopUnhealthy"),
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
            let facts = Facts { container: Container::Running(health), attached: false };
            assert_eq!(next_step(TaskState::Running, observed, &facts), Step::Attach);
        }
    }
}

#[test]
fn an_unhealthy_container_fails_the_task_however_it_ends() {
    let ended = unhealthy(&crashed(137, ""));
    assert_eq!(ended.err, "task: non-zero exit (137): dockerexec: unhealthy container");
    assert_eq!(unhealthy(&EXITED).err, "dockerexec: unhealthy container");
    assert_eq!(unhealthy(&EXITED).state, TaskState::Failed);
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
fn carried_out(step: &Step, before: Facts) -> (Facts, Option<Progress>) {
    let container = |container| Facts { container, ..before.clone() };
    match step {
        Step::Wait => (before, None),
        Step::Report(progress) => (before.clone(), Some(progress.clone())),
        Step::Prepare => (container(Container::Created), Some(prepared())),
        Step::Start => (container(Container::Running(Health::Unchecked)), None),
        Step::Attach => (Facts { attached: true, ..before }, None),
        Step::Stop => (container(crashed(143, "")), None),
        Step::StopUnhealthy => (container(crashed(137, "")), Some(unhealthy(&crashed(137, "")))),
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
        let mut seen = Facts { container, attached: false };
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
