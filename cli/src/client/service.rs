//! `/services` and `/tasks`.

use serde::Deserialize;
use swarmlite_proto::api::Service;
use swarmlite_proto::api::ServiceCreateResponse;
use swarmlite_proto::api::Task;
use swarmlite_proto::spec::ServiceSpec;

use super::Client;
use super::segment;
use crate::error::Result;
use crate::value::filter::Filters;

/// The answer to an update.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateResponse {
    warnings: Option<Vec<String>>,
}

impl Client {
    /// The services that meet the filters.
    pub(crate) async fn services(&self, filters: &Filters) -> Result<Vec<Service>> {
        self.list("/services", filters).await
    }

    /// The services that meet the filters, with the numbers of their tasks.
    pub(crate) async fn services_with_status(&self, filters: &Filters) -> Result<Vec<Service>> {
        match filters.to_query() {
            Some(filters) => {
                self.get("/services", &[("status", "true"), ("filters", &filters)]).await
            }
            None => self.get("/services", &[("status", "true")]).await,
        }
    }

    /// One service, by name or id, as it was written.
    pub(crate) async fn service(&self, reference: &str) -> Result<Service> {
        self.get(&format!("/services/{}", segment(reference)), &[("insertDefaults", "false")]).await
    }

    /// One service, as the daemon wrote it, defaults filled in.
    pub(crate) async fn service_text(&self, reference: &str) -> Result<String> {
        self.get_text(&format!("/services/{}", segment(reference)), &[("insertDefaults", "true")])
            .await
    }

    /// Makes a service.
    pub(crate) async fn service_create(&self, spec: &ServiceSpec) -> Result<ServiceCreateResponse> {
        self.post("/services/create", &[], spec).await
    }

    /// Replaces the spec of a service by that in `service`. Returns what deserves attention.
    pub(crate) async fn service_update(&self, service: &Service) -> Result<Vec<String>> {
        let query = [("registryAuthFrom", "spec"), ("version", &*service.version.to_string())];
        let path = format!("/services/{}/update", service.id);
        let response: UpdateResponse = self.post(&path, &query, &service.spec).await?;
        Ok(response.warnings.unwrap_or_default())
    }

    /// Removes a service.
    pub(crate) async fn service_remove(&self, reference: &str) -> Result<()> {
        self.delete(&format!("/services/{}", segment(reference)), &[]).await
    }

    /// The tasks that meet the filters.
    pub(crate) async fn tasks(&self, filters: &Filters) -> Result<Vec<Task>> {
        self.list("/tasks", filters).await
    }
}
