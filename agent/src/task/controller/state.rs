//! What a controller knows of its task.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use swarmlite_proto::error::chain;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::task_state::TaskState;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::Instant;

use super::order::Order;
use super::shared::Shared;
use crate::ledger::LedgerError;
use crate::metrics::CountedTask;
use crate::task::prober::Prober;
use crate::task::template::task_name;

/// Why a task that runs as far as the managers know gets no requests at first.
const UNSEEN: &str = "its node has not found its container yet";

/// Drives one task.
#[derive(Debug)]
pub(crate) struct Controller<R, A> {
    pub(super) shared: Arc<Shared<R, A>>,
    pub(super) order: watch::Receiver<Order>,
    pub(super) wake: Arc<Notify>,
    pub(super) name: String,
    pub(super) status: TaskStatus,
    pub(super) counted: CountedTask,
    /// The process that has been attached.
    pub(super) attached: Option<i64>,
    /// After how many outages the container was last seen running, or was started, if the engine has answered ever since.
    pub(super) watched: Option<u64>,
    pub(super) ended: Option<Ended>,
    /// Since when the container is known to run.
    pub(super) runs_since: Option<Instant>,
    /// How often it has failed in a row, as far as this agent has started it again.
    pub(super) failures: usize,
    /// Whether the container was stopped because it was not healthy.
    pub(super) unhealthy: bool,
    /// The checks of the process that has been attached, if the task has a readiness check.
    pub(super) prober: Option<Prober>,
    /// How often a step in a row could not be done yet.
    pub(super) delays: u32,
}

/// A container has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// When that was noticed, or the engine last refused to start it again.
    pub(super) at: Instant,
    /// Whether the engine was watched all the time since the container ran.
    pub(super) witnessed: bool,
    /// How often the engine has refused to start it again.
    pub(super) refusals: u32,
    /// Drawn anew for each wait.
    pub(super) jitter: f64,
}

impl Ended {
    /// It has just been noticed.
    pub(super) fn now(witnessed: bool) -> Self {
        Self { at: Instant::now(), witnessed, refusals: 0, jitter: rand::random() }
    }

    /// The engine has refused to start it again.
    pub(super) fn refused(self) -> Self {
        Self { refusals: self.refusals.saturating_add(1), ..Self::now(self.witnessed) }
    }
}

impl<R, A> Controller<R, A> {
    /// A controller that carries out what `order` says and looks whenever `wake` is notified. A task that is known to have ended goes on from there.
    #[must_use]
    pub(crate) fn new(
        shared: Arc<Shared<R, A>>,
        order: watch::Receiver<Order>,
        wake: Arc<Notify>,
    ) -> Self {
        let task = Arc::clone(&order.borrow().assigned().task);
        let kept = shared.ledger.status(&task.id);
        let status = match kept.filter(|kept| kept.state >= task.observed_state) {
            Some(kept) => {
                // The agent may have gone down before it could say so.
                shared.reporter.report(&task.id, kept.clone());
                kept
            }
            None => unseen(task.observed_state),
        };
        Self {
            counted: shared.states.count(status.state),
            shared,
            order,
            wake,
            name: task_name(&task),
            status,
            attached: None,
            watched: None,
            ended: None,
            runs_since: None,
            failures: 0,
            unhealthy: false,
            prober: None,
            delays: 0,
        }
    }

    /// How often the stream of the engine's events has ended.
    pub(super) fn outages(&self) -> u64 {
        self.shared.outages.load(Ordering::Relaxed)
    }
}

/// Where a task is that the managers know and this node does not, as it has lost its disk. One that runs is told again, with its container, once it
/// is attached: what the managers have heard of it may have been of another machine.
fn unseen(state: TaskState) -> TaskStatus {
    let not_ready = (state == TaskState::Running).then(|| UNSEEN.to_owned());
    TaskStatus { state, not_ready, ..TaskStatus::default() }
}

/// Runs `write` where it may block.
pub(super) async fn on_disk(
    write: impl FnOnce() -> Result<(), LedgerError> + Send + 'static,
) -> Result<(), String> {
    tokio::task::spawn_blocking(write)
        .await
        .map_err(|error| chain(&error))?
        .map_err(|error| chain(&error))
}
