//! What is seen of a task: by the engine, by its readiness check, and of its end.

use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use tokio::time::Instant;

use super::state::Controller;
use super::state::Ended;
use crate::task::attach::Attach;
use crate::task::prober::Checks;
use crate::task::prober::Prober;
use crate::task::prober::Target;
use crate::task::readiness::UNCHECKED;
use crate::task::restart::Circumstances;
use crate::task::restart::End;
use crate::task::restart::Verdict;
use crate::task::restart::failures_in_a_row;
use crate::task::restart::verdict;
use crate::task::runtime::ContainerInfo;
use crate::task::runtime::Runtime;
use crate::task::step::Container;
use crate::task::step::Facts;
use crate::task::step::Health;

impl<R: Runtime, A: Attach> Controller<R, A> {
    /// Takes what the engine shows into the status.
    pub(super) fn note(&mut self, info: Option<&ContainerInfo>) {
        let Some(info) = info else { return };
        match info.state {
            Container::Running(health) => {
                self.watched = Some(self.outages());
                self.ended = None;
                self.runs_since.get_or_insert_with(Instant::now);
                self.unhealthy &= health == Health::Unhealthy;
            }
            Container::Exited { exit_code, .. } if self.ended.is_none() => self.note_end(exit_code),
            Container::Exited { .. } => {}
            Container::Absent | Container::Created => {}
        }
        self.status.container = Some(ContainerStatus {
            container_id: info.id.clone(),
            pid: info.pid,
            exit_code: info.exit_code,
        });
        self.status.host_ports.clone_from(&info.host_ports);
    }

    /// The container has ended.
    fn note_end(&mut self, exit_code: i64) {
        let witnessed = self.watched == Some(self.outages());
        if witnessed {
            let lived = self.runs_since.map_or(Duration::ZERO, |since| since.elapsed());
            let failed = exit_code != 0 || self.unhealthy;
            self.failures = failures_in_a_row(self.failures, failed, lived);
        }
        self.runs_since = None;
        self.ended = Some(Ended::now(witnessed));
    }

    /// All that counts for the next step.
    pub(super) fn facts(&self, task: &TaskAssignment, info: Option<&ContainerInfo>) -> Facts {
        let container = info.map_or(Container::Absent, |info| info.state.clone());
        Facts {
            attached: info.is_some_and(|info| self.attached == Some(info.pid)),
            unhealthy: self.unhealthy,
            ended: self.verdict(task, &container),
            not_ready: self.not_ready(task),
            told: self.status.not_ready.clone(),
            container,
        }
    }

    /// Has the readiness of a running task checked, if it is to be.
    pub(super) fn check_readiness(
        &mut self,
        task: &Arc<TaskAssignment>,
        info: Option<&ContainerInfo>,
    ) {
        let config = task.spec.container_spec.as_ref().and_then(|spec| spec.readiness.clone());
        let runs = self.status.state == TaskState::Running;
        let attached = info.filter(|info| runs && self.attached == Some(info.pid));
        let (Some(config), Some(info)) = (config, attached) else {
            self.prober = None;
            return;
        };
        let Ok(pid) = u32::try_from(info.pid) else { return };
        if self.prober.as_ref().is_some_and(|prober| prober.pid() == pid) {
            return;
        }
        let checks = Checks {
            runtime: Arc::clone(&self.shared.runtime),
            attach: self.shared.attach.clone(),
            target: Target::new(self.name.clone(), pid, task),
            config,
        };
        // After a restart of the agent a task is what it was; one whose container was started again is not ready.
        let told = self.status.not_ready.clone();
        self.prober = Some(Prober::start(checks, told, Arc::clone(&self.wake)));
    }

    /// Why the task is to get no requests, as far as its readiness check says.
    fn not_ready(&self, task: &TaskAssignment) -> Option<String> {
        let is_checked =
            task.spec.container_spec.as_ref().is_some_and(|spec| spec.readiness.is_some());
        match &self.prober {
            Some(prober) => prober.not_ready(),
            None => is_checked.then(|| UNCHECKED.to_owned()),
        }
    }

    /// What is to be done about the container if it has ended.
    fn verdict(&self, task: &TaskAssignment, container: &Container) -> Verdict {
        let (Container::Exited { exit_code, .. }, Some(ended)) = (container, self.ended) else {
            return Verdict::Report;
        };
        let end = End {
            failed: *exit_code != 0 || self.unhealthy,
            witnessed: ended.witnessed,
            ago: ended.at.elapsed(),
            failures: self.failures,
            refusals: ended.refusals,
            jitter: ended.jitter,
        };
        let circumstances = Circumstances {
            managed: self.shared.session.borrow().is_connected(),
            job: task.desired_state == TaskState::Complete,
            attempts: &self.shared.ledger.restarts(&task.id),
            now: Timestamp::now(),
        };
        let policy = task.spec.restart_policy.clone().unwrap_or_default();
        verdict(&policy, &end, &circumstances)
    }
}
