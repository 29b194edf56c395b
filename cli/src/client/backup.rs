//! `/swarmlite/v1/backup` and `/swarmlite/v1/restore`.

use reqwest::Method;
use swarmlite_proto::api::BackupRequest;
use swarmlite_proto::api::BackupSummary;
use swarmlite_proto::api::RestoreRequest;

use super::Client;
use super::transport;
use crate::error::Result;

impl Client {
    /// All that the swarm knows, sealed.
    pub(crate) async fn backup(&self, request: &BackupRequest) -> Result<Vec<u8>> {
        let request = self.request(Method::POST, "/swarmlite/v1/backup").json(request);
        let answer = self.send(request).await?;
        let sealed = answer.bytes().await.map_err(|source| transport(&self.host, source))?;
        Ok(sealed.into())
    }

    /// Makes the swarm in a backup again. Returns what was in it.
    pub(crate) async fn restore(&self, request: &RestoreRequest) -> Result<BackupSummary> {
        self.post("/swarmlite/v1/restore", &[], request).await
    }
}
