//! The calls of agents that publish, and of managers whose clients read.

use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::logs::LogEvent;
use swarmlite_proto::logs::LogReport;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::rpc::LOGS_PUBLISH;
use swarmlite_proto::rpc::LOGS_SUBSCRIBE;
use swarmlite_proto::rpc::NotLeader;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::PacedReceiver;
use swarmlite_rpc::PacedSender;
use swarmlite_rpc::stream::frames;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Broker;
use crate::message::Packed;
use crate::raft::Leadership;
use crate::store::Store;

/// How long a caller gets to say what it wants.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);

impl<S: Store> Broker<S> {
    /// The calls for members: [`LOGS_PUBLISH`].
    pub fn member_routes(&self) -> Router {
        Router::new().route(LOGS_PUBLISH, post(publish::<S>)).with_state(self.clone())
    }

    /// The calls for managers: [`LOGS_SUBSCRIBE`].
    pub fn manager_routes(&self) -> Router {
        Router::new().route(LOGS_SUBSCRIBE, post(subscribe::<S>)).with_state(self.clone())
    }
}

/// Answers before the agent has said which order it carries out.
async fn publish<S: Store>(
    State(broker): State<Broker<S>>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Response {
    let (demands, answer) = frames();
    tokio::spawn(async move {
        let mut reports = FrameReceiver::new(body);
        if let Ok(Ok(Some(LogReport::Begin(id)))) = timeout(BEGIN_TIMEOUT, reports.receive()).await
        {
            broker.arrive(id, &peer.node_id, PacedReceiver::new(demands, reports));
        }
    });
    Body::new(answer).into_response()
}

async fn subscribe<S: Store>(State(broker): State<Broker<S>>, body: Body) -> Response {
    let Leadership { leader, leader_addr, .. } = *broker.leadership().borrow();
    if !leader {
        let answer = NotLeader { leader: leader_addr };
        return (StatusCode::MISDIRECTED_REQUEST, Packed(answer)).into_response();
    }
    let (messages, answer) = frames();
    tokio::spawn(async move {
        let mut demands = FrameReceiver::new(body);
        let asked = timeout(BEGIN_TIMEOUT, demands.receive::<LogSubscription>()).await;
        if let Ok(Ok(Some(subscription))) = asked {
            let events = broker.subscribe(subscription);
            hand_on(events, PacedSender::new(messages, demands)).await;
        }
    });
    Body::new(answer).into_response()
}

/// Sends all `events`, until the reader has gone.
async fn hand_on(mut events: mpsc::Receiver<LogEvent>, mut reader: PacedSender) {
    loop {
        // Both are cancel-safe.
        let event = tokio::select! {
            event = events.recv() => event,
            () = reader.closed() => return,
        };
        let Some(event) = event else { return reader.finish().await };
        if reader.send(&event).await.is_err() {
            return;
        }
    }
}
