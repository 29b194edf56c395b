//! What all controllers of a node share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::Platform;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::reporter::Reporter;
use crate::standing::SessionState;
use crate::task::files::Files;
use crate::task::networks::Networks;

/// What all controllers of a node share.
#[derive(Debug)]
pub struct Shared<R, A> {
    /// The engine.
    pub runtime: Arc<R>,
    /// The data plane.
    pub attach: A,
    /// The files that containers have of secrets and configs.
    pub files: Files,
    /// Which networks the engine has.
    pub networks: Networks<R>,
    /// Where statuses go.
    pub reporter: Reporter,
    /// Where statuses are kept.
    pub ledger: Arc<Ledger>,
    /// How the node stands with the managers.
    pub session: watch::Receiver<SessionState>,
    /// How often the stream of the engine's events has ended: what was seen before and after was not watched in between.
    pub outages: AtomicU64,
    /// The host name of the node.
    pub hostname: String,
    /// What the node runs on.
    pub platform: Platform,
    /// The node.
    pub node_id: NodeId,
}
