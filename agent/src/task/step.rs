//! The next thing to do for a task, from where it should be, where it is and what the engine shows. Pure.
//!
//! One step at a time: the controller does it, looks again, and asks again. States only grow, and a task that is found further
//! than it was known to be (after a restart of the agent) is taken as it is found. Messages and errors are swarmkit's (`agent/exec`).

use std::time::Duration;

use swarmlite_proto::task_state::TaskState;

use super::restart::Verdict;

/// What can be seen of a task on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) container: Container,
    /// Whether the data plane has attached the container, as it now runs, to its networks.
    pub(crate) attached: bool,
    /// Whether the container was stopped because it was not healthy.
    pub(crate) unhealthy: bool,
    /// What is to be done about a container that has ended.
    pub(crate) ended: Verdict,
    /// Why it is to get no requests, as far as its readiness check says.
    pub(crate) not_ready: Option<String>,
    /// Why it is to get no requests, as the managers were told.
    pub(crate) told: Option<String>,
}

/// The container of a task, as the engine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// There is none.
    Absent,
    /// It was made and never started.
    Created,
    /// It runs.
    Running(Health),
    /// It has ended.
    Exited {
        /// What its first process ended with.
        exit_code: i64,
        /// What the engine says about it; empty if nothing.
        error: String,
    },
}

/// What the health check of a running container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It has none.
    Unchecked,
    /// Not known yet.
    Starting,
    /// It passes.
    Healthy,
    /// It fails.
    Unhealthy,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing until something changes.
    Wait,
    /// The task is further than it was.
    Report(Advance),
    /// The task is where it was, and from now on is to get requests or not, for this reason.
    Tell(Option<String>),
    /// Fetch the image and make the container; then it is [`prepared`]. What is there already stays.
    Prepare,
    /// Start the container.
    Start,
    /// Have the data plane attach the running container.
    Attach,
    /// Ask the container to stop and wait until it has.
    Stop,
    /// Stop a container that is not healthy; then it has ended, and is [`Facts::unhealthy`].
    StopUnhealthy,
    /// Start the container again that has ended.
    Restart,
    /// Nothing for this long, unless a manager answers or something changes.
    Hold(Duration),
    /// Remove the container.
    Remove,
}

/// A task is further than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advance {
    /// Where it is.
    pub(crate) state: TaskState,
    /// What happened; `None` leaves the message before.
    pub(crate) message: Option<&'static str>,
    /// What went wrong; empty if nothing did.
    pub(crate) err: String,
    /// Why it gets no requests although it runs.
    pub(crate) not_ready: Option<String>,
}

/// The next thing to do for a task that should be in state `desired` and is known to be in `observed`.
#[must_use]
pub(crate) fn next_step(desired: TaskState, observed: TaskState, facts: &Facts) -> Step {
    let stopping = desired >= TaskState::Shutdown;
    match observed {
        TaskState::Complete
        | TaskState::Shutdown
        | TaskState::Failed
        | TaskState::Rejected
        | TaskState::Remove
        | TaskState::Orphaned => after_end(desired, &facts.container),
        _ if stopping => stop(desired, &facts.container),
        TaskState::New | TaskState::Pending | TaskState::Assigned => {
            reached(TaskState::Accepted, "accepted")
        }
        TaskState::Accepted => reached(TaskState::Preparing, "preparing"),
        TaskState::Preparing => match facts.container {
            Container::Absent | Container::Created => Step::Prepare,
            Container::Running(_) | Container::Exited { .. } => starting(),
        },
        TaskState::Ready => match facts.container {
            Container::Absent => Step::Report(failed(observed, VANISHED.to_owned())),
            Container::Created if desired < TaskState::Running => Step::Wait,
            Container::Created | Container::Running(_) | Container::Exited { .. } => starting(),
        },
        TaskState::Starting => match facts.container {
            Container::Created => Step::Start,
            Container::Running(Health::Unchecked | Health::Healthy) if facts.attached => {
                let not_ready = facts.not_ready.clone();
                let started = progress(TaskState::Running, Some("started"));
                Step::Report(Advance { not_ready, ..started })
            }
            _ => watch(observed, facts),
        },
        TaskState::Running => match not_ready(facts) {
            now if now != facts.told.as_deref() => Step::Tell(now.map(str::to_owned)),
            _ => watch(observed, facts),
        },
    }
}

/// What a task reports whose container has been made.
#[must_use]
pub(crate) fn prepared() -> Advance {
    progress(TaskState::Ready, Some("prepared"))
}

/// What a task reports that cannot go on because of `err`: it was rejected before its container was to be started, and failed after.
#[must_use]
pub(crate) fn failed(observed: TaskState, err: String) -> Advance {
    let started = observed >= TaskState::Starting;
    let state = if started { TaskState::Failed } else { TaskState::Rejected };
    Advance { err, ..progress(state, None) }
}

/// Somebody else has removed the container.
const VANISHED: &str = "the container was removed from the node";

/// The health check of the container has failed.
const UNHEALTHY: &str = "dockerexec: unhealthy container";

/// Why a task gets no requests whose container was started again and has a health check.
const STARTING: &str = "its health check has not passed yet";

/// Why a task gets no requests whose container has ended and is started again.
pub(crate) const ENDED: &str = "its container has ended and is started again";

fn progress(state: TaskState, message: Option<&'static str>) -> Advance {
    Advance { state, message, err: String::new(), not_ready: None }
}

fn reached(state: TaskState, message: &'static str) -> Step {
    Step::Report(progress(state, Some(message)))
}

fn starting() -> Step {
    reached(TaskState::Starting, "starting")
}

/// A task that has been started: whether it still runs as it should.
fn watch(observed: TaskState, facts: &Facts) -> Step {
    match &facts.container {
        Container::Running(Health::Unhealthy) => Step::StopUnhealthy,
        Container::Running(_) if !facts.attached => Step::Attach,
        Container::Running(Health::Unchecked | Health::Starting | Health::Healthy) => Step::Wait,
        Container::Exited { exit_code, error } => match facts.ended {
            Verdict::Restart => Step::Restart,
            Verdict::Wait(rest) => Step::Hold(rest),
            Verdict::Report if facts.unhealthy => ended(observed, *exit_code, UNHEALTHY),
            Verdict::Report => ended(observed, *exit_code, error),
        },
        Container::Absent | Container::Created => {
            Step::Report(failed(observed, VANISHED.to_owned()))
        }
    }
}

/// Why a task that has been reported as running is to get no requests now.
fn not_ready(facts: &Facts) -> Option<&str> {
    match &facts.container {
        // Before it is stopped, which takes time.
        Container::Running(Health::Unhealthy) => Some(UNHEALTHY),
        // What it was when it was last attached; a container that was started again is attached first.
        Container::Running(_) if !facts.attached => facts.told.as_deref(),
        Container::Running(Health::Starting) => Some(STARTING),
        Container::Running(Health::Unchecked | Health::Healthy) => facts.not_ready.as_deref(),
        Container::Exited { .. } if facts.ended != Verdict::Report => Some(ENDED),
        Container::Absent | Container::Created | Container::Exited { .. } => facts.told.as_deref(),
    }
}

/// The container has ended with `exit_code`, because of `cause` if that is not empty.
fn ended(observed: TaskState, exit_code: i64, cause: &str) -> Step {
    let err = match (exit_code, cause) {
        (0, UNHEALTHY) => cause.to_owned(),
        (0, _) => return reached(TaskState::Complete, "finished"),
        (_, "") => format!("task: non-zero exit ({exit_code})"),
        (_, _) => format!("task: non-zero exit ({exit_code}): {cause}"),
    };
    Step::Report(failed(observed, err))
}

fn stop(desired: TaskState, container: &Container) -> Step {
    match container {
        Container::Running(_) => Step::Stop,
        _ if desired == TaskState::Rejected => Step::Report(Advance {
            state: TaskState::Rejected,
            message: Some("task rejected by constraint enforcer"),
            err: "assigned node no longer meets constraints".to_owned(),
            not_ready: None,
        }),
        Container::Absent | Container::Created | Container::Exited { .. } => {
            reached(TaskState::Shutdown, "shutdown")
        }
    }
}

/// A task that has ended: its container stays, with its logs, until it is to be removed.
fn after_end(desired: TaskState, container: &Container) -> Step {
    match container {
        Container::Running(_) => Step::Stop,
        Container::Created | Container::Exited { .. } if desired >= TaskState::Remove => {
            Step::Remove
        }
        Container::Absent | Container::Created | Container::Exited { .. } => Step::Wait,
    }
}

#[cfg(test)]
mod tests;
