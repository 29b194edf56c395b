//! HTTP routing: which requests a service answers, and how they reach its tasks.
//!
//! Not in Docker's API. Every node answers for every service, once the cluster says on which ports ([`HttpConfig`]).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::HttpRate;
use super::Sticky;
use super::is_default;
use crate::time::Nanoseconds;

/// The ports on which every node answers HTTP. Without any, which is the default, no node does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpConfig {
    /// Without TLS; 0: nobody answers without.
    pub port: u16,
    /// With TLS; 0: nobody answers with it.
    #[serde(rename = "TLSPort")]
    pub tls_port: u16,
}

impl HttpConfig {
    /// The ports that browsers ask when nobody says (RFC 9110, 4.2).
    pub const STANDARD: Self = Self { port: 80, tls_port: 443 };

    /// The ports that are answered on.
    pub fn ports(self) -> impl Iterator<Item = u16> {
        [self.port, self.tls_port].into_iter().filter(|port| *port != 0)
    }

    /// Whether anybody answers at all.
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.port != 0 || self.tls_port != 0
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
    /// How many requests each client may make, on each node. Absent: as many as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<HttpRate>,
    /// The certificate that the host is served with on the port with TLS. Absent: another rule for this host says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateReference>,
    /// The authorities that have to have signed the certificate which a client shows for the host. Absent: another rule for this host says.
    #[serde(rename = "ClientCA", skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<CertificateReference>,
    /// Whether the certificate of the host is got by ACME, and so is in no secret that somebody names.
    #[serde(rename = "ACME", skip_serializing_if = "is_default")]
    pub acme: bool,
    /// Whether who asks without TLS is sent to the port with TLS.
    #[serde(skip_serializing_if = "is_default")]
    pub https_only: bool,
    /// For how long browsers are to ask for this host only with TLS (RFC 6797). Absent: they are not told.
    #[serde(rename = "HSTS", skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Nanoseconds>,
}

/// What a rule asks of a request. Rules of two services that ask for the same share its requests, or are refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HttpMatch {
    /// [`HttpRoute::host`].
    pub host: String,
    /// [`HttpRoute::path`].
    pub path: String,
    /// [`HttpRoute::methods`].
    pub methods: Vec<String>,
    /// [`HttpRoute::headers`].
    pub headers: BTreeMap<String, String>,
}

impl HttpRoute {
    /// What it asks of a request.
    #[must_use]
    pub fn asked(&self) -> HttpMatch {
        let Self { host, path, methods, headers, .. } = self;
        HttpMatch {
            host: host.clone(),
            path: path.clone(),
            methods: methods.clone(),
            headers: headers.clone(),
        }
    }

    /// The same rule in the one form in which rules are kept and compared: hosts and names of headers in lower case, methods in upper case and
    /// in order, a path that begins with a slash and does not end with one.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.host = self.host.to_ascii_lowercase();
        let end = self.path.trim_end_matches('/').len();
        self.path.truncate(end);
        if self.path.is_empty() {
            self.path.push('/');
        }
        self.methods = self.methods.iter().map(|method| method.to_ascii_uppercase()).collect();
        self.methods.sort_unstable();
        self.methods.dedup();
        self.rate = self.rate.map(HttpRate::canonical);
        let headers = std::mem::take(&mut self.headers);
        self.headers =
            headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        self
    }
}

impl fmt::Display for HttpMatch {
    /// `shop.example.com/cart`, with the methods and headers in brackets behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.path)?;
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let further: Vec<String> = self.methods.iter().cloned().chain(headers).collect();
        if further.is_empty() { Ok(()) } else { write!(f, " ({})", further.join(", ")) }
    }
}

/// A secret that holds PEM: a chain of certificates, the host's own first, and its private key, one after the other; or the certificates of authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct CertificateReference {
    /// The secret. Empty: the one that has the name.
    #[serde(rename = "SecretID", skip_serializing_if = "String::is_empty")]
    pub secret_id: String,
    /// Its name.
    pub secret_name: String,
}
