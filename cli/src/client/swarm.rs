//! `/swarm`.

use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::Swarm;

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
}
