//! What becomes of the state by what an ACME server has said. Pure: time and randomness are arguments.

use std::fmt;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use swarmlite_proto::backoff::doubled;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::object::AcmeAccount;
use swarmlite_proto::object::AcmeCertificate;
use swarmlite_proto::object::AcmeFailure;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::object::Secret;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proxy::Certificate;
use x509_parser::pem::parse_x509_pem;

use super::plan::Call;
use super::server::AcmeError;
use super::server::Placed;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;

/// What secrets with certificates by ACME are labelled with: their host.
const LABEL: &str = "swarmlite.acme.host";

/// Letters of a host in the name of its secret, of which there are 64 at most (moby `api/types/swarm/secret.go`).
const MAX_HOST: usize = 48;

/// How long to wait after a server could not be asked, or not in the name of this account, at first and at most.
const UNREACHABLE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60 * 60));

/// How long to wait after it has said no. Let's Encrypt takes five failures an hour for each host (<https://letsencrypt.org/docs/rate-limits/>).
const REFUSED: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(12 * 60 * 60));

/// How often an order is gone on with that nothing becomes of: a server may have lost it and not say so in a way that can be read.
const ATTEMPTS: u32 = 8;

/// What a server has given.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// An account: its credentials.
    Account(String),
    /// An order, with the private key for the certificate that is to be, PEM.
    Placed(Placed, String),
    /// A certificate: its chain, PEM.
    Issued(String),
}

impl fmt::Debug for Answer {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(_) => f.write_str("Account"),
            Self::Placed(placed, _) => {
                f.debug_tuple("Placed").field(placed).finish_non_exhaustive()
            }
            Self::Issued(chain) => f.debug_tuple("Issued").field(chain).finish(),
        }
    }
}

/// The changes after `call` has had this outcome. None if it is of no use any more: what it was about has changed meanwhile.
pub(super) fn changes(
    state: &State,
    call: &Call,
    outcome: Result<Answer, AcmeError>,
    now: Timestamp,
    rng: &mut StdRng,
) -> Vec<Op> {
    match call {
        Call::Register => account(state, outcome, now, rng),
        Call::Order { host, .. } => {
            let old = state.acme_hosts().get(host).map(|host| AcmeHost::clone(host));
            let old = old.unwrap_or_else(|| AcmeHost { host: host.clone(), ..AcmeHost::default() });
            // A new leader may have ordered as well.
            let is_ours = |order: &AcmeOrder| Some(&order.directory) == directory(state).as_ref();
            if old.order.as_ref().is_some_and(is_ours) {
                return Vec::new();
            }
            ordered(state, old, outcome, now, rng)
        }
        Call::Proceed { host, order } => {
            let old = state.acme_hosts().get(host).map(|host| AcmeHost::clone(host));
            match old.filter(|it| it.order.as_ref().is_some_and(|it| it.url == order.url)) {
                Some(old) => proceeded(state, old, order, outcome, now, rng),
                None => Vec::new(),
            }
        }
    }
}

/// The directory of the server that is asked at present.
fn directory(state: &State) -> Option<String> {
    state.acme_config().map(|config| config.directory().to_owned())
}

fn account(
    state: &State,
    outcome: Result<Answer, AcmeError>,
    now: Timestamp,
    rng: &mut StdRng,
) -> Vec<Op> {
    let Some(directory) = directory(state) else { return Vec::new() };
    let old = state.acme_account().map(|old| AcmeAccount::clone(old)).unwrap_or_default();
    let before = old.failure.as_ref().filter(|_| old.directory == directory);
    let (credentials, failure) = match outcome {
        Ok(Answer::Account(credentials)) => (Some(credentials), None),
        Ok(_) => return Vec::new(),
        Err(error) => (None, Some(failure(before, &error, now, rng))),
    };
    let account = AcmeAccount { meta: old.meta, directory, credentials, failure };
    vec![Op::PutAcmeAccount(Box::new(account))]
}

fn ordered(
    state: &State,
    old: AcmeHost,
    outcome: Result<Answer, AcmeError>,
    now: Timestamp,
    rng: &mut StdRng,
) -> Vec<Op> {
    let Some(directory) = directory(state) else { return Vec::new() };
    match outcome {
        Ok(Answer::Placed(Placed { url, challenge }, key)) => {
            let order = AcmeOrder { directory, url, key, challenge, told: false };
            vec![Op::PutAcmeHost(Box::new(AcmeHost { order: Some(order), ..old }))]
        }
        Ok(_) => Vec::new(),
        Err(error) => failed(state, old, &error, now, rng),
    }
}

fn proceeded(
    state: &State,
    old: AcmeHost,
    order: &AcmeOrder,
    outcome: Result<Answer, AcmeError>,
    now: Timestamp,
    rng: &mut StdRng,
) -> Vec<Op> {
    let chain = match outcome {
        Ok(Answer::Issued(chain)) => chain,
        Ok(_) => return Vec::new(),
        Err(error) => return failed(state, old, &error, now, rng),
    };
    let pem = format!("{}\n{}", chain.trim_end(), order.key);
    let read = Certificate::from_pem(pem.as_bytes()).map_err(|why| why.to_string());
    let (not_before, not_after) = match read.and_then(|_usable| validity(&chain)) {
        Ok(validity) => validity,
        Err(why) => {
            let error = AcmeError::Refused(format!("what the server gave is of no use: {why}"));
            return failed(state, old, &error, now, rng);
        }
    };
    let secret_id = SecretId::random(rng);
    let secret = secret(&old.host, secret_id.clone(), pem);
    let certificate = Some(AcmeCertificate { secret_id, not_before, not_after });
    // The old secret may go once nothing means it any more.
    let gone = state.without_acme_secret(&old);
    let host = AcmeHost { certificate, order: None, failure: None, ..old };
    let ops = [Op::PutSecret(Box::new(secret)), Op::PutAcmeHost(Box::new(host))];
    ops.into_iter().chain(gone).collect()
}

fn secret(host: &str, id: SecretId, pem: String) -> Secret {
    let beginning: String = host.chars().take(MAX_HOST).collect();
    let end: String = id.as_str().chars().take(8).collect();
    let name = format!("acme.{beginning}.{end}");
    let labels = [(LABEL.to_owned(), host.to_owned())].into();
    let data = Data::from(pem.into_bytes());
    let spec = DocumentSpec { name, labels, data, ..DocumentSpec::default() };
    Secret { id, meta: Default::default(), spec }
}

/// From when until when the first certificate of a chain is valid.
fn validity(chain: &str) -> Result<(Timestamp, Timestamp), String> {
    let (_, pem) = parse_x509_pem(chain.as_bytes()).map_err(|why| why.to_string())?;
    let certificate = pem.parse_x509().map_err(|why| why.to_string())?;
    let validity = certificate.validity();
    let at = |seconds| Timestamp::from_unix(seconds, 0).ok_or("its times are none");
    Ok((at(validity.not_before.timestamp())?, at(validity.not_after.timestamp())?))
}

fn failed(
    state: &State,
    old: AcmeHost,
    error: &AcmeError,
    now: Timestamp,
    rng: &mut StdRng,
) -> Vec<Op> {
    let failure = failure(old.failure.as_ref(), error, now, rng);
    let is_kept = matches!(error, AcmeError::Unreachable { .. } | AcmeError::Slow)
        && failure.attempts < ATTEMPTS;
    let failure = Some(failure);
    let order = old.order.clone().filter(|_| is_kept);
    let order = order.map(|order| AcmeOrder { told: true, ..order });
    let mut ops = vec![Op::PutAcmeHost(Box::new(AcmeHost { order, failure, ..old }))];
    if let (AcmeError::NoAccount(_), Some(account)) = (error, state.acme_account()) {
        ops.push(Op::Remove(ObjectRef::AcmeAccount, account.meta.version));
    }
    ops
}

/// The failure after `before`: it is tried again later each time, and not together with others that failed together.
fn failure(
    before: Option<&AcmeFailure>,
    error: &AcmeError,
    now: Timestamp,
    rng: &mut StdRng,
) -> AcmeFailure {
    let doublings = before.map_or(0, |before| before.attempts);
    let (first, longest) = match error {
        // Another account costs little, and nothing has failed about the host.
        AcmeError::Unreachable { .. } | AcmeError::Slow | AcmeError::NoAccount(_) => UNREACHABLE,
        AcmeError::Refused(_) => REFUSED,
    };
    let pause = doubled(first, doublings, longest);
    let jitter = pause.mul_f64(rng.random::<f64>() / 4.0);
    let (attempts, reason) = (doublings.saturating_add(1), error.to_string());
    AcmeFailure { reason, attempts, retry_at: now + pause + jitter }
}
