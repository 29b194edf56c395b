//! HTTP routing on this node: which requests it answers, on which ports, and how its proxy reaches tasks.
//!
//! What becomes of a request is for the proxy to say ([`swarmlite_proxy`]); here is what the proxy is told, and when.

mod access;
mod content;
mod dial;
mod front;
mod listen;
mod traffic;

use std::collections::BTreeMap;
use std::sync::Arc;

use swarmlite_proxy::Lines;
use swarmlite_proxy::Proxy;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::access::AccessFile;
pub(crate) use self::dial::FromIngress;
pub(crate) use self::front::Front;
pub(crate) use self::listen::Listening;
pub(crate) use self::traffic::measure;

/// The ports that this node is to answer on, and why it cannot.
pub(crate) type Ports = BTreeMap<u16, Option<String>>;

/// How HTTP routing goes, for those who look at the node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// The proxy, while there is one.
    pub(crate) proxy: watch::Sender<Option<Arc<Proxy>>>,
    /// The ports.
    pub(crate) ports: watch::Sender<Ports>,
    /// What waits to be written to the access log.
    pub(crate) access: Arc<Lines>,
    /// Cancelled: nothing is to be answered any more.
    pub(crate) ending: CancellationToken,
    /// Cancelled: nothing is answered any more.
    pub(crate) ended: CancellationToken,
}

impl Observed {
    /// Has the node take no more connections, and waits until those that it has have ended, for as long as they get for that.
    pub(crate) async fn end(&self) {
        self.ending.cancel();
        self.ended.cancelled().await;
    }
}
