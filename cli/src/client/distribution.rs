//! What the registry says of an image, asked through the node's engine (`GET /distribution/{name}/json`).

use serde::Deserialize;

/// An image as its registry describes it (moby `api/types/registry/registry.go`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Distribution {
    /// The image itself.
    pub(crate) descriptor: Descriptor,
    /// What it is there for.
    #[serde(default)]
    pub(crate) platforms: Option<Vec<DistributionPlatform>>,
}

/// Which bytes an image is.
#[derive(Debug, Deserialize)]
pub(crate) struct Descriptor {
    /// As `sha256:...`.
    pub(crate) digest: String,
}

/// One kind of machine, in the registry's words.
#[derive(Debug, Deserialize)]
pub(crate) struct DistributionPlatform {
    /// As `amd64`.
    #[serde(default)]
    pub(crate) architecture: String,
    /// As `linux`.
    #[serde(default)]
    pub(crate) os: String,
}
