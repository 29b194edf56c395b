//! Drives one task: looks, asks for the next step, does it, reports, and looks again.
//!
//! What happens to the task is decided in [`super::step`]; it is looked at in `look`, and steps are done in `work`. The controller may be dropped at any time: the container stays as it is, and the next
//! controller takes it from there.

mod look;
mod order;
mod shared;
mod state;
mod work;

use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::backoff::doubled;
use swarmlite_proto::backoff::jittered;
use swarmlite_proto::error::chain;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use tokio::sync::watch;

pub(crate) use self::order::Assigned;
pub(crate) use self::order::Order;
pub(crate) use self::shared::Shared;
pub(crate) use self::state::Controller;
use self::state::on_disk;
use self::work::StepError;
use super::attach::Attach;
use super::runtime::Runtime;
use super::step::Advance;
use super::step::ENDED;
use super::step::Step;
use super::step::failed;
use super::step::next_step;
use crate::standing::SessionState;

/// How often a controller looks without being woken. Events wake it at once; this is for events that were missed.
const RESYNC: Duration = Duration::from_secs(30);

/// The wait after a step could not be done yet, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest such wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl<R: Runtime, A: Attach> Controller<R, A> {
    /// Runs until the task is forgotten, or nobody gives orders any more.
    pub(crate) async fn run(mut self) {
        loop {
            let order = self.order.borrow_and_update().clone();
            let done = match self.advance(&order).await {
                Ok(Next::Again) => continue,
                Ok(Next::Wait) => self.wait(RESYNC, false).await,
                Ok(Next::Hold(rest)) => self.wait(rest, true).await,
                Ok(Next::Done) => return,
                Err(reason) => {
                    tracing::warn!(task.id = %order.assigned().task.id, reason, "task waits");
                    let pause = pause(self.delays, rand::random());
                    self.delays = self.delays.saturating_add(1);
                    self.wait(pause, false).await
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Waits for an order, an event, the end of `limit`, and, if `for_managers`, until a manager answers.
    async fn wait(
        &mut self,
        limit: Duration,
        for_managers: bool,
    ) -> Result<(), watch::error::RecvError> {
        let mut session = self.shared.session.clone();
        // Every arm is cancel-safe: a notification that is not taken stays.
        tokio::select! {
            changed = self.order.changed() => changed,
            () = self.wake.notified() => Ok(()),
            () = tokio::time::sleep(limit) => Ok(()),
            Ok(_) = session.wait_for(SessionState::is_connected), if for_managers => Ok(()),
        }
    }

    /// Looks, and does one step. An error says why it has to be tried again later.
    async fn advance(&mut self, order: &Order) -> Result<Next, String> {
        let info = match self.shared.runtime.inspect(&self.name).await {
            Ok(info) => info,
            Err(error) => {
                self.lose_sight(order).await?;
                return Err(error.to_string());
            }
        };
        self.note(info.as_ref());
        self.check_readiness(&order.assigned().task, info.as_ref());
        let facts = self.facts(&order.assigned().task, info.as_ref());
        let step = next_step(order.desired(), self.status.state, &facts);
        tracing::debug!(task.id = %order.assigned().task.id, ?step, "next step");
        match step {
            Step::Wait if matches!(order, Order::Forget(_)) && info.is_none() => {
                return Ok(Next::Done);
            }
            Step::Wait => return Ok(Next::Wait),
            Step::Hold(rest) => return Ok(Next::Hold(rest)),
            _ => {}
        }
        match self.carry_out(&step, order, info.as_ref()).await {
            Ok(progress) => {
                self.delays = 0;
                if let Some(progress) = progress {
                    self.report(order, progress).await?;
                }
                Ok(Next::Again)
            }
            Err(StepError::Later(reason)) => Err(reason),
            // A step that clears away has nothing to fail: the engine will do it once it can.
            Err(StepError::Final(reason)) if self.status.state.is_terminal() => Err(reason),
            Err(StepError::Final(reason)) if matches!(step, Step::Stop | Step::StopUnhealthy) => {
                Err(reason)
            }
            Err(StepError::Final(reason)) => {
                self.report(order, failed(self.status.state, reason)).await?;
                Ok(Next::Again)
            }
        }
    }

    /// The engine is away. If it took the container with it, the task gets no requests until it runs again.
    async fn lose_sight(&mut self, order: &Order) -> Result<(), String> {
        self.watched = None;
        let pid = self.status.container.as_ref().map_or(0, |container| container.pid);
        let runs = self.status.state == TaskState::Running && order.desired() < TaskState::Shutdown;
        let has_ended = runs && pid != 0 && !self.shared.runtime.is_alive(pid);
        if has_ended && self.status.not_ready.is_none() {
            self.tell(order, Some(ENDED.to_owned())).await?;
        }
        Ok(())
    }

    /// Reports that the task is further.
    async fn report(&mut self, order: &Order, progress: Advance) -> Result<(), String> {
        let Advance { state, message, err, not_ready } = progress;
        let timestamp = Timestamp::now();
        let mut status = TaskStatus { timestamp, state, err, not_ready, ..self.status.clone() };
        if let Some(message) = message {
            message.clone_into(&mut status.message);
        }
        self.publish(order, status).await
    }

    /// Reports that the task is where it was, and gets requests or not, for this reason.
    async fn tell(&mut self, order: &Order, not_ready: Option<String>) -> Result<(), String> {
        let mut status = TaskStatus { not_ready, ..self.status.clone() };
        if status.timestamp == Timestamp::ZERO {
            status.timestamp = Timestamp::now();
        }
        self.publish(order, status).await
    }

    /// Has the managers told, from `running` on only when it is on disk. Of a forgotten task nobody wants to know.
    async fn publish(&mut self, order: &Order, status: TaskStatus) -> Result<(), String> {
        if let Order::Keep(Assigned { task, .. }) = order {
            if status.state >= TaskState::Running {
                let (ledger, id, kept) =
                    (Arc::clone(&self.shared.ledger), task.id.clone(), status.clone());
                on_disk(move || ledger.keep_status(&id, &kept)).await?;
            }
            self.shared.reporter.report(&task.id, status.clone());
        }
        self.counted.is(status.state);
        self.status = status;
        if self.status.state.is_terminal() {
            self.clear_files(order).await;
        }
        Ok(())
    }

    /// Removes the files of a task that has ended: its container stays, with its logs, but has no use for secrets any more.
    async fn clear_files(&self, order: &Order) {
        let (shared, id) = (Arc::clone(&self.shared), order.assigned().task.id.clone());
        let removed = tokio::task::spawn_blocking(move || shared.files.remove(&id)).await;
        // They go with the container at the latest.
        if let Ok(Err(error)) = removed {
            tracing::warn!(
                error = chain(&error),
                "cannot remove the files of a task that has ended"
            );
        }
    }
}

/// How long to wait when a step could not be done yet, after so many others. All tasks of a node lose their engine at once, and should not return
/// to it at once.
fn pause(delays: u32, jitter: f64) -> Duration {
    jittered(doubled(FIRST_PAUSE, delays, LONGEST_PAUSE), Duration::ZERO, jitter)
}

/// What to do after a step.
enum Next {
    /// Look again.
    Again,
    /// Wait until something changes.
    Wait,
    /// Wait until something changes or a manager answers, this long at most.
    Hold(Duration),
    /// The task is gone.
    Done,
}

#[cfg(test)]
mod tests;
