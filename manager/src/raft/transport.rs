//! How managers call each other: the one way out of this module.

use std::future::Future;
use std::net::SocketAddr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::error::Reason;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::TransportError;

/// Calls other managers. Paths and bodies are in [`swarmlite_proto::rpc`].
pub trait Transport: Clone + Send + Sync + 'static {
    /// Calls `path` at `addr` and waits for the answer.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    fn call<Q, A>(
        &self,
        addr: SocketAddr,
        path: &'static str,
        body: &Q,
    ) -> impl Future<Output = Result<A, CallError>> + Send
    where
        Q: Serialize + Sync,
        A: DeserializeOwned;
}

impl Transport for Client {
    async fn call<Q, A>(
        &self,
        addr: SocketAddr,
        path: &'static str,
        body: &Q,
    ) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        Self::call(self, addr, path, body).await
    }
}

/// Whether the callee cannot have acted on the call, so that it is safe to repeat.
pub(crate) fn was_not_sent(error: &CallError) -> bool {
    match error {
        CallError::NotLeader(_) => true,
        CallError::Refused(error) => error.is(Reason::Starting),
        CallError::Unreachable { source, .. } => matches!(
            source,
            TransportError::Connect(_) | TransportError::Tls(_) | TransportError::ConnectTimeout
        ),
    }
}
