//! `/info` and `/version`.

use serde::Deserialize;
use serde_json::Value;
use swarmlite_proto::api::SwarmInfo;

use super::Client;
use crate::error::Result;

/// What a client needs of `GET /info`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Info {
    /// This node and its swarm.
    pub(crate) swarm: SwarmInfo,
}

impl Client {
    /// This node and its swarm.
    pub(crate) async fn info(&self) -> Result<Info> {
        self.get("/info", &[]).await
    }

    /// All that the daemon says about itself and the engine.
    pub(crate) async fn info_text(&self) -> Result<String> {
        self.get_text("/info", &[]).await
    }

    /// The versions of the daemon.
    pub(crate) async fn version_json(&self) -> Result<Value> {
        self.get("/version", &[]).await
    }
}
