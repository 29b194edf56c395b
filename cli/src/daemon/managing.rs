//! The manager on a node that is one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use swarmlite_manager::api::ManagerAccess;
use swarmlite_manager::manager::Manager;
use swarmlite_manager::manager::ManagerConfig;
use swarmlite_manager::manager::Start;
use swarmlite_proto::identity::Identity;
use swarmlite_rpc::Client;

use super::membership::Membership;
use super::membership::StateDir;

/// The manager on a node. Clones are the same manager; it stops with the last.
#[derive(Clone, Debug)]
pub(super) struct Managing {
    manager: Arc<Manager>,
    client: Client,
}

impl Managing {
    /// Starts the manager of the node that `identity` names.
    pub(super) async fn start(
        dir: &StateDir,
        membership: &Membership,
        identity: &Identity,
        start: Start,
        routing_patience: Duration,
    ) -> anyhow::Result<Self> {
        let client = Client::new(identity).context("cannot use the identity of the node")?;
        let config = ManagerConfig {
            dir: dir.raft(),
            listen_addr: membership.listen_addr,
            advertise_addr: membership.advertise_addr,
            identity: identity.clone(),
            client: client.clone(),
            routing_patience,
        };
        let manager = Arc::new(Manager::start(config, start).await?);
        Ok(Self { manager, client })
    }

    /// The cluster, for the API.
    pub(super) fn access(&self) -> ManagerAccess {
        self.manager.access()
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
