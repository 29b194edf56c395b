//! Keeps the lock on a manager's keys as the cluster wants it.
//!
//! The unlock key is in the replicated state, so that every manager learns of a change by itself, and a manager that was away learns of it
//! when it is back: until then its old key unlocks it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_agent::identity;
use swarmlite_manager::raft::RaftStore;
use swarmlite_manager::store::Store;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::version::Version;
use swarmlite_vault::Vault;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// When something that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// What the lock is on.
#[derive(Clone, Debug)]
pub(super) struct Locking {
    /// Where the key of the node's certificate is.
    pub(super) state_dir: PathBuf,
    /// The keys.
    pub(super) vault: Arc<Vault>,
    /// What is encrypted with them, and says what is to lock them.
    pub(super) store: RaftStore,
}

impl Locking {
    /// Follows what the cluster wants until its store ends.
    pub(super) async fn run(self) {
        let mut states = self.store.watch();
        // A crash may have come between the lock and what it is on.
        let mut settled = false;
        loop {
            states.mark_unchanged();
            match self.settle(settled).await {
                Ok(()) => {
                    settled = true;
                    if states.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "cannot lock the keys of this manager as the swarm wants it"
                    );
                    // An error means that the store has ended.
                    if let Ok(Err(_)) = timeout(RETRY, states.changed()).await {
                        return;
                    }
                }
            }
        }
    }

    /// Brings everything to where the state wants it.
    async fn settle(&self, settled: bool) -> anyhow::Result<()> {
        let state = self.store.state();
        let Some(cluster) = state.cluster() else { return Ok(()) };
        let (lock, version) = (cluster.unlock_key.clone(), cluster.meta.version);
        if !settled || self.vault.unlock_key() != lock {
            let this = self.clone();
            spawn_blocking(move || this.lock(lock, version)).await??;
        }
        if self.vault.has_old_keys() {
            self.store.rewrite().await?;
            self.vault.drop_old_keys()?;
            tracing::info!("everything this manager keeps is encrypted with a new key");
        }
        Ok(())
    }

    fn lock(&self, lock: Option<UnlockKey>, version: Version) -> anyhow::Result<()> {
        let _held = self.vault.hold();
        let locks = lock.is_some();
        if self.vault.set_lock(lock, version)? {
            tracing::info!(locks, "the lock on the keys of this manager has changed");
        }
        Ok(identity::reseal(&self.state_dir, &self.vault)?)
    }
}
