//! One task on a machine: the controller, without waiting.

use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::Contained;
use super::Machine;
use crate::task::readiness::UNCHECKED;
use crate::task::restart::Circumstances;
use crate::task::restart::End;
use crate::task::restart::Verdict;
use crate::task::restart::counted;
use crate::task::restart::failures_in_a_row;
use crate::task::restart::verdict;
use crate::task::step::Advance;
use crate::task::step::Container;
use crate::task::step::Facts;
use crate::task::step::Health;
use crate::task::step::Step;
use crate::task::step::failed;
use crate::task::step::next_step;
use crate::task::step::prepared;

/// What the controller of a task knows.
#[derive(Debug)]
pub(super) struct Control {
    task: Arc<TaskAssignment>,
    forgotten: bool,
    status: TaskStatus,
    /// The process that has been attached.
    attached: Option<i64>,
    /// Whether the container was seen running, or was started, by this agent.
    watched: bool,
    ended: Option<Gone>,
    runs_since: Option<Timestamp>,
    failures: usize,
    unhealthy: bool,
}

/// A container has ended.
#[derive(Clone, Copy, Debug)]
struct Gone {
    at: Timestamp,
    witnessed: bool,
    refusals: u32,
}

/// What the engine makes of the next step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Luck {
    /// Whether it refuses.
    pub refused: bool,
    /// Whether it takes longer, and has to be tried again.
    pub late: bool,
    /// What a container ends with that is stopped.
    pub exit_code: i64,
    /// What is drawn for waits, from 0 to 1.
    pub jitter: f64,
}

/// When to look at a task again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At once.
    Again,
    /// When something has changed.
    Wait,
    /// After this long, or when something has changed.
    Hold(Duration),
    /// Never: it is gone.
    Done,
}

/// Whether a task has a readiness check.
pub(super) fn is_checked(task: &TaskAssignment) -> bool {
    task.spec.container_spec.as_ref().is_some_and(|spec| spec.readiness.is_some())
}

impl Control {
    pub(super) fn new(task: &Arc<TaskAssignment>, kept: Option<&TaskStatus>) -> Self {
        let state = task.observed_state;
        let not_ready = (state == TaskState::Running).then(|| "not seen yet".to_owned());
        let unseen = TaskStatus { state, not_ready, ..TaskStatus::default() };
        Self {
            task: Arc::clone(task),
            forgotten: false,
            status: kept.cloned().unwrap_or(unseen),
            attached: None,
            watched: false,
            ended: None,
            runs_since: None,
            failures: 0,
            unhealthy: false,
        }
    }

    pub(super) fn keep(&mut self, task: &Arc<TaskAssignment>) {
        self.forgotten = false;
        self.task = Arc::clone(task);
    }

    pub(super) const fn forget(&mut self) {
        self.forgotten = true;
    }

    pub(super) fn is_attached(&self, pid: i64) -> bool {
        self.attached == Some(pid)
    }

    fn desired(&self) -> TaskState {
        if self.forgotten { TaskState::Remove } else { self.task.desired_state }
    }

    /// Takes what the engine shows into the status.
    fn note(&mut self, contained: Option<&Contained>, now: Timestamp) {
        let Some(contained) = contained else { return };
        match contained.state {
            Container::Running(health) => {
                self.watched = true;
                self.ended = None;
                self.runs_since.get_or_insert(now);
                self.unhealthy &= health == Health::Unhealthy;
            }
            Container::Exited { exit_code, .. } if self.ended.is_none() => {
                if self.watched {
                    let lived = self.runs_since.map_or(Duration::ZERO, |since| now.since(since));
                    let failed = exit_code != 0 || self.unhealthy;
                    self.failures = failures_in_a_row(self.failures, failed, lived);
                }
                self.runs_since = None;
                self.ended = Some(Gone { at: now, witnessed: self.watched, refusals: 0 });
            }
            Container::Exited { .. } | Container::Absent | Container::Created => {}
        }
        let exit_code = match contained.state {
            Container::Exited { exit_code, .. } => exit_code,
            _ => 0,
        };
        let container_id = self.task.id.to_string();
        self.status.container =
            Some(ContainerStatus { container_id, pid: contained.pid, exit_code });
    }

    fn facts(&self, contained: Option<&Contained>, ended: Verdict) -> Facts {
        let attached = contained.is_some_and(|it| self.is_attached(it.pid));
        let checked = is_checked(&self.task);
        Facts {
            container: contained.map_or(Container::Absent, |it| it.state.clone()),
            attached,
            unhealthy: self.unhealthy,
            ended,
            // Checks begin when the task runs.
            not_ready: match contained {
                Some(it) if attached && self.status.state == TaskState::Running => {
                    it.not_ready.clone()
                }
                _ => checked.then(|| UNCHECKED.to_owned()),
            },
            told: self.status.not_ready.clone(),
        }
    }
}

impl Machine {
    /// Looks at a task, and does one step. `now` goes on evenly, and `clock` is what the machine takes for the time.
    pub fn look(&mut self, id: &TaskId, now: Timestamp, clock: Timestamp, luck: Luck) -> Look {
        let ended = self.verdict(id, now, clock, luck.jitter);
        let contained = self.engine.get(id);
        let Some(control) = self.controls.get_mut(id) else { return Look::Done };
        control.note(contained, now);
        let facts = control.facts(contained, ended);
        let step = next_step(control.desired(), control.status.state, &facts);
        let observed = control.status.state;
        match step {
            Step::Wait if control.forgotten && contained.is_none() => {
                self.controls.remove(id);
                // It may have been assigned again meanwhile.
                self.reconcile();
                Look::Done
            }
            Step::Wait => Look::Wait,
            Step::Hold(rest) => Look::Hold(rest),
            Step::Report(advance) => self.report(id, advance, clock),
            Step::Tell(not_ready) => {
                let status = TaskStatus { not_ready, timestamp: clock, ..control.status.clone() };
                self.publish(id, status)
            }
            Step::Stop | Step::StopUnhealthy => {
                control.unhealthy |= step == Step::StopUnhealthy;
                self.stop(id, luck)
            }
            Step::Remove => {
                self.engine.remove(id);
                Look::Again
            }
            Step::Prepare | Step::Start | Step::Restart | Step::Attach if luck.late => {
                Look::Hold(Duration::from_secs(1))
            }
            Step::Restart if luck.refused => {
                let ended = control.ended.as_mut();
                ended.into_iter().for_each(|ended| {
                    *ended = Gone { at: now, refusals: ended.refusals + 1, ..*ended }
                });
                Look::Hold(Duration::from_secs(1))
            }
            Step::Prepare | Step::Start if luck.refused => {
                self.report(id, failed(observed, "refused".to_owned()), clock)
            }
            Step::Prepare => self.prepare(id, clock),
            Step::Start => self.start(id, now),
            Step::Restart => self.start_again(id, now, clock),
            Step::Attach => self.attach(id),
        }
    }

    /// What is to be done about the container of a task if it has ended.
    fn verdict(&mut self, id: &TaskId, now: Timestamp, clock: Timestamp, jitter: f64) -> Verdict {
        let contained = self.engine.get(id);
        let Some(control) = self.controls.get_mut(id) else { return Verdict::Report };
        control.note(contained, now);
        let (Some(Contained { state: Container::Exited { exit_code, .. }, .. }), Some(gone)) =
            (contained, control.ended)
        else {
            return Verdict::Report;
        };
        let end = End {
            failed: *exit_code != 0 || control.unhealthy,
            witnessed: gone.witnessed,
            ago: now.since(gone.at),
            failures: control.failures,
            refusals: gone.refusals,
            jitter,
        };
        let attempts = self.disk.restarts.get(id).map(Vec::as_slice).unwrap_or_default();
        let job = control.task.desired_state == TaskState::Complete;
        let managed = self.link.as_ref().is_some_and(super::Link::is_welcome);
        let circumstances = Circumstances { managed, job, attempts, now: clock };
        let policy = control.task.spec.restart_policy.clone().unwrap_or_default();
        verdict(&policy, &end, &circumstances)
    }

    fn report(&mut self, id: &TaskId, advance: Advance, clock: Timestamp) -> Look {
        let Some(control) = self.controls.get(id) else { return Look::Done };
        let Advance { state, message, err, not_ready } = advance;
        let mut status =
            TaskStatus { timestamp: clock, state, err, not_ready, ..control.status.clone() };
        if let Some(message) = message {
            message.clone_into(&mut status.message);
        }
        self.publish(id, status)
    }

    /// Has the managers told, from `running` on only when it is on disk. Of a forgotten task nobody wants to know.
    fn publish(&mut self, id: &TaskId, status: TaskStatus) -> Look {
        let Some(control) = self.controls.get_mut(id) else { return Look::Done };
        if !control.forgotten {
            if status.state >= TaskState::Running {
                self.disk.statuses.insert(id.clone(), status.clone());
            }
            self.reporter.report(id, status.clone());
        }
        control.status = status;
        Look::Again
    }

    fn prepare(&mut self, id: &TaskId, clock: Timestamp) -> Look {
        let Some(control) = self.controls.get(id) else { return Look::Done };
        let task = Arc::clone(&control.task);
        let known =
            |network| self.known.as_ref().is_some_and(|it| it.networks.contains_key(network));
        if !task.attachments.iter().all(|it| known(&it.network_id)) {
            return self.report(id, failed(control.status.state, "no network".to_owned()), clock);
        }
        if !task.attachments.iter().all(|it| self.tables.networks.contains(&it.network_id)) {
            return Look::Hold(Duration::from_secs(1));
        }
        self.engine.entry(id.clone()).or_insert_with(|| Contained {
            not_ready: is_checked(&task).then(|| UNCHECKED.to_owned()),
            task,
            state: Container::Created,
            pid: 0,
            started_at: Timestamp::ZERO,
        });
        self.report(id, prepared(), clock)
    }

    fn start(&mut self, id: &TaskId, now: Timestamp) -> Look {
        let contained = self.engine.get_mut(id);
        let Some((contained, control)) = contained.zip(self.controls.get_mut(id)) else {
            return Look::Again;
        };
        self.next_pid += 1;
        contained.pid = self.next_pid;
        contained.state = Container::Running(Health::Unchecked);
        contained.started_at = now;
        contained.not_ready = is_checked(&contained.task).then(|| UNCHECKED.to_owned());
        control.watched = true;
        control.ended = None;
        control.runs_since = Some(now);
        control.unhealthy = false;
        Look::Again
    }

    fn start_again(&mut self, id: &TaskId, now: Timestamp, clock: Timestamp) -> Look {
        let Some(control) = self.controls.get(id) else { return Look::Done };
        let policy = control.task.spec.restart_policy.clone().unwrap_or_default();
        if control.ended.is_some_and(|gone| gone.witnessed)
            && policy.max_attempts.is_some_and(|max| max > 0)
        {
            let before = self.disk.restarts.entry(id.clone()).or_default();
            let mut attempts = counted(&policy, before, clock);
            attempts.push(clock);
            *before = attempts;
        }
        self.start(id, now)
    }

    fn attach(&mut self, id: &TaskId) -> Look {
        let Some((contained, control)) = self.engine.get(id).zip(self.controls.get_mut(id)) else {
            return Look::Again;
        };
        let networks = &self.tables.networks;
        if !control.task.attachments.iter().all(|it| networks.contains(&it.network_id)) {
            return Look::Hold(Duration::from_secs(1));
        }
        control.attached = Some(contained.pid);
        Look::Again
    }

    fn stop(&mut self, id: &TaskId, luck: Luck) -> Look {
        if let Some(contained) = self.engine.get_mut(id) {
            contained.pid = 0;
            contained.state = Container::Exited { exit_code: luck.exit_code, error: String::new() };
        }
        Look::Again
    }
}
