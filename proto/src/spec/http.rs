//! HTTP routing: which requests a service answers, and how they reach its tasks.
//!
//! Not in Docker's API. Every node answers for every service, once the cluster says on which ports ([`HttpConfig`]).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sticky;
use super::is_default;
use crate::time::Nanoseconds;

/// The ports on which every node answers HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpConfig {
    /// Without TLS.
    pub port: u16,
    /// With TLS.
    #[serde(rename = "TLSPort")]
    pub tls_port: u16,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { port: 80, tls_port: 443 }
    }
}

/// A rule: requests that match all it asks for go to the tasks of the service that has it.
///
/// Of several rules that match, the one with the more exact host takes the request, then the one with the longest path, then the one that asks for
/// a method, then the one that asks for more headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpRoute {
    /// The host that is asked for, in lower case; `*.example.com` stands for all names below `example.com`, and an empty one for every host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// A path and all below it: `/cart` is asked for by `/cart` and `/cart/1`, and not by `/cartoon`.
    pub path: String,
    /// The methods. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Headers, by their names in lower case, each of which a request has with this value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The port in the containers.
    pub target_port: u16,
    /// The share of the requests, among the rules of several services that ask for the same. Absent: the rule is the only one that asks for this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// What takes the place of the path of the rule in the request that a task gets. Absent: the request keeps its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<String>,
    /// For how long a client comes back to the same task, by a cookie. Absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// For how long a task may be silent: before the first byte of its answer, and between two of them. Absent: a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Nanoseconds>,
    /// The largest body of a request, in bytes. Absent: there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body: Option<u64>,
    /// The certificate that the host is served with on the port with TLS. Absent: another rule for this host says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateReference>,
    /// Whether who asks without TLS is sent to the port with TLS.
    #[serde(skip_serializing_if = "is_default")]
    pub https_only: bool,
    /// For how long browsers are to ask for this host only with TLS (RFC 6797). Absent: they are not told.
    #[serde(rename = "HSTS", skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Nanoseconds>,
}

/// A secret that holds a chain of certificates, the host's own first, and its private key: PEM, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct CertificateReference {
    /// The secret.
    #[serde(rename = "SecretID")]
    pub secret_id: String,
    /// Its name.
    pub secret_name: String,
}
