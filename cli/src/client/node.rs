//! `/nodes`.

use swarmlite_proto::api::Node;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::version::Version;

use super::Client;
use super::gone;
use super::segment;
use crate::error::Result;
use crate::value::filter::Filters;

impl Client {
    /// The nodes that meet the filters.
    pub(crate) async fn nodes(&self, filters: &Filters) -> Result<Vec<Node>> {
        self.list("/nodes", filters).await
    }

    /// One node, by name or id.
    pub(crate) async fn node(&self, reference: &str) -> Result<Node> {
        self.get(&format!("/nodes/{}", segment(reference)), &[]).await
    }

    /// The name of a node, by its id: that of its spec, or else of its host; `None` if it is gone.
    pub(crate) async fn node_name(&self, id: &str) -> Result<Option<String>> {
        let name = self.node(id).await.map(|node| match node.spec.name {
            name if name.is_empty() => node.description.hostname,
            name => name,
        });
        name.map(Some).or_else(gone)
    }

    /// One node, as the daemon wrote it.
    pub(crate) async fn node_text(&self, reference: &str) -> Result<String> {
        self.get_text(&format!("/nodes/{}", segment(reference)), &[]).await
    }

    /// Changes the spec of a node, by name or id, whatever else changes it meanwhile. Returns the node as it was, and writes nothing if
    /// `change` changes nothing.
    pub(crate) async fn node_change(
        &self,
        reference: &str,
        change: impl Fn(&mut NodeSpec) -> Result<()>,
    ) -> Result<Node> {
        let once = async || {
            let node = self.node(reference).await?;
            let mut spec = node.spec.clone();
            change(&mut spec)?;
            if spec != node.spec {
                self.node_update(&node.id, node.version, &spec).await?;
            }
            Ok(node)
        };
        self.retry(once).await
    }

    /// Replaces the spec of a node that was read at `version`.
    async fn node_update(&self, id: &NodeId, version: Version, spec: &NodeSpec) -> Result<()> {
        let query = [("version", &*version.to_string())];
        self.post_only(&format!("/nodes/{id}/update"), &query, spec).await
    }

    /// Removes a node from the swarm.
    pub(crate) async fn node_remove(&self, reference: &str, force: bool) -> Result<()> {
        let query: &[_] = if force { &[("force", "1")] } else { &[] };
        self.delete(&format!("/nodes/{}", segment(reference)), query).await
    }
}
