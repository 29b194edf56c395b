//! The boundary to the container engine, as attached containers need it.

use std::future::Future;
use std::net::Ipv4Addr;

use futures_util::Stream;
use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::id::NetworkId;

use crate::task::runtime::RuntimeError;

/// The containers of an engine.
pub(crate) trait Containers: Send + Sync + 'static {
    /// The standalone containers, running or not, that have an address on a network of the cluster.
    fn held(&self) -> impl Future<Output = Result<Vec<Held>, RuntimeError>> + Send;

    /// Takes a container off a network, running or not.
    fn detach(&self, held: &Held) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// The process of a container; nothing if it does not run, or is not there.
    fn process(
        &self,
        container: &str,
    ) -> impl Future<Output = Result<Option<Process>, RuntimeError>> + Send;

    /// Whether the engine was to keep a container running and could not start it. No if there is none, or it has a user who stopped it.
    fn is_stranded(
        &self,
        container: &str,
    ) -> impl Future<Output = Result<bool, RuntimeError>> + Send;

    /// Starts a container.
    fn start(&self, container: &str) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Says that some container has come, gone or changed. Ends when the engine does.
    fn changes(&self) -> impl Stream<Item = Result<(), RuntimeError>> + Send + Unpin;
}

/// A container with an address on a network of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) network: NetworkId,
    /// The address.
    pub(crate) addr: Ipv4Addr,
    pub(crate) container: AttachedContainer,
}

/// The first process of a running container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its number, in the node's numbering.
    pub(crate) pid: u32,
    /// Whether the container was made with resolvers of its own: the cluster's, or those of its user.
    pub(crate) has_resolver: bool,
}
