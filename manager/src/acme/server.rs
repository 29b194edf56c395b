//! What the cluster asks of an ACME server.

use async_trait::async_trait;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::spec::AcmeConfig;

/// Why the server did not do what it was asked for. The texts are for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AcmeError {
    /// It could not be asked, or gave no answer of its own. What was ordered is still there.
    #[error("cannot ask {directory}: {why}")]
    Unreachable {
        /// The URL of its directory.
        directory: String,
        /// What went wrong.
        why: String,
    },
    /// It has not decided in time. What was ordered is still there.
    #[error("the server has not decided yet")]
    Slow,
    /// It does not know the account. Another one is needed, and with it another order.
    #[error("the server does not know the account: {0}")]
    NoAccount(String),
    /// It says no. What was ordered is of no use any more.
    #[error("{0}")]
    Refused(String),
}

/// An order that the server has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Where it is.
    pub(crate) url: String,
    /// What the server will ask to see whether the host is ours. Absent: it believes so already.
    pub(crate) challenge: Option<AcmeChallenge>,
}

/// Whom the cluster asks, and in whose name.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The server.
    pub(crate) config: &'a AcmeConfig,
    /// What [`AcmeServer::register`] gave.
    pub(crate) credentials: &'a str,
}

/// An ACME server, as its clients see it.
#[async_trait]
pub(crate) trait AcmeServer: Send + Sync + 'static {
    /// Makes an account, and agrees to the terms of service. Returns its URL and its key, in a form of its own.
    ///
    /// # Errors
    ///
    /// See [`AcmeError`].
    async fn register(&self, config: &AcmeConfig) -> Result<String, AcmeError>;

    /// Orders a certificate for `host`, which is shown to be ours in the first of the ways in `kinds` that the server knows.
    ///
    /// # Errors
    ///
    /// See [`AcmeError`].
    async fn order(
        &self,
        asked: Asked<'_>,
        host: &str,
        kinds: &[AcmeChallengeKind],
    ) -> Result<Placed, AcmeError>;

    /// Goes on with an order from where it is, to the end: has the server ask for the answer, if it has not done so yet, and returns the chain of the
    /// certificate, PEM. May be called again.
    ///
    /// # Errors
    ///
    /// See [`AcmeError`].
    async fn proceed(
        &self,
        asked: Asked<'_>,
        host: &str,
        order: &AcmeOrder,
    ) -> Result<String, AcmeError>;
}
