//! `/secrets` and `/configs`. Which of the two is said by the kind of the ids.

use swarmlite_proto::api::Document;
use swarmlite_proto::api::DocumentCreateResponse;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::spec::DocumentSpec;

use super::Client;
use super::segment;
use crate::error::Result;
use crate::value::filter::Filters;

impl Client {
    /// The secrets or configs that meet the filters.
    pub(crate) async fn documents<K: Kind>(
        &self,
        filters: &Filters,
    ) -> Result<Vec<Document<Id<K>>>> {
        self.list(&format!("/{}s", K::NAME), filters).await
    }

    /// One secret or config, by name or id.
    pub(crate) async fn document<K: Kind>(&self, reference: &str) -> Result<Document<Id<K>>> {
        self.get(&path::<K>(reference), &[]).await
    }

    /// One secret or config, as the daemon wrote it.
    pub(crate) async fn document_text<K: Kind>(&self, reference: &str) -> Result<String> {
        self.get_text(&path::<K>(reference), &[]).await
    }

    /// Makes a secret or a config.
    pub(crate) async fn document_create<K: Kind>(&self, spec: &DocumentSpec) -> Result<Id<K>> {
        let path = format!("/{}s/create", K::NAME);
        let created: DocumentCreateResponse<Id<K>> = self.post(&path, &[], spec).await?;
        Ok(created.id)
    }

    /// Replaces the spec of a secret or config by that in `document`, unless somebody else has written it since it was read.
    pub(crate) async fn document_update<K: Kind>(&self, document: &Document<Id<K>>) -> Result<()> {
        let path = format!("{}/update", path::<K>(document.id.as_str()));
        self.post_only(&path, &[("version", &*document.version.to_string())], &document.spec).await
    }

    /// Removes a secret or a config.
    pub(crate) async fn document_remove<K: Kind>(&self, reference: &str) -> Result<()> {
        self.delete(&path::<K>(reference), &[]).await
    }
}

fn path<K: Kind>(reference: &str) -> String {
    format!("/{}s/{}", K::NAME, segment(reference))
}
