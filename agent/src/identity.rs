//! How a machine becomes a node and stays one: joining with a token, and renewing its certificate.
//!
//! A machine that joins trusts nobody: it fetches the certificate of the authority without checks, compares its digest with
//! the one in the token, and from then on talks only to managers whose certificate that authority has signed.

mod store;
mod token;

use std::net::SocketAddr;
use std::time::Duration;

use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;
pub use store::StoreError;
pub use store::load;
pub(crate) use store::node_id;
pub use store::remove;
pub use store::reseal;
pub use store::save;
pub use store::unseal;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::rpc;
use swarmlite_proto::rpc::JoinClusterRequest;
use swarmlite_proto::rpc::JoinClusterResponse;
use swarmlite_proto::rpc::RenewRequest;
use swarmlite_proto::rpc::RenewResponse;
use swarmlite_proto::spec::Availability;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::TransportError;
use swarmlite_rpc::tls;
use swarmlite_rpc::tls::TlsError;
use token::InvalidToken;
use token::JoinToken;
use tokio::time::Instant;

/// How long a join goes on looking for the leader (Docker's limit for the whole of a join).
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait before asking again when no leader is known.
const LEADER_PAUSE: Duration = Duration::from_millis(300);

/// A machine that has become a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Who it is now.
    pub identity: Identity,
    /// Where managers can be reached.
    pub managers: Vec<SocketAddr>,
}

/// What a machine that joins wants to be.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Whether it gets tasks.
    pub availability: Availability,
    /// Where other nodes will reach it, should it become a manager.
    pub advertise_addr: SocketAddr,
    /// Whether it is to be a witness. Needs the token of managers.
    pub witness: bool,
}

/// A machine could not join, or a node could not renew.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The text is not a token.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// The cluster there is not the one that the token is for.
    #[error("remote CA does not match fingerprint. Expected: {expected}")]
    Fingerprint {
        /// The digest in the token, in hexadecimal.
        expected: String,
    },
    /// The machine at that address does not speak TLS, so it is no manager.
    #[error("{addr} is not a swarm manager: it does not speak TLS")]
    NotTls {
        /// The address.
        addr: SocketAddr,
        /// What TLS says about it.
        source: std::io::Error,
    },
    /// A manager could not be reached or said no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// No key or signing request could be made.
    #[error("cannot make a key")]
    Key(#[from] rcgen::Error),
    /// The certificate that came back cannot be used.
    #[error("cannot use the certificate that the manager issued")]
    Certificate(#[from] TlsError),
    /// The certificate that came back is for somebody else.
    #[error("the certificate that the manager issued is not for this node")]
    Mismatch,
    /// The managers are of a version that knows no witnesses.
    #[error(
        "the managers know no witnesses: upgrade them, and remove this node from the swarm before it joins again"
    )]
    NoWitnesses,
    /// None of the managers led within the time.
    #[error("no manager knows who leads the cluster")]
    NoLeader,
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Call(CallError::Refused(refusal)) => refusal,
            IdentityError::Call(CallError::Unreachable { .. }) | IdentityError::NoLeader => {
                Self::unavailable(chain(&error))
            }
            other => Self::unknown(chain(&other)),
        }
    }
}

/// Joins the cluster of the manager at `remote`.
///
/// # Errors
///
/// See [`IdentityError`]. Nothing is written to disk here.
pub async fn join(remote: SocketAddr, token: &str, wish: Wish) -> Result<Joined, IdentityError> {
    let Wish { availability, advertise_addr, witness } = wish;
    let parsed: JoinToken = token.parse()?;
    let root_ca = fetch_root(remote, &parsed).await?;
    let key = KeyPair::generate()?;
    let request = JoinClusterRequest {
        token: token.to_owned(),
        csr: signing_request(&key)?,
        availability,
        advertise_addr,
        witness,
    };
    let client = Client::with_tls(tls::joining_config(&root_ca)?);
    let answer: JoinClusterResponse =
        call_leader(&client, &[remote], rpc::CA_JOIN, &request).await?;
    if witness && !answer.witness {
        return Err(IdentityError::NoWitnesses);
    }
    let identity = Identity {
        node_id: answer.node_id,
        cluster_id: answer.cluster_id,
        role: answer.role,
        certificate: answer.certificate,
        key: key.serialize_pem(),
        root_ca,
    };
    check(&identity)?;
    Ok(Joined { identity, managers: answer.managers })
}

/// Whether `token` is one of the cluster that the node with `identity` is in.
///
/// # Errors
///
/// When it is no token.
pub fn is_of_cluster(token: &str, identity: &Identity) -> Result<bool, IdentityError> {
    let token: JoinToken = token.parse()?;
    Ok(token.matches(&identity.root_ca))
}

/// Gets a new certificate for `identity`, with the role that the node has by now. The key stays, so that on disk one rename replaces the old identity by the new one.
///
/// # Errors
///
/// See [`IdentityError`].
pub(crate) async fn renew(
    identity: &Identity,
    managers: &[SocketAddr],
) -> Result<Identity, IdentityError> {
    let key = KeyPair::from_pem(&identity.key)?;
    let request = RenewRequest { csr: signing_request(&key)? };
    let client = Client::new(identity)?;
    let answer: RenewResponse = call_leader(&client, managers, rpc::CA_RENEW, &request).await?;
    let renewed =
        Identity { role: answer.role, certificate: answer.certificate, ..identity.clone() };
    check(&renewed)?;
    Ok(renewed)
}

/// The certificate of the authority of the cluster at `remote`, if it is the one that `token` names.
async fn fetch_root(remote: SocketAddr, token: &JoinToken) -> Result<String, IdentityError> {
    let client = Client::with_tls(tls::unverified_config()?);
    let deadline = Instant::now() + JOIN_TIMEOUT;
    let root_ca = loop {
        match client.text(remote, rpc::CA_CERTIFICATE).await {
            Ok(root_ca) => break root_ca,
            Err(CallError::Unreachable { addr, source: TransportError::Tls(source) }) => {
                return Err(IdentityError::NotTls { addr, source });
            }
            Err(error) if is_starting(&error) && Instant::now() < deadline => {
                tokio::time::sleep(LEADER_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    if token.matches(&root_ca) {
        Ok(root_ca)
    } else {
        Err(IdentityError::Fingerprint { expected: token.digest_hex() })
    }
}

/// Calls the leader, beginning with any of `managers` and going where they point.
async fn call_leader<Q, A>(
    client: &Client,
    managers: &[SocketAddr],
    path: &str,
    request: &Q,
) -> Result<A, IdentityError>
where
    Q: serde::Serialize + Sync,
    A: serde::de::DeserializeOwned,
{
    let deadline = Instant::now() + JOIN_TIMEOUT;
    let mut hint = None;
    let mut others = managers.iter().copied().cycle();
    loop {
        let Some(addr) = hint.take().or_else(|| others.next()) else {
            return Err(IdentityError::NoLeader);
        };
        let last = match client.call(addr, path, request).await {
            Ok(answer) => return Ok(answer),
            Err(CallError::NotLeader(leader)) => {
                hint = leader.filter(|leader| *leader != addr);
                IdentityError::NoLeader
            }
            // Another manager may answer; if there is none, say at once what is wrong with this one.
            Err(error @ CallError::Unreachable { .. }) if managers.len() > 1 => error.into(),
            Err(error) if is_starting(&error) => error.into(),
            Err(error) => return Err(error.into()),
        };
        if Instant::now() >= deadline {
            return Err(last);
        }
        if hint.is_none() {
            tokio::time::sleep(LEADER_PAUSE).await;
        }
    }
}

/// Whether the manager that was called only needs a little more time.
fn is_starting(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.is(Reason::Starting))
}

/// A signing request for `key`. It names nobody: the manager decides who the node is.
fn signing_request(key: &KeyPair) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "swarm-node");
    params.serialize_request(key)?.pem()
}

/// Whether the parts of `identity` fit together.
fn check(identity: &Identity) -> Result<(), IdentityError> {
    tls::client_config(identity)?;
    let expected = Peer {
        node_id: identity.node_id.clone(),
        cluster_id: identity.cluster_id.clone(),
        role: identity.role,
    };
    let subject = tls::peer_of_pem(&identity.certificate);
    if subject.is_ok_and(|peer| peer == expected) { Ok(()) } else { Err(IdentityError::Mismatch) }
}

#[cfg(test)]
mod tests;
