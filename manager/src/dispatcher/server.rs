//! The call that opens a session, and the shell that carries out what [`Session`] decides.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::error::Error;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::rpc::NotLeader;
use swarmlite_proto::rpc::SESSION;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::traffic::Traffic;
use swarmlite_rpc::Caller;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::FrameSender;
use swarmlite_rpc::StreamError;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::sleep_until;

use super::Dispatcher;
use super::registry::Orders;
use super::registry::Seat;
use super::session::Effect;
use super::session::Fault;
use super::session::Session;
use super::turns::Untold;
use crate::ca::admission::removed;
use crate::heartbeat::heartbeat_period;
use crate::message::Packed;
use crate::message::Refusal;
use crate::raft::Leadership;
use crate::state::Op;
use crate::state::State as Cluster;
use crate::state::Transaction;
use crate::store::Store;
use crate::suspicion::Suspicions;

/// How long an agent gets to register.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a session has ended.
#[derive(Debug, thiserror::Error)]
enum Ending {
    /// The agent has ended it.
    #[error("the agent has left")]
    Left,
    /// The node leaves the cluster.
    #[error("the node leaves the swarm")]
    Departed,
    /// The connection broke, or the agent sent nonsense.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// It cannot go on.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Nor can its agent be told what has changed.
    #[error(transparent)]
    Untold(#[from] Untold),
    /// What the agent said could not be written down; it says it again in its next session.
    #[error("cannot store what the agent said: {0}")]
    NotStored(Error),
    /// The agent did not say what it is.
    #[error("the agent did not register in time")]
    Silent,
    /// The agent has called again.
    #[error("the agent has begun another session")]
    Replaced,
    /// Another manager leads, or will.
    #[error("this manager does not lead any more")]
    Deposed,
    /// This manager is ending.
    #[error("this manager shuts down")]
    ShuttingDown,
}

/// Something to act on.
enum Event {
    Said(AgentMessage),
    Changed,
    Stored(u64),
    Ordered(ManagerMessage),
}

/// What became of a batch of statuses, with its number.
type Outcome = (u64, Result<Result<(), Error>, oneshot::error::RecvError>);

impl<S: Store> Dispatcher<S> {
    /// The call for members: [`SESSION`].
    pub fn routes(&self) -> Router {
        Router::new().route(SESSION, post(open::<S>)).with_state(self.clone())
    }

    /// Runs one session until it ends.
    async fn run(self, seat: Seat, mut talk: Talk) {
        let mut leadership = self.shared.leadership.clone();
        let term = talk.term;
        let deposed = move |now: &Leadership| !now.leader || now.term != term;
        // All are cancel-safe, and what a conversation leaves undone the agent says again in its next session.
        let ending = tokio::select! {
            Err(ending) = self.converse(&seat, &mut talk) => ending,
            () = seat.replaced() => Ending::Replaced,
            lost = leadership.wait_for(deposed) => match lost {
                Ok(_) => Ending::Deposed,
                Err(_) => Ending::ShuttingDown,
            },
        };
        match ending {
            Ending::Deposed | Ending::ShuttingDown => self.forget_reports(),
            // What the node reports in its new session stays.
            _ if seat.is_replaced() => {}
            _ => self.hang_up(seat.node_id()),
        }
        tracing::info!(node = %seat.node_id(), %ending, "session ended");
    }

    async fn converse(&self, seat: &Seat, talk: &mut Talk) -> Result<Infallible, Ending> {
        let mut states = self.shared.shown.clone();
        let mut storing = FuturesOrdered::new();
        loop {
            let registered = talk.session.is_registered();
            let welcome = talk.session.is_welcome();
            // Every arm is cancel-safe: receiving keeps what it has read, watches and timers lose nothing.
            let event = tokio::select! {
                message = talk.receiver.receive() => Event::Said(message?.ok_or(Ending::Left)?),
                changed = states.changed(), if registered => {
                    changed.map_err(|_closed| Ending::ShuttingDown)?;
                    Event::Changed
                }
                Some(outcome) = storing.next() => Event::Stored(stored(outcome)?),
                Some(order) = talk.orders.recv(), if welcome => Event::Ordered(order),
                () = sleep_until(talk.register_by), if !registered => return Err(Ending::Silent),
            };
            let effects = match event {
                Event::Said(message) => {
                    // A node whose engine is gone goes on telling about its tables, and is down all the same.
                    if matches!(message, AgentMessage::Register(_) | AgentMessage::Heartbeat) {
                        self.heard(seat);
                    }
                    talk.session.receive(message)?
                }
                Event::Changed => {
                    let mut state = states.borrow_and_update().clone();
                    if talk.seen.is_none() {
                        // What it has just said of itself need not be shown yet.
                        state = self.shared.store.state();
                    }
                    let generation = state.generation();
                    let turns = &self.shared.turns;
                    let effects = turns.follow(&mut talk.session, &mut talk.seen, state)?;
                    seat.told(generation);
                    effects
                }
                Event::Stored(sequence) => {
                    vec![Effect::Send(ManagerMessage::StatusesStored(sequence))]
                }
                Event::Ordered(message) => vec![Effect::Send(message)],
            };
            for effect in effects {
                if let Some(batch) = self.carry_out(seat, &talk.sender, effect).await? {
                    storing.push_back(batch);
                }
            }
            if !registered && talk.session.is_registered() {
                // What it says of itself may be known already, and then nothing else would wake this.
                states.mark_changed();
            }
        }
    }

    /// Does one thing. Returns what became of a batch of statuses, to wait for beside all else.
    async fn carry_out(
        &self,
        seat: &Seat,
        sender: &FrameSender,
        effect: Effect,
    ) -> Result<Option<impl Future<Output = Outcome> + use<S>>, Ending> {
        match effect {
            Effect::Send(message) => sender.send(&message).await?,
            Effect::Pass(message) => sender.pass(message).await?,
            Effect::Programmed(generation) => seat.programmed(generation),
            Effect::Lost(nodes) => self.suspect(seat, nodes),
            Effect::Load(load) => self.weigh(seat, load),
            Effect::Traffic(traffic) => self.note_traffic(seat, traffic),
            Effect::Report(report) => {
                let transaction = Transaction::new(Timestamp::now()).with(Op::ReportNode(report));
                self.shared.store.propose(transaction).await.map_err(Ending::NotStored)?;
            }
            Effect::Depart(report) => {
                // Without waking the loops: they are to see both at once, or they would take the node for one that has become silent.
                self.shared.heard.send_if_modified(|heard| {
                    heard.forget(seat.node_id());
                    false
                });
                let transaction = Transaction::new(Timestamp::now()).with(Op::ReportNode(report));
                self.shared.store.propose(transaction).await.map_err(Ending::NotStored)?;
                return Err(Ending::Departed);
            }
            Effect::Store(sequence, statuses) => {
                let node_id = seat.node_id().clone();
                let outcome = self.shared.statuses.hand_in(node_id, statuses).await;
                return Ok(Some(async move { (sequence, outcome.await) }));
            }
        }
        Ok(None)
    }

    /// Notes which nodes another has lost, and asks those that enough others have lost whether they are there.
    fn suspect(&self, seat: &Seat, lost: BTreeSet<NodeId>) {
        let state = self.shared.store.state();
        let ask = |node: &NodeId| {
            tracing::warn!(%node, "other nodes do not reach a node: it is asked whether it is there");
            self.tell(node, ManagerMessage::HeartbeatNow)
        };
        self.shared.heard.send_if_modified(|heard| {
            heard.suspicions.report(seat.node_id(), lost);
            heard.suspicions.weigh(&state, Timestamp::now(), ask)
        });
    }

    /// Notes what the machine of a node has to do. Nothing has to be done because of it: whatever is placed next counts on it.
    fn weigh(&self, seat: &Seat, load: NodeLoad) {
        self.shared.heard.send_if_modified(|heard| {
            heard.loads.insert(seat.node_id().clone(), load);
            false
        });
    }

    /// Notes what a node answers over HTTP, for those who look on.
    fn note_traffic(&self, seat: &Seat, traffic: Traffic) {
        self.shared.heard.send_if_modified(|heard| {
            heard.traffic.insert(seat.node_id().clone(), traffic);
            false
        });
    }

    /// Notes that there is no session with a node any more.
    fn hang_up(&self, node: &NodeId) {
        self.shared.heard.send_if_modified(|heard| {
            heard.loads.remove(node);
            heard.traffic.remove(node);
            heard.suspicions.hang_up(node, Timestamp::now())
        });
    }

    /// Forgets what this manager was told as the leader. The loops do not run any more.
    fn forget_reports(&self) {
        self.shared.heard.send_if_modified(|heard| {
            heard.suspicions = Suspicions::default();
            heard.loads.clear();
            heard.traffic.clear();
            false
        });
    }

    /// Notes a sign of life.
    fn heard(&self, seat: &Seat) {
        let period = heartbeat_period(&self.shared.store.state());
        let now = Timestamp::now();
        self.shared.heard.send_if_modified(|heard| heard.heard(seat.node_id(), now, period));
    }
}

/// The two ends of one session.
struct Talk {
    session: Session,
    /// The state that the agent was last told of.
    seen: Option<Cluster>,
    sender: FrameSender,
    receiver: FrameReceiver,
    orders: Orders,
    register_by: Instant,
    /// The term in which it began. A session does not outlive it: what the manager keeps in memory about nodes does not either.
    term: u64,
}

/// Answers before the agent has said anything, so that it can be sent elsewhere.
async fn open<S: Store>(
    State(dispatcher): State<Dispatcher<S>>,
    Extension(caller): Extension<Caller>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Response {
    let Leadership { term, leader, leader_addr } = *dispatcher.shared.leadership.borrow();
    if !leader {
        let answer = NotLeader { leader: leader_addr };
        return (StatusCode::MISDIRECTED_REQUEST, Packed(answer)).into_response();
    }
    // Proves that this manager still leads, and that the first set is not older than what another leader may have sent.
    let state = match dispatcher.shared.store.read().await {
        Ok(state) => state,
        Err(error) => return Refusal(error).into_response(),
    };
    if !state.nodes().contains_key(&peer.node_id) {
        return Refusal(removed(&peer.node_id)).into_response();
    }
    let (sender, answer) = swarmlite_rpc::stream::frames();
    let session = Session::new(&peer, caller.addr.ip());
    let (seat, orders) = dispatcher.shared.registry.open(peer.node_id);
    let talk = Talk {
        session,
        seen: None,
        sender,
        receiver: FrameReceiver::new(body),
        orders,
        register_by: Instant::now() + REGISTER_TIMEOUT,
        term,
    };
    tracing::info!(node = %seat.node_id(), addr = %caller.addr, "session begins");
    tokio::spawn(dispatcher.run(seat, talk));
    Body::new(answer).into_response()
}

/// The number of a batch that was written.
fn stored((sequence, outcome): Outcome) -> Result<u64, Ending> {
    outcome.map_err(|_closed| Ending::ShuttingDown)?.map_err(Ending::NotStored)?;
    Ok(sequence)
}
