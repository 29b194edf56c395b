//! The task that has snapshots made and the log before them cut off, as the cluster's settings say. A change of these counts at once, which
//! it would not if raft did this by itself.

use swarmlite_proto::spec::RaftConfig;
use swarmlite_proto::spec::SwarmSpec;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::types::Metrics;
use super::types::Raft;
use crate::metrics::RaftMetrics;
use crate::state::State;

/// Starts the task. It ends when raft does.
pub(crate) fn spawn(
    raft: Raft,
    state: watch::Receiver<State>,
    counted: RaftMetrics,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(run(raft, state, counted)))
}

async fn run(raft: Raft, mut state: watch::Receiver<State>, counted: RaftMetrics) {
    let mut metrics = raft.metrics();
    let mut asked = None;
    loop {
        let settings = settings(&state.borrow_and_update());
        let now = metrics.borrow_and_update().clone();
        // An error in any of these means that raft has stopped.
        if is_due(&now, settings.snapshot_interval) {
            let began = Instant::now();
            let made = |later: &Metrics| later.snapshot != now.snapshot;
            if raft.trigger().snapshot().await.is_err() || metrics.wait_for(made).await.is_err() {
                return;
            }
            counted.made_snapshot(began.elapsed());
        } else {
            let upto = superfluous(&now, settings.log_entries_for_slow_followers);
            // Raft may take its time, as it does not cut off what it is sending.
            if let Some(upto) = upto.filter(|upto| asked.is_none_or(|asked| asked < *upto)) {
                if raft.trigger().purge_log(upto).await.is_err() {
                    return;
                }
                asked = Some(upto);
            }
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

/// The cluster's settings.
fn settings(state: &State) -> RaftConfig {
    let set = state.cluster().map(|cluster| cluster.spec.raft).unwrap_or_default();
    set.or(SwarmSpec::defaults().raft)
}

/// Whether `interval` entries were applied since the last snapshot.
fn is_due(metrics: &Metrics, interval: u64) -> bool {
    let applied = metrics.last_applied.map_or(0, |log_id| log_id.index + 1);
    let covered = metrics.snapshot.map_or(0, |log_id| log_id.index + 1);
    applied.saturating_sub(covered) >= interval
}

/// The last entry that is no longer needed: in the snapshot, and not among the last `kept` there.
fn superfluous(metrics: &Metrics, kept: u64) -> Option<u64> {
    let upto = metrics.snapshot?.index.checked_sub(kept)?;
    metrics.purged.is_none_or(|purged| purged.index < upto).then_some(upto)
}
