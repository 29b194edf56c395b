//! Certificates by ACME (RFC 8555): whom the cluster asks for them.
//!
//! Not in Docker's API. Which hosts need one is for the rules of HTTP routing to say ([`super::HttpRoute::acme`]).

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_default;

/// Whom the cluster asks for certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct AcmeConfig {
    /// The URL of the server's directory. Empty: that of Let's Encrypt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub directory: String,
    /// Where the server's people write to. Empty: nowhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The only authorities that may vouch for the server itself, PEM. Empty: those that the machines trust.
    #[serde(rename = "CA", skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// Whether the terms of service of the server are agreed to. Without that it is asked for nothing.
    #[serde(skip_serializing_if = "is_default")]
    pub terms_accepted: bool,
}

impl AcmeConfig {
    /// The directory that is asked when nobody says (<https://letsencrypt.org/docs/acme-protocol-updates/>).
    pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

    /// The URL of the server's directory.
    #[must_use]
    pub fn directory(&self) -> &str {
        if self.directory.is_empty() { Self::LETS_ENCRYPT } else { &self.directory }
    }
}
