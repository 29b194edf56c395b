//! The calls that nodes make to get certificates. Works on every manager: what has to be written goes to the leader by itself.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use axum::routing::post;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::rpc::CA_CERTIFICATE;
use swarmlite_proto::rpc::CA_JOIN;
use swarmlite_proto::rpc::CA_RENEW;
use swarmlite_proto::rpc::JoinClusterRequest;
use swarmlite_proto::rpc::JoinClusterResponse;
use swarmlite_proto::rpc::RenewRequest;
use swarmlite_proto::rpc::RenewResponse;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::Caller;
use tokio::sync::Mutex;

use super::Signing;
use super::Subject;
use super::admission;
use crate::message::Packed;
use crate::message::Refusal;
use crate::store::Store;

/// How often an admission is decided anew when another manager was faster with its own. Machines that join through one manager wait
/// for each other, so that this is about managers racing, not machines.
const ATTEMPTS: usize = 16;

/// The calls for everyone: the certificate of the authority, and joining.
pub fn public_routes<S: Store>(store: S, signing: Signing) -> Router {
    let desk = Desk { store, signing, admitting: Arc::default() };
    Router::new()
        .route(CA_CERTIFICATE, get(certificate::<S>))
        .route(CA_JOIN, post(join::<S>))
        .with_state(desk)
}

/// The call for members: renewing their certificates.
pub fn member_routes<S: Store>(store: S, signing: Signing) -> Router {
    let desk = Desk { store, signing, admitting: Arc::default() };
    Router::new().route(CA_RENEW, post(renew::<S>)).with_state(desk)
}

/// Where certificates are asked for. Machines are admitted one after the other, as each takes the lowest free index.
#[derive(Clone)]
struct Desk<S> {
    store: S,
    signing: Signing,
    admitting: Arc<Mutex<()>>,
}

async fn certificate<S: Store>(State(desk): State<Desk<S>>) -> Result<String, Refusal> {
    let state = desk.store.state();
    Ok(admission::cluster(&state)?.root_ca.certificate.clone())
}

async fn join<S: Store>(
    State(desk): State<Desk<S>>,
    Extension(caller): Extension<Caller>,
    Packed(request): Packed<JoinClusterRequest>,
) -> Result<Packed<JoinClusterResponse>, Refusal> {
    let _turn = desk.admitting.lock().await;
    for _attempt in 0..ATTEMPTS {
        let state = desk.store.read().await?;
        let now = Timestamp::now();
        let admitted = admission::admit(&state, &request, caller.addr.ip(), &mut rand::rng(), now)?;
        let (cluster, subject) = (&admitted.cluster, admitted.subject());
        let certificate = desk.signing.certificate(cluster, &subject, &request.csr, now).await?;
        match desk.store.propose(admitted.transaction.clone()).await {
            Ok(_version) => {
                let response = admitted.response(certificate);
                tracing::info!(node = %response.node_id, role = response.role.as_str(), addr = %caller.addr, "node joined");
                return Ok(Packed(response));
            }
            Err(error) if was_outrun(&error) => {}
            Err(error) => return Err(Refusal(error)),
        }
    }
    Err(Refusal(Error::unavailable("too many machines are joining at once, try again")))
}

/// Whether a proposal failed only because something else changed first. After any other failure the node may exist, and another try would
/// leave it behind as a ghost.
fn was_outrun(error: &Error) -> bool {
    error.kind == ErrorKind::Conflict || error.is(Reason::OutOfSequence)
}

async fn renew<S: Store>(
    State(desk): State<Desk<S>>,
    Extension(peer): Extension<Peer>,
    Packed(request): Packed<RenewRequest>,
) -> Result<Packed<RenewResponse>, Refusal> {
    let state = desk.store.read().await?;
    let cluster = admission::cluster(&state)?;
    let role = admission::renewed_role(&state, &peer.node_id)?;
    let subject = Subject { node_id: &peer.node_id, cluster_id: &cluster.id, role };
    let signed = desk.signing.certificate(cluster, &subject, &request.csr, Timestamp::now());
    Ok(Packed(RenewResponse { role, certificate: signed.await? }))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::http::Request;
    use swarmlite_proto::messagepack;
    use swarmlite_proto::protocol::Range;
    use swarmlite_proto::spec::Availability;
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoiled_messagepack;
    use tower::ServiceExt;

    use super::*;
    use crate::ca::NodeKey;
    use crate::ca::cfssl::Cfssl;
    use crate::ca::tests::founded;
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn no_call_of_a_stranger_breaks_anything() {
        let (state, _) = founded();
        let request = JoinClusterRequest {
            token: state.cluster().expect("there is one").join_tokens.worker.clone(),
            csr: NodeKey::generate().expect("makes a key").csr,
            availability: Availability::Active,
            advertise_addr: SocketAddr::from(([192, 0, 2, 7], 2377)),
            witness: false,
        };
        let sound = messagepack::encode(&request).expect("encodes");
        let addr = SocketAddr::from(([192, 0, 2, 7], 4000));
        let signing = Signing::new(Arc::new(Cfssl::new(None)));
        let caller = Caller { addr, peer: None, protocol: Range::own() };
        let routes = public_routes(MemoryStore::new(state), signing).layer(Extension(caller));
        let mut joined = 0;
        for mut case in cases(200) {
            let body = Body::from(spoiled_messagepack(&mut case, &sound));
            let call = Request::post(CA_JOIN).body(body).expect("a request");
            let answer = routes.clone().oneshot(call).await.expect("is answered").status();
            assert!(!answer.is_server_error(), "{answer}");
            joined += u32::from(answer.is_success());
        }
        assert!(joined > 0, "some of what is wrong does no harm");
    }
}
