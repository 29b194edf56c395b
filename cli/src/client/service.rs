//! `/services` and `/tasks`.

use serde::Deserialize;
use swarmlite_proto::api::Service;
use swarmlite_proto::api::ServiceCreateResponse;
use swarmlite_proto::api::Task;
use swarmlite_proto::spec::ServiceSpec;

use super::Client;
use super::gone;
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

    /// Changes the spec of a service, by name or id, whatever else changes it meanwhile. Returns what deserves attention.
    pub(crate) async fn service_change(
        &self,
        reference: &str,
        change: impl Fn(&mut ServiceSpec) -> Result<()>,
    ) -> Result<Vec<String>> {
        let once = async || {
            let mut service = self.service(reference).await?;
            change(&mut service.spec)?;
            self.service_update(&service, &[("registryAuthFrom", "spec")]).await
        };
        self.retry(once).await
    }

    /// Gives a service, by name or id, its previous spec back. Returns what deserves attention.
    ///
    /// An updater that notes how far it is writes the service too, and does not get in the way. But should somebody change the
    /// spec meanwhile, its predecessor would be another one than the user has seen, so this is not tried again.
    pub(crate) async fn service_rollback(&self, reference: &str) -> Result<Vec<String>> {
        let seen = self.service(reference).await?;
        let once = async || {
            let service = self.service(reference).await?;
            let service = if service.spec == seen.spec { &service } else { &seen };
            self.service_update(service, &[("rollback", "previous")]).await
        };
        self.retry(once).await
    }

    /// Replaces the spec of a service by that in `service`, unless somebody else has written the service since it was read. Returns
    /// what deserves attention.
    pub(crate) async fn service_update(
        &self,
        service: &Service,
        options: &[(&str, &str)],
    ) -> Result<Vec<String>> {
        let version = service.version.to_string();
        let query = [&[("version", &*version)], options].concat();
        let path = format!("/services/{}/update", service.id);
        let response: UpdateResponse = self.post(&path, &query, &service.spec).await?;
        Ok(response.warnings.unwrap_or_default())
    }

    /// Removes a service.
    pub(crate) async fn service_remove(&self, reference: &str) -> Result<()> {
        self.delete(&format!("/services/{}", segment(reference)), &[]).await
    }

    /// The name of a service, by its id; `None` if it is gone.
    pub(crate) async fn service_name(&self, id: &str) -> Result<Option<String>> {
        let service = self.service(id).await.map(|service| Some(service.spec.name));
        service.or_else(gone)
    }

    /// One task, by its id or the beginning of it.
    pub(crate) async fn task(&self, reference: &str) -> Result<Task> {
        self.get(&format!("/tasks/{}", segment(reference)), &[]).await
    }

    /// The tasks that meet the filters.
    pub(crate) async fn tasks(&self, filters: &Filters) -> Result<Vec<Task>> {
        self.list("/tasks", filters).await
    }
}
