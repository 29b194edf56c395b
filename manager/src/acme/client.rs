//! A real ACME server, asked over HTTPS.
//!
//! What is asked, and signed, is for the client library to say; here is how it is reached, and what its errors mean to the cluster.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use http_body_util::Limited;
use instant_acme::Account;
use instant_acme::AccountCredentials;
use instant_acme::AuthorizationStatus;
use instant_acme::BodyWrapper;
use instant_acme::BytesResponse;
use instant_acme::ChallengeType;
use instant_acme::Error;
use instant_acme::HttpClient;
use instant_acme::Identifier;
use instant_acme::NewAccount;
use instant_acme::NewOrder;
use instant_acme::Order;
use instant_acme::OrderStatus;
use instant_acme::Problem;
use instant_acme::RetryPolicy;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::KeyPair;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use swarmlite_proto::error::chain;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::spec::AcmeConfig;

use super::server::AcmeError;
use super::server::AcmeServer;
use super::server::Asked;
use super::server::Placed;

/// How long a server may take for one answer.
const ANSWER: Duration = Duration::from_secs(30);

/// The longest answer that is taken, in bytes. Directories, orders and chains of certificates have a few thousand.
const MAX_ANSWER: usize = 1 << 20;

/// How long a server may take to look at a host, or to sign, before it is asked again later.
const DECISION: Duration = Duration::from_secs(120);

/// The problem of an account that the server does not know (RFC 8555, 6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// The problem of a nonce that the server does not take (RFC 8555, 6.5).
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// Asks ACME servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client;

#[async_trait]
impl AcmeServer for Client {
    async fn register(&self, config: &AcmeConfig) -> Result<String, AcmeError> {
        let contact = format!("mailto:{}", config.email);
        let contact = [contact.as_str()];
        let wanted = NewAccount {
            contact: if config.email.is_empty() { &[] } else { &contact },
            terms_of_service_agreed: config.terms_accepted,
            only_return_existing: false,
        };
        let directory = config.directory().to_owned();
        let made = Account::builder_with_http(Box::new(Https::new(config)?));
        let made = made.create(&wanted, directory, None).await;
        let (_, credentials) = made.map_err(|error| meaning(config, error))?;
        serde_json::to_string(&credentials).map_err(|error| AcmeError::Refused(error.to_string()))
    }

    async fn order(
        &self,
        asked: Asked<'_>,
        host: &str,
        kinds: &[AcmeChallengeKind],
    ) -> Result<Placed, AcmeError> {
        let account = account(asked).await?;
        let placed = place(&account, host, kinds).await;
        placed.map_err(|error| meaning(asked.config, error))
    }

    async fn proceed(
        &self,
        asked: Asked<'_>,
        host: &str,
        order: &AcmeOrder,
    ) -> Result<String, AcmeError> {
        let account = account(asked).await?;
        let issued = finish(&account, host, order).await;
        issued.map_err(|error| meaning(asked.config, error))
    }
}

/// The account, as the server knows it.
async fn account(asked: Asked<'_>) -> Result<Account, AcmeError> {
    let credentials: AccountCredentials = serde_json::from_str(asked.credentials)
        .map_err(|error| AcmeError::NoAccount(error.to_string()))?;
    let account = Account::builder_with_http(Box::new(Https::new(asked.config)?));
    let account = account.from_credentials(credentials).await;
    account.map_err(|error| meaning(asked.config, error))
}

async fn place(
    account: &Account,
    host: &str,
    kinds: &[AcmeChallengeKind],
) -> Result<Placed, Error> {
    let identifiers = [Identifier::Dns(host.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut challenge = None;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let offered = |kind: &&AcmeChallengeKind| {
            authorization.challenges.iter().any(|it| it.r#type == name(**kind))
        };
        let kind =
            *kinds.iter().find(offered).ok_or(Error::Unsupported("HTTP-01 or TLS-ALPN-01"))?;
        let handle = authorization.challenge(name(kind)).ok_or(Error::Str("no challenge"))?;
        let answer = handle.key_authorization().as_str().to_owned();
        challenge = Some(AcmeChallenge { kind, token: handle.token.clone(), answer });
    }
    Ok(Placed { url: order.url().to_owned(), challenge })
}

async fn finish(account: &Account, host: &str, placed: &AcmeOrder) -> Result<String, Error> {
    let mut order = account.order(placed.url.clone()).await?;
    let policy = RetryPolicy::new().timeout(DECISION);
    if order.state().status == OrderStatus::Pending {
        have_looked_at(&mut order, placed).await?;
        order.poll_ready(&policy).await?;
    }
    match order.state().status {
        OrderStatus::Ready => order.finalize_csr(&request(host, &placed.key)?).await?,
        OrderStatus::Pending | OrderStatus::Invalid => return Err(why_invalid(&mut order).await),
        OrderStatus::Processing | OrderStatus::Valid => {}
    }
    order.poll_certificate(&policy).await
}

/// Has the server ask for what it was promised, unless it has done so.
async fn have_looked_at(order: &mut Order, placed: &AcmeOrder) -> Result<(), Error> {
    let Some(challenge) = &placed.challenge else { return Ok(()) };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let handle = authorization.challenge(name(challenge.kind));
        let mut handle = handle.ok_or(Error::Str("the challenge is gone"))?;
        if handle.status == instant_acme::ChallengeStatus::Pending {
            handle.set_ready().await?;
        }
    }
    Ok(())
}

/// Why the server does not believe that the host is ours.
async fn why_invalid(order: &mut Order) -> Error {
    if let Some(problem) = order.state().error.clone() {
        return problem.into();
    }
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        // What was known of it may be from before the server looked.
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|it| it.error.clone()) {
            return problem.into();
        }
    }
    Error::Str("the server has given the order up without a reason")
}

/// The request for the certificate (RFC 2986): for the host, by whoever has the key.
fn request(host: &str, key: &str) -> Result<Vec<u8>, Error> {
    let other = |error: rcgen::Error| Error::Other(Box::new(error));
    let key = KeyPair::from_pem(key).map_err(other)?;
    let mut params = CertificateParams::new([host.to_owned()]).map_err(other)?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&key).map_err(other)?.der().to_vec())
}

const fn name(kind: AcmeChallengeKind) -> ChallengeType {
    match kind {
        AcmeChallengeKind::Http01 => ChallengeType::Http01,
        AcmeChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

/// What an error of the library means.
fn meaning(config: &AcmeConfig, error: Error) -> AcmeError {
    let unreachable = |why: String| {
        let directory = config.directory().to_owned();
        AcmeError::Unreachable { directory, why }
    };
    match error {
        Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
            AcmeError::NoAccount(text(&problem))
        }
        // The server itself is in trouble, or has taken no nonce as often as the library tries. Neither is about what was ordered.
        Error::Api(problem) if is_for_now(&problem) => unreachable(text(&problem)),
        Error::Api(problem) => AcmeError::Refused(text(&problem)),
        Error::Timeout(_) => AcmeError::Slow,
        // No ACME server answers with what is no JSON.
        error @ (Error::Other(_) | Error::Http(_) | Error::Json(_)) => unreachable(chain(&error)),
        error => AcmeError::Refused(error.to_string()),
    }
}

fn is_for_now(problem: &Problem) -> bool {
    problem.r#type.as_deref() == Some(BAD_NONCE) || problem.status.is_some_and(|it| it >= 500)
}

/// What the server says, without the parts that only programs read.
fn text(problem: &Problem) -> String {
    let said = problem.detail.clone().or_else(|| problem.r#type.clone());
    let parts = problem.subproblems.iter().filter_map(|part| part.detail.clone());
    let all: Vec<String> = said.into_iter().chain(parts).collect();
    if all.is_empty() { "the server says no, without a reason".to_owned() } else { all.join("; ") }
}

/// How servers are reached: with the authorities that the settings of the cluster say, which the library itself cannot be told.
struct Https(reqwest::Client);

impl Https {
    fn new(config: &AcmeConfig) -> Result<Self, AcmeError> {
        let failed =
            |why: String| AcmeError::Unreachable { directory: config.directory().to_owned(), why };
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(authorities(&config.ca).map_err(failed)?)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .timeout(ANSWER)
            .build();
        client.map(Self).map_err(|error| failed(chain(&error)))
    }
}

/// The authorities that may vouch for the server: those in `pem`, or those that this machine trusts if there are none.
fn authorities(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if pem.is_empty() {
        let found = rustls_native_certs::load_native_certs();
        let (added, _unusable) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err("this machine trusts no authority: install ca-certificates".to_owned());
        }
        return Ok(roots);
    }
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|why| format!("cannot read the CA: {why}"))?;
        roots.add(certificate).map_err(|why| format!("cannot use the CA: {why}"))?;
    }
    Ok(roots)
}

/// An answer that cannot take all memory.
fn limited(answer: axum::http::Response<reqwest::Body>) -> BytesResponse {
    answer.map(|body| Limited::new(body, MAX_ANSWER)).into()
}

impl HttpClient for Https {
    fn request(
        &self,
        request: axum::http::Request<BodyWrapper<axum::body::Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap_or_else(|never| match never {}).to_bytes();
            let request = axum::http::Request::from_parts(head, body);
            let other = |error: reqwest::Error| Error::Other(Box::new(error));
            let request = reqwest::Request::try_from(request).map_err(other)?;
            let answer = client.execute(request).await.map_err(other)?;
            Ok(limited(answer.into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_not_taken() {
        for (length, is_taken) in [(MAX_ANSWER, true), (MAX_ANSWER + 1, false)] {
            let answer = axum::http::Response::new(reqwest::Body::from(vec![b'a'; length]));
            let read = limited(answer).body.into_bytes().await;
            assert_eq!(read.is_ok(), is_taken, "{length} bytes");
        }
    }
}
