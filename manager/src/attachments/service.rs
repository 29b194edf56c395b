//! The calls of nodes about their attached containers. Work on every manager: what has to be written goes to the leader by itself.

use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::extract::State as Extract;
use axum::routing::post;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::attachment::Attached;
use swarmlite_proto::attachment::AttachmentReport;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::error::Reason;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::rpc::ATTACH;
use swarmlite_proto::rpc::ATTACHMENTS_REPORT;
use swarmlite_proto::time::Timestamp;
use tokio::time::timeout;

use crate::message::Packed;
use crate::message::Refusal;
use crate::state::State;
use crate::state::lookup;
use crate::store::Store;

/// How often a decision is made anew because something else was faster.
const ATTEMPTS: usize = 16;

/// How long a network that has just been made may take to get its addresses.
const ALLOCATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The calls for members: [`ATTACH`] and [`ATTACHMENTS_REPORT`].
pub fn routes<S: Store>(store: S) -> Router {
    Router::new()
        .route(ATTACH, post(attach::<S>))
        .route(ATTACHMENTS_REPORT, post(report::<S>))
        .with_state(store)
}

async fn attach<S: Store>(
    Extract(store): Extract<S>,
    Extension(peer): Extension<Peer>,
    Packed(request): Packed<AttachRequest>,
) -> Result<Packed<Attached>, Refusal> {
    for _attempt in 0..ATTEMPTS {
        let state = store.read().await?;
        let state = if is_allocated(&state, &request.network) {
            state
        } else {
            allocated(&store, &request.network).await.unwrap_or(state)
        };
        let now = Timestamp::now();
        let (attached, transaction) =
            super::attach(&state, &peer.node_id, &request, now, &mut rand::rng())?;
        match store.propose(transaction).await {
            Ok(_version) => return Ok(Packed(attached)),
            Err(error) if was_outrun(&error) => {}
            // It may have been carried out. The node then finds an attachment that it has no container for, and gives it back.
            Err(error) => return Err(Refusal(error)),
        }
    }
    Err(Refusal(Error::unavailable("too many containers are attached at once, try again")))
}

async fn report<S: Store>(
    Extract(store): Extract<S>,
    Extension(peer): Extension<Peer>,
    Packed(reports): Packed<Vec<AttachmentReport>>,
) -> Result<Packed<()>, Refusal> {
    for _attempt in 0..ATTEMPTS {
        let state = store.read().await?;
        let transaction = super::report(&state, &peer.node_id, &reports, Timestamp::now());
        if transaction.ops.is_empty() {
            return Ok(Packed(()));
        }
        match store.propose(transaction).await {
            Ok(_version) => return Ok(Packed(())),
            Err(error) if was_outrun(&error) => {}
            Err(error) => return Err(Refusal(error)),
        }
    }
    Err(Refusal(Error::unavailable("too much changes at once, try again")))
}

/// The state once the network has addresses, or is not there; nothing if that takes too long.
async fn allocated<S: Store>(store: &S, network: &str) -> Option<State> {
    let mut states = store.watch();
    let wait = states.wait_for(|state| is_allocated(state, network));
    let state = timeout(ALLOCATION_TIMEOUT, wait).await.ok()?.ok()?;
    Some(state.clone())
}

fn is_allocated(state: &State, network: &str) -> bool {
    lookup::network(state, network).map_or(true, |network| network.allocation.is_some())
}

/// Whether a proposal failed only because something else changed first.
fn was_outrun(error: &Error) -> bool {
    error.kind == ErrorKind::Conflict || error.is(Reason::OutOfSequence)
}
