//! The manager on a node that is one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus_client::registry::Registry;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::manager::Manager;
use swarmlite_manager::manager::ManagerConfig;
use swarmlite_manager::manager::Start;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_rpc::Client;
use swarmlite_vault::Vault;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::backups::Backups;
use super::backups::Schedule;
use super::locking::Locking;
use super::membership::Membership;
use super::membership::StateDir;

/// What the manager of a node is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// Where it keeps everything.
    pub(super) dir: &'a StateDir,
    /// The keys that it encrypts that with.
    pub(super) vault: &'a Arc<Vault>,
    /// The node's place in the cluster.
    pub(super) membership: &'a Membership,
    /// How long it waits, as the leader, for nodes to confirm their tables.
    pub(super) routing_patience: Duration,
    /// The backups that it writes by itself, if any.
    pub(super) backups: Option<&'a Schedule>,
    /// Where it says why one was not written.
    pub(super) backup_trouble: &'a watch::Sender<Option<String>>,
}

/// The manager on a node. Clones are the same manager; it stops with the last.
#[derive(Clone, Debug)]
pub(super) struct Managing {
    manager: Arc<Manager>,
    client: Client,
    /// What goes on beside it. Ends with the last clone.
    _tasks: Arc<Vec<AbortOnDropHandle<()>>>,
}

impl Managing {
    /// Starts the manager of the node that `identity` names.
    pub(super) async fn start(
        ground: Ground<'_>,
        identity: &Identity,
        start: Start,
    ) -> anyhow::Result<Self> {
        let Ground { dir, vault, membership, routing_patience, .. } = ground;
        if vault.is_empty() {
            let missing = dir.keys();
            anyhow::bail!(
                "{} is missing: without it nothing that this manager has kept can be read",
                missing.display()
            );
        }
        let client = Client::new(identity).context("cannot use the identity of the node")?;
        let config = ManagerConfig {
            dir: dir.raft(),
            sealer: vault.sealer(),
            listen_addr: membership.listen_addr,
            advertise_addr: membership.advertise_addr,
            witness: membership.witness,
            identity: identity.clone(),
            client: client.clone(),
            routing_patience,
        };
        let manager = Arc::new(Manager::start(config, start).await?);
        let locking = Locking {
            state_dir: dir.root().to_owned(),
            vault: Arc::clone(vault),
            store: manager.store().clone(),
        };
        let backups = ground.backups.map(|schedule| Backups {
            schedule: schedule.clone(),
            node_id: identity.node_id.clone(),
            store: manager.store().clone(),
            trouble: ground.backup_trouble.clone(),
        });
        let mut tasks = vec![AbortOnDropHandle::new(tokio::spawn(locking.run()))];
        tasks.extend(backups.map(|it| AbortOnDropHandle::new(tokio::spawn(it.run()))));
        Ok(Self { manager, client, _tasks: Arc::new(tasks) })
    }

    /// The cluster, for the API.
    pub(super) fn access(&self) -> ManagerAccess {
        self.manager.access()
    }

    /// Its numbers. May block.
    pub(super) fn metrics(&self) -> Registry {
        self.manager.metrics()
    }

    /// Waits until this manager leads the cluster that it has just made of an old one, and gives it the settings in `asked` that are not zero.
    pub(super) async fn take_over(&self, asked: &SwarmSpec) -> swarmlite_proto::error::Result<()> {
        self.manager.merge_settings(asked).await
    }

    /// Returns when the manager has stopped by itself, as it does when its disk fails. It is to be shut down and started again then.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut leadership = self.manager.leadership();
        async move { while leadership.changed().await.is_ok() {} }
    }

    /// Whether it has.
    pub(super) fn has_stopped(&self) -> bool {
        self.manager.leadership().has_changed().is_err()
    }

    /// Uses a new certificate, for those who call and those who are called.
    pub(super) fn set_identity(&self, identity: &Identity) -> anyhow::Result<()> {
        self.client.set_identity(identity)?;
        Ok(self.manager.set_identity(identity)?)
    }

    /// Stops the manager. On return its directory can be opened again, or removed.
    pub(super) async fn shutdown(self) {
        let store = self.manager.store().clone();
        // Before the store: what works on it is not to fail on a store that is gone.
        drop(self);
        store.shutdown().await;
    }
}
