//! `/networks`.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use swarmlite_proto::api::NetworkCreateRequest;

use super::Client;
use super::segment;
use crate::error::Result;
use crate::value::filter::Filters;

/// What a client needs of a network, whether it is of the swarm or of the local engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NetworkSummary {
    /// The network.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its driver.
    pub(crate) driver: String,
    /// `swarm` or `local`.
    pub(crate) scope: String,
    /// When it was made.
    pub(crate) created: String,
    /// Whether it has IPv4 addresses. Engines before API 1.48 do not say.
    #[serde(rename = "EnableIPv4")]
    pub(crate) enable_ipv4: bool,
    /// Whether it has IPv6 addresses.
    #[serde(rename = "EnableIPv6")]
    pub(crate) enable_ipv6: bool,
    /// Whether containers reach nothing outside through it.
    pub(crate) internal: bool,
    /// User labels; `null` when an engine has none.
    pub(crate) labels: Option<swarmlite_proto::spec::Labels>,
}

/// The answer to a creation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NetworkCreated {
    /// The new network.
    pub(crate) id: String,
    /// What deserves attention.
    #[serde(default)]
    pub(crate) warning: String,
}

/// The answer to a removal of what is not used.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pruned {
    networks_deleted: Option<Vec<String>>,
}

impl Client {
    /// The networks that meet the filters.
    pub(crate) async fn networks(&self, filters: &Filters) -> Result<Vec<NetworkSummary>> {
        self.list("/networks", filters).await
    }

    /// One network of the swarm, by name or id.
    pub(crate) async fn swarm_network(&self, reference: &str) -> Result<NetworkSummary> {
        self.get(&format!("/networks/{}", segment(reference)), &[("scope", "swarm")]).await
    }

    /// One network, as the daemon wrote it.
    pub(crate) async fn network_text(&self, reference: &str, verbose: bool) -> Result<String> {
        let query: &[_] = if verbose { &[("verbose", "true")] } else { &[] };
        self.get_text(&format!("/networks/{}", segment(reference)), query).await
    }

    /// Makes a network.
    pub(crate) async fn network_create(
        &self,
        request: &NetworkCreateRequest,
    ) -> Result<NetworkCreated> {
        self.post("/networks/create", &[], request).await
    }

    /// Puts a container on a network.
    pub(crate) async fn network_connect(&self, reference: &str, body: &Value) -> Result<()> {
        self.post_only(&format!("/networks/{}/connect", segment(reference)), &[], body).await
    }

    /// Takes a container off a network.
    pub(crate) async fn network_disconnect(&self, reference: &str, body: &Value) -> Result<()> {
        self.post_only(&format!("/networks/{}/disconnect", segment(reference)), &[], body).await
    }

    /// Removes the networks that nothing uses and that meet the filters. Returns their names.
    pub(crate) async fn networks_prune(&self, filters: &Filters) -> Result<Vec<String>> {
        let query = filters.to_query();
        let query: Vec<_> = query.iter().map(|filters| ("filters", filters.as_str())).collect();
        let response =
            self.send(self.request(Method::POST, "/networks/prune").query(&query)).await?;
        let pruned: Pruned = self.read("POST /networks/prune", response).await?;
        Ok(pruned.networks_deleted.unwrap_or_default())
    }

    /// Removes a network.
    pub(crate) async fn network_remove(&self, reference: &str) -> Result<()> {
        self.delete(&format!("/networks/{}", segment(reference)), &[]).await
    }
}
