//! The next thing to do for a task, from where it should be, where it is and what the engine shows. Pure.
//!
//! One step at a time: the controller does it, looks again, and asks again. States only grow, and a task that is found further
//! than it was known to be (after a restart of the agent) is taken as it is found. Messages and errors are swarmkit's (`agent/exec`).

use swarmlite_proto::task_state::TaskState;

/// What can be seen of a task on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its container.
    pub container: Container,
    /// Whether the data plane has attached the container, as it now runs, to its networks.
    pub attached: bool,
}

/// The container of a task, as the engine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
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
pub enum Health {
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
pub enum Step {
    /// Nothing until something changes.
    Wait,
    /// The task is further than it was.
    Report(Progress),
    /// Fetch the image and make the container; then it is [`prepared`]. What is there already stays.
    Prepare,
    /// Start the container.
    Start,
    /// Have the data plane attach the running container.
    Attach,
    /// Ask the container to stop and wait until it has.
    Stop,
    /// Stop a container that is not healthy; then the task has failed with [`unhealthy`].
    StopUnhealthy,
    /// Remove the container.
    Remove,
}

/// A task is further than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where it is.
    pub state: TaskState,
    /// What happened; `None` leaves the message before.
    pub message: Option<&'static str>,
    /// What went wrong; empty if nothing did.
    pub err: String,
}

/// The next thing to do for a task that should be in state `desired` and is known to be in `observed`.
#[must_use]
pub fn next_step(desired: TaskState, observed: TaskState, facts: &Facts) -> Step {
    let stopping = desired >= TaskState::Shutdown;
    match observed {
        TaskState::Complete
        | TaskState::Shutdown
        | TaskState::Failed
        | TaskState::Rejected
        | TaskState::Remove
        | TaskState::Orphaned => after_end(desired, &facts.container),
        _ if stopping => stop(&facts.container),
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
                reached(TaskState::Running, "started")
            }
            _ => watch(observed, facts),
        },
        TaskState::Running => watch(observed, facts),
    }
}

/// What a task reports whose container has been made.
#[must_use]
pub fn prepared() -> Progress {
    Progress { state: TaskState::Ready, message: Some("prepared"), err: String::new() }
}

/// What a task reports that cannot go on because of `err`: it was rejected before its container was to be started, and failed after.
#[must_use]
pub fn failed(observed: TaskState, err: String) -> Progress {
    let started = observed >= TaskState::Starting;
    let state = if started { TaskState::Failed } else { TaskState::Rejected };
    Progress { state, message: None, err }
}

/// What a task reports whose container was stopped because it is not healthy.
#[must_use]
pub fn unhealthy(container: &Container) -> Progress {
    let err = match container {
        Container::Exited { exit_code, .. } if *exit_code != 0 => {
            format!("task: non-zero exit ({exit_code}): dockerexec: unhealthy container")
        }
        _ => "dockerexec: unhealthy container".to_owned(),
    };
    failed(TaskState::Running, err)
}

/// Somebody else has removed the container.
const VANISHED: &str = "the container was removed from the node";

fn reached(state: TaskState, message: &'static str) -> Step {
    Step::Report(Progress { state, message: Some(message), err: String::new() })
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
        Container::Exited { exit_code: 0, .. } => reached(TaskState::Complete, "finished"),
        Container::Exited { exit_code, error } => {
            let cause = if error.is_empty() { String::new() } else { format!(": {error}") };
            let err = format!("task: non-zero exit ({exit_code}){cause}");
            Step::Report(failed(observed, err))
        }
        Container::Absent | Container::Created => {
            Step::Report(failed(observed, VANISHED.to_owned()))
        }
    }
}

fn stop(container: &Container) -> Step {
    match container {
        Container::Running(_) => Step::Stop,
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
