//! Whether a service runs as asked: what to tell the user who waits, and when to stop waiting.
//!
//! A pure state machine over what the API shows, with time as a value. It asks nothing and prints nothing: every observation
//! yields the lines that are new, and perhaps the end.
//!
//! The rules are docker's (`cli/command/service/progress` in docker/cli), with three exceptions that its users have asked for: a task counts
//! only once the nodes send it traffic; an update that was rolled back has failed; and tasks that keep ending are not waited for for ever.

mod failures;
mod jobs;
mod pending;
mod slots;

use std::collections::BTreeSet;
use std::time::Duration;

use failures::Failures;
use jobs::Jobs;
use pending::Pending;
use slots::Look;
pub(crate) use slots::MAX_BARS;
use slots::Slots;
pub(crate) use slots::has_traffic;
use swarmlite_proto::api::Node;
use swarmlite_proto::api::NodeState;
use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::api::UpdateState;
use swarmlite_proto::api::UpdateStatus;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::time::Timestamp;

/// One line of the display. A later line with the same id takes its place. An empty id is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What the line is about, as `1/2`.
    pub(crate) id: String,
    /// What is the matter.
    pub(crate) text: String,
    /// How many of how many steps are done, for lines that show a bar.
    pub(crate) bar: Option<(u64, u64)>,
}

impl Line {
    /// A line without a bar.
    pub(crate) fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: id.into(), text: text.into(), bar: None }
    }
}

/// Why there is nothing more to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The service runs as asked.
    Converged,
    /// It will not without help.
    Failed {
        /// The sentence for the user.
        why: String,
        /// The task whose end shows why, if one is known.
        task: Option<TaskId>,
    },
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// That a new or changed service runs. To be rolled back is to fail.
    NewSpec,
    /// That a service runs with its previous spec again.
    PreviousSpec,
}

/// What one observation yields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Lines that are new or changed, in the order in which they are shown.
    pub(crate) lines: Vec<Line>,
    /// Whether tasks have waited long enough for a node that the user is to be told why.
    pub(crate) explain: bool,
    /// Set when waiting is over.
    pub(crate) end: Option<End>,
}

/// Everything that one observation is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<'a> {
    /// The service.
    pub(crate) service: &'a Service,
    /// Its tasks that were made from its present spec.
    pub(crate) tasks: &'a [Task],
    /// All nodes.
    pub(crate) nodes: &'a [Node],
    /// When this was seen.
    pub(crate) now: Timestamp,
}

/// What is remembered between observations.
#[derive(Debug)]
pub(crate) struct Convergence {
    aim: Aim,
    slots: Slots,
    failures: Failures,
    jobs: Jobs,
    pending: Pending,
    converged_since: Option<Timestamp>,
    rolling_back: bool,
    /// Why the update was rolled back, as the updater said when it began.
    rollback_reason: Option<String>,
    rollback_message: Option<String>,
}

impl Convergence {
    /// Nothing seen yet. Gives up when so many tasks of one slot have ended; never if that is 0.
    pub(crate) fn new(aim: Aim, max_failures: u64) -> Self {
        Self {
            aim,
            slots: Slots::default(),
            failures: Failures::new(max_failures),
            jobs: Jobs::default(),
            pending: Pending::default(),
            converged_since: None,
            rolling_back: false,
            rollback_reason: None,
            rollback_message: None,
        }
    }

    /// Takes in what is there now.
    pub(crate) fn observe(&mut self, seen: Observation<'_>) -> Findings {
        let explain = self.pending.observe(seen.tasks, seen.now);
        let mut findings = Findings { explain, ..Findings::default() };
        findings.end = self.update_status(seen.service.update_status.as_ref(), &mut findings.lines);
        if findings.end.is_some() {
            return findings;
        }
        let monitor = monitor(seen.service);
        if let Some(since) = self.converged_since
            && seen.now.since(since) >= monitor
            && !self.is_being_undone()
        {
            findings
                .lines
                .push(Line::new("verify", format!("Service {} converged", seen.service.id)));
            findings
                .lines
                .extend(self.rollback_message.take().map(|message| Line::new("rollback", message)));
            findings.end = Some(End::Converged);
            return findings;
        }
        let active: BTreeSet<&NodeId> = seen
            .nodes
            .iter()
            .filter(|node| node.status.state != NodeState::Down)
            .map(|node| &node.id)
            .collect();
        let look = Look { service: seen.service, tasks: seen.tasks, active: &active };
        let converged = match seen.service.spec.mode {
            ServiceMode::Replicated { replicas } => {
                self.slots.replicated(replicas, look, self.rolling_back, &mut findings.lines)
            }
            ServiceMode::Global => self.slots.global(look, self.rolling_back, &mut findings.lines),
            ServiceMode::ReplicatedJob(job) => {
                self.jobs.replicated(seen.service, job, seen.tasks, &mut findings.lines)
            }
            ServiceMode::GlobalJob => {
                self.jobs.global(seen.service, seen.tasks, &mut findings.lines)
            }
        };
        if seen.service.spec.mode.is_job() {
            // What is done stays done: there is nothing to verify.
            if converged {
                findings.lines.push(Line::new("", "job complete"));
                findings.end = Some(End::Converged);
            }
            return findings;
        }
        let is_updated = seen.service.update_status.as_ref().map(|status| status.state)
            == Some(UpdateState::Completed);
        if converged && is_updated && !self.is_converged() {
            // The updater has watched the tasks already.
            findings.end = Some(End::Converged);
            return findings;
        }
        self.verify(converged, seen.now, monitor, &mut findings.lines);
        findings.end = self.failures.observe(&seen);
        findings
    }

    /// Whether the service ran as asked when last seen.
    pub(crate) fn is_converged(&self) -> bool {
        self.converged_since.is_some()
    }

    /// Whether what is waited for is being rolled back. Old tasks that run are no success then, however long it takes until the updater is done with them.
    fn is_being_undone(&self) -> bool {
        self.rolling_back && self.aim == Aim::NewSpec
    }

    /// Follows the updater. Returns the end if it has given up.
    fn update_status(
        &mut self,
        status: Option<&UpdateStatus>,
        lines: &mut Vec<Line>,
    ) -> Option<End> {
        let status = status?;
        match status.state {
            UpdateState::Updating => self.rolling_back = false,
            UpdateState::Completed => {}
            UpdateState::Paused => return Some(failed("service update paused", &status.message)),
            UpdateState::RollbackStarted => {
                if !self.rolling_back {
                    if !status.message.is_empty() {
                        lines.push(Line::new("rollback", status.message.clone()));
                        self.rollback_reason = Some(status.message.clone());
                    }
                    self.failures.start_again();
                }
                self.rolling_back = true;
            }
            UpdateState::RollbackPaused => {
                return Some(failed("service rollback paused", &status.message));
            }
            UpdateState::RollbackCompleted => {
                if self.aim == Aim::NewSpec {
                    let reason = self.rollback_reason.as_ref().unwrap_or(&status.message);
                    return Some(failed("service update rolled back", reason));
                }
                if !self.is_converged() {
                    self.rollback_message = Some(status.message.clone());
                }
                self.rolling_back = true;
            }
        }
        None
    }

    fn verify(
        &mut self,
        converged: bool,
        now: Timestamp,
        monitor: Duration,
        lines: &mut Vec<Line>,
    ) {
        if converged {
            let since = *self.converged_since.get_or_insert(now);
            if let Some(left) = monitor.checked_sub(now.since(since)) {
                let seconds = (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1);
                let text = format!("Waiting {seconds} seconds to verify that tasks are stable...");
                lines.push(Line::new("verify", text));
            }
        } else if self.converged_since.take().is_some() {
            lines.push(Line::new("verify", "Detected task failure"));
        }
    }
}

/// The end of an update that failed. The updater's message ends with the task that failed, if one did.
fn failed(what: &str, message: &str) -> End {
    let task = message.rsplit(' ').next().and_then(|word| word.parse().ok());
    End::Failed { why: format!("{what}: {message}"), task }
}

/// How long the service has to stay as asked.
fn monitor(service: &Service) -> Duration {
    let config = service.spec.update_config.as_ref();
    config.map_or(UpdateConfig::DEFAULT_MONITOR, UpdateConfig::monitor).to_duration()
}

#[cfg(test)]
mod tests;
