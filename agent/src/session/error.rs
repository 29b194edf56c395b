//! Why a session has ended.

use std::time::Duration;

use swarmlite_rpc::CallError;
use swarmlite_rpc::StreamError;

use crate::assignment::Unusable;
use crate::ledger::LedgerError;

/// How long a manager gets to welcome an agent that has registered.
pub(super) const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// A session has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The manager could not be reached or said no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The stream broke.
    #[error("the session broke")]
    Stream(#[from] StreamError),
    /// The manager ended the session: it leads no more, or shuts down.
    #[error("the manager ended the session")]
    Ended,
    /// The manager did not say welcome.
    #[error("no welcome within {} seconds", WELCOME_TIMEOUT.as_secs())]
    NoWelcome,
    /// The manager said something before it was time.
    #[error("unexpected message before {0}")]
    Unexpected(&'static str),
    /// What the manager tells does not follow on what this node knows. The next session begins with everything.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// What came could not be kept.
    #[error("cannot keep what the manager sent")]
    Ledger(#[from] LedgerError),
}
