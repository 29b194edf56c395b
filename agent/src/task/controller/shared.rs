//! What all controllers of a node share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::Platform;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::metrics::TaskStates;
use crate::reporter::Reporter;
use crate::standing::SessionState;
use crate::task::files::Files;
use crate::task::networks::Networks;

/// What all controllers of a node share.
#[derive(Debug)]
pub(crate) struct Shared<R, A> {
    /// The engine.
    pub(crate) runtime: Arc<R>,
    /// The data plane.
    pub(crate) attach: A,
    /// The files that containers have of secrets and configs.
    pub(crate) files: Files,
    /// Which networks the engine has.
    pub(crate) networks: Networks<R>,
    /// Where statuses go.
    pub(crate) reporter: Reporter,
    /// Where statuses are kept.
    pub(crate) ledger: Arc<Ledger>,
    /// How many tasks are in each state.
    pub(crate) states: TaskStates,
    /// How the node stands with the managers.
    pub(crate) session: watch::Receiver<SessionState>,
    /// How often the stream of the engine's events has ended: what was seen before and after was not watched in between.
    pub(crate) outages: AtomicU64,
    /// The host name of the node.
    pub(crate) hostname: String,
    /// What the node runs on.
    pub(crate) platform: Platform,
    pub(crate) node_id: NodeId,
}
