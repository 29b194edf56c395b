//! `/swarm`.

use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::Swarm;
use swarmlite_proto::api::UnlockKeyText;
use swarmlite_proto::spec::SwarmSpec;

use super::Client;
use crate::error::Result;

impl Client {
    /// Makes a new swarm. Returns the id of this node.
    pub(crate) async fn swarm_init(&self, request: &InitRequest) -> Result<String> {
        self.post("/swarm/init", &[], request).await
    }

    /// Joins a swarm.
    pub(crate) async fn swarm_join(&self, request: &JoinRequest) -> Result<()> {
        self.post_only("/swarm/join", &[], request).await
    }

    /// Leaves the swarm.
    pub(crate) async fn swarm_leave(&self, force: bool) -> Result<()> {
        let query: &[_] = if force { &[("force", "1")] } else { &[] };
        self.post_bare("/swarm/leave", query).await
    }

    /// The swarm, with its tokens.
    pub(crate) async fn swarm(&self) -> Result<Swarm> {
        self.get("/swarm", &[]).await
    }

    /// Replaces a token: `rotate` names which, as the API does.
    pub(crate) async fn swarm_rotate(&self, swarm: &Swarm, rotate: &str) -> Result<()> {
        let query = [("version", &*swarm.version.to_string()), (rotate, "true")];
        self.post_only("/swarm/update", &query, &swarm.spec).await
    }

    /// Changes the settings, whatever else changes them meanwhile. Returns them as they were.
    pub(crate) async fn swarm_change(&self, change: impl Fn(&mut SwarmSpec)) -> Result<SwarmSpec> {
        self.retry(async || {
            let Swarm { version, spec, .. } = self.swarm().await?;
            let mut changed = spec.clone();
            change(&mut changed);
            let query = [("version", &*version.to_string())];
            self.post_only("/swarm/update", &query, &changed).await?;
            Ok(spec)
        })
        .await
    }

    /// What unlocks managers; empty without autolock.
    pub(crate) async fn unlock_key(&self) -> Result<String> {
        let UnlockKeyText { unlock_key } = self.get("/swarm/unlockkey", &[]).await?;
        Ok(unlock_key)
    }

    /// Unlocks the manager on this node.
    pub(crate) async fn swarm_unlock(&self, key: &str) -> Result<()> {
        let body = UnlockKeyText { unlock_key: key.to_owned() };
        self.post_only("/swarm/unlock", &[], &body).await
    }
}
