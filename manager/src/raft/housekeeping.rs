//! The task that has snapshots made, as often as the cluster's settings say. A change of these counts at once, which it would not if raft
//! did this by itself.

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::types::Metrics;
use super::types::Raft;
use crate::state::State;

/// Entries between two snapshots when the cluster does not say (Docker's default, `SnapshotInterval`).
const DEFAULT_INTERVAL: u64 = 10_000;

/// Starts the task. It ends when raft does.
pub(crate) fn spawn(raft: Raft, state: watch::Receiver<State>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(run(raft, state)))
}

async fn run(raft: Raft, mut state: watch::Receiver<State>) {
    let mut metrics = raft.metrics();
    loop {
        let interval = interval(&state.borrow_and_update());
        let now = metrics.borrow_and_update().clone();
        // An error in any of these means that raft has stopped.
        if is_due(&now, interval) {
            let made = |later: &Metrics| later.snapshot != now.snapshot;
            if raft.trigger().snapshot().await.is_err() || metrics.wait_for(made).await.is_err() {
                return;
            }
        } else {
            // Cancel-safe: both lose nothing when dropped.
            let changed = tokio::select! {
                changed = metrics.changed() => changed,
                changed = state.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }
}

/// The cluster's setting. Zero, as everywhere in the Docker API, stands for the default.
fn interval(state: &State) -> u64 {
    let set = state.cluster().map(|cluster| cluster.spec.raft.snapshot_interval);
    set.filter(|interval| *interval > 0).unwrap_or(DEFAULT_INTERVAL)
}

/// Whether `interval` entries were applied since the last snapshot.
fn is_due(metrics: &Metrics, interval: u64) -> bool {
    let applied = metrics.last_applied.map_or(0, |log_id| log_id.index + 1);
    let covered = metrics.snapshot.map_or(0, |log_id| log_id.index + 1);
    applied.saturating_sub(covered) >= interval
}
