//! What a session needs and what it gives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::Registration;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::traffic::Traffic;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Client;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::logs::Ordered;
use crate::network::Reached;
use crate::reporter::Reporter;
use crate::standing::Known;
use crate::standing::SessionState;

/// Sessions, one after another, with what they need and what they give.
#[derive(Debug)]
pub(crate) struct Session {
    /// Calls managers in the name of the node.
    pub(crate) client: Client,
    /// What the node remembers.
    pub(crate) ledger: Arc<Ledger>,
    /// Who calls. A change is sent at once.
    pub(crate) registration: watch::Receiver<Registration>,
    /// Whether the container engine answers. A node without is of no use for tasks: it gives no sign of life, is down for the
    /// managers, and goes on learning how to reach the others.
    pub(crate) engine: watch::Receiver<bool>,
    /// Which generation the kernel's tables have reached.
    pub(crate) programmed: watch::Receiver<Generation>,
    /// Which other nodes answer, if this one asks any. Those that do not any more are reported.
    pub(crate) reached: Option<watch::Receiver<Reached>>,
    /// What the machine has to do, once that is known.
    pub(crate) load: watch::Receiver<Option<NodeLoad>>,
    /// What the node answers over HTTP.
    pub(crate) traffic: watch::Receiver<Traffic>,
    /// Statuses to send.
    pub(crate) reporter: Reporter,
    /// Where assignments go, once they are on disk.
    pub(crate) known: watch::Sender<Known>,
    /// Where managers can be reached.
    pub(crate) managers: watch::Sender<Vec<SocketAddr>>,
    /// The role that the managers give the node, once they have said that it is not the one in its certificate. Whoever owns the
    /// identity renews it then.
    pub(crate) role: watch::Sender<Option<NodeRole>>,
    /// The authority that the node is to trust, PEM, once the managers have said that it is another.
    pub(crate) trust: watch::Sender<Option<String>>,
    /// Within which time the node is to renew its certificate, whenever the managers say so.
    pub(crate) renew: watch::Sender<Duration>,
    /// How the node stands with the managers.
    pub(crate) state: watch::Sender<SessionState>,
    /// Whether the node leaves the cluster: the managers are told, and no other session is sought.
    pub(crate) leaving: watch::Receiver<bool>,
    /// Where orders to publish logs go, with the address of the leader.
    pub(crate) log_orders: mpsc::Sender<Ordered>,
}
