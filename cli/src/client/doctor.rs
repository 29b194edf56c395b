//! What the daemon finds when it checks itself.

use swarmlite_proto::api::Diagnosis;

use super::Client;
use crate::error::Result;

impl Client {
    /// The checks of the daemon's node.
    pub(crate) async fn diagnosis(&self) -> Result<Diagnosis> {
        self.get("/swarmlite/v1/doctor", &[]).await
    }
}
