//! Why tasks are where they are, or nowhere.

use swarmlite_proto::api::Explanation;

use super::Client;
use super::segment;
use crate::error::Result;

impl Client {
    /// Where the tasks of a service could be, by its name or id, as the daemon wrote it.
    pub(crate) async fn service_explanation(&self, reference: &str) -> Result<String> {
        let path = format!("/swarmlite/v1/services/{}/explain", segment(reference));
        self.get_text(&path, &[]).await
    }

    /// The same, read.
    pub(crate) async fn explanation(&self, reference: &str) -> Result<Explanation> {
        self.get(&format!("/swarmlite/v1/services/{}/explain", segment(reference)), &[]).await
    }

    /// Where a task could be, by its id or the beginning of it, as the daemon wrote it.
    pub(crate) async fn task_explanation(&self, reference: &str) -> Result<String> {
        let path = format!("/swarmlite/v1/tasks/{}/explain", segment(reference));
        self.get_text(&path, &[]).await
    }
}
