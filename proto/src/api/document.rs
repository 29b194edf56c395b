//! Secrets and configs.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::spec::DocumentSpec;
use crate::time::Timestamp;
use crate::version::Version;

/// `GET /secrets/{id}` and `GET /configs/{id}`, by the type of the id. Secrets are shown without their content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Document<I> {
    /// The secret or config.
    #[serde(rename = "ID")]
    pub id: I,
    /// The write that last touched it.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What the user asks for.
    pub spec: DocumentSpec,
}

/// The answer to `POST /secrets/create` and `POST /configs/create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentCreateResponse<I> {
    /// The new secret or config.
    #[serde(rename = "ID")]
    pub id: I,
}
