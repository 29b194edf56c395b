//! Asks servers that speak cfssl's protocol (<https://github.com/cloudflare/cfssl/blob/master/doc/api/endpoint_sign.txt>), in the name of the manager.

use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::ExternalCa;
use swarmlite_rpc::tls;

use super::external::ExternalSigner;
use super::external::SignRequest;

/// How long a server may take (swarmkit `ca/external.go`).
const ANSWER: Duration = Duration::from_secs(5);

/// The longest answer, in bytes (swarmkit `ca/external.go`, `CertificateMaxSize`).
const LONGEST: usize = 64 << 10;

/// Asks servers, and shows them the certificate of this manager if they want one.
#[derive(Debug)]
pub struct Cfssl {
    identity: RwLock<Option<Identity>>,
}

impl Cfssl {
    /// In the name of `identity`, if there is one yet.
    #[must_use]
    pub const fn new(identity: Option<Identity>) -> Self {
        Self { identity: RwLock::new(identity) }
    }

    /// Shows `identity` from now on.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    async fn ask(
        &self,
        server: &ExternalCa,
        trust: &str,
        request: &SignRequest,
    ) -> Result<String, String> {
        let answer = self.client(trust)?.post(&server.url).json(request).send();
        let answer = answer.await.map_err(|error| chain(&error))?;
        let status = answer.status();
        let body = read(answer).await?;
        let said: Answer = serde_json::from_slice(&body)
            .map_err(|error| format!("it answers with {status}, and no JSON of cfssl: {error}"))?;
        match said.result {
            Some(signed) if said.success => Ok(signed.certificate),
            _ => Err(said.refusal(status)),
        }
    }

    fn client(&self, trust: &str) -> Result<reqwest::Client, String> {
        let identity = self.identity.read().unwrap_or_else(PoisonError::into_inner);
        let config =
            tls::visiting_config(identity.as_ref(), trust).map_err(|error| chain(&error))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER)
            .build();
        client.map_err(|error| chain(&error))
    }
}

impl ExternalSigner for Cfssl {
    fn sign<'a>(
        &'a self,
        server: &'a ExternalCa,
        trust: &'a str,
        request: &'a SignRequest,
    ) -> BoxFuture<'a, Result<String, String>> {
        self.ask(server, trust, request).boxed()
    }
}

async fn read(answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let (mut body, mut parts) = (Vec::new(), answer.bytes_stream());
    while let Some(part) = parts.next().await {
        body.extend_from_slice(&part.map_err(|error| chain(&error))?);
        if body.len() > LONGEST {
            return Err(format!("it answers with more than {LONGEST} bytes"));
        }
    }
    Ok(body)
}

/// What a server says (cfssl `api/api.go`, `Response`).
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    success: bool,
    #[serde(default)]
    result: Option<Signed>,
    #[serde(default)]
    errors: Vec<Complaint>,
}

#[derive(Debug, Deserialize)]
struct Signed {
    certificate: String,
}

#[derive(Debug, Deserialize)]
struct Complaint {
    code: i64,
    message: String,
}

impl Answer {
    fn refusal(self, status: reqwest::StatusCode) -> String {
        let said = self.errors.iter().map(|it| format!("{} (code {})", it.message, it.code));
        let said: Vec<String> = said.collect();
        if said.is_empty() { format!("it answers with {status}") } else { said.join("; ") }
    }
}
