//! `/services` and `/tasks`.

use reqwest::Method;
use reqwest::RequestBuilder;
use serde::Deserialize;
use swarmlite_proto::api::Service;
use swarmlite_proto::api::ServiceCreateResponse;
use swarmlite_proto::api::Task;
use swarmlite_proto::registry;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::ServiceSpec;

use super::Client;
use super::Distribution;
use super::gone;
use super::segment;
use crate::error::Error;
use crate::error::Result;
use crate::value::filter::Filters;

/// The answer to an update.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateResponse {
    warnings: Option<Vec<String>>,
}

/// Sends credentials for a registry along.
fn with_auth(request: RequestBuilder, auth: Option<&RegistryAuth>) -> RequestBuilder {
    match auth {
        Some(auth) => request.header(registry::HEADER, auth.to_header()),
        None => request,
    }
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

    /// Makes a service, whose image nodes fetch with `auth`.
    pub(crate) async fn service_create(
        &self,
        spec: &ServiceSpec,
        auth: Option<&RegistryAuth>,
    ) -> Result<ServiceCreateResponse> {
        let request = with_auth(self.request(Method::POST, "/services/create"), auth).json(spec);
        let response = self.send(request).await?;
        self.read("POST /services/create", response).await
    }

    /// Changes the spec of a service, by name or id, whatever else changes it meanwhile. Nodes fetch its image with `auth`, or else with
    /// what they had. Returns what deserves attention.
    pub(crate) async fn service_change(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
        change: impl Fn(&mut ServiceSpec) -> Result<()>,
    ) -> Result<Vec<String>> {
        let once = async || {
            let mut service = self.service(reference).await?;
            change(&mut service.spec)?;
            self.service_update(&service, &[("registryAuthFrom", "spec")], auth).await
        };
        self.retry(once).await
    }

    /// What the registry of `image` says about it, asked by the node's engine; `None` if that cannot be found out.
    pub(crate) async fn distribution(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<Option<Distribution>> {
        // The name of an image is several segments of a path, as Docker has it.
        let path = format!("/distribution/{image}/json");
        match self.send(with_auth(self.request(Method::GET, &path), auth)).await {
            Ok(response) => self.read(&format!("GET {path}"), response).await.map(Some),
            Err(Error::Daemon { .. }) => Ok(None),
            Err(error) => Err(error),
        }
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
            self.service_update(service, &[("rollback", "previous")], None).await
        };
        self.retry(once).await
    }

    /// Replaces the spec of a service by that in `service`, unless somebody else has written the service since it was read. Returns
    /// what deserves attention.
    pub(crate) async fn service_update(
        &self,
        service: &Service,
        options: &[(&str, &str)],
        auth: Option<&RegistryAuth>,
    ) -> Result<Vec<String>> {
        let version = service.version.to_string();
        let query = [&[("version", &*version)], options].concat();
        let path = format!("/services/{}/update", service.id);
        let request = with_auth(self.request(Method::POST, &path), auth);
        let response = self.send(request.query(&query).json(&service.spec)).await?;
        let response: UpdateResponse = self.read(&format!("POST {path}"), response).await?;
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
