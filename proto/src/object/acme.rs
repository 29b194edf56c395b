//! What the cluster has with an ACME server (RFC 8555): its account, and for each host what was ordered and what was got.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use super::Meta;
use crate::id::SecretId;
use crate::time::Timestamp;

/// The account of the cluster. There is one at most.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeAccount {
    /// Version and times.
    pub meta: Meta,
    /// The directory of the server that it is with.
    pub directory: String,
    /// Its URL and its key, as the client of the server writes them. Absent until there is one. Never printed.
    pub credentials: Option<String>,
    /// Why there is none yet.
    pub failure: Option<AcmeFailure>,
}

impl fmt::Debug for AcmeAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AcmeAccount");
        shown.field("meta", &self.meta).field("directory", &self.directory);
        shown.field("failure", &self.failure).finish_non_exhaustive()
    }
}

/// A host that has a certificate by ACME, or is to have one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeHost {
    /// The host, in lower case.
    pub host: String,
    /// Version and times.
    pub meta: Meta,
    /// What it is served with. Absent until the first order is done.
    pub certificate: Option<AcmeCertificate>,
    /// What is ordered.
    pub order: Option<AcmeOrder>,
    /// What went wrong since the last certificate.
    pub failure: Option<AcmeFailure>,
}

/// A certificate that was got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeCertificate {
    /// The secret with the chain and the key.
    pub secret_id: SecretId,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

/// An order of a certificate (RFC 8555, 7.4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeOrder {
    /// The directory of the server that has it.
    pub directory: String,
    /// Where it is there.
    pub url: String,
    /// The private key of the certificate that is to be, PEM. Never printed.
    pub key: String,
    /// How the server is shown that the host is ours. Absent: it believes so already.
    pub challenge: Option<AcmeChallenge>,
    /// Whether the nodes were waited for that have to answer it.
    pub told: bool,
}

impl fmt::Debug for AcmeOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AcmeOrder");
        shown.field("url", &self.url).field("challenge", &self.challenge);
        shown.field("told", &self.told).finish_non_exhaustive()
    }
}

/// What the server asks, and what it is answered. Not secret: the server sends its question to whoever has the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeChallenge {
    /// How it asks.
    pub kind: AcmeChallengeKind,
    /// What it asks for.
    pub token: String,
    /// The key authorization (RFC 8555, 8.1).
    pub answer: String,
}

/// How the server asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcmeChallengeKind {
    /// On port 80, for a path (RFC 8555, 8.3).
    Http01,
    /// On port 443, for a certificate (RFC 8737).
    TlsAlpn01,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeFailure {
    /// What, in a sentence.
    pub reason: String,
    /// How often in a row.
    pub attempts: u32,
    /// When it is tried again.
    pub retry_at: Timestamp,
}
