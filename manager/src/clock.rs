//! What time it is on this manager, for nodes that compare their clocks with it.

use axum::Router;
use axum::routing::post;
use swarmlite_proto::rpc::CLOCK;
use swarmlite_proto::time::Timestamp;

use crate::message::Packed;

/// The call for members: [`CLOCK`].
pub(crate) fn routes() -> Router {
    Router::new().route(CLOCK, post(async || Packed(Timestamp::now())))
}
