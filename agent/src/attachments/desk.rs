//! Where the node's API asks for places on networks of the cluster.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::attachment::Attached;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::rpc::ATTACH;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::standing::SessionState;

/// How long the node may take to have the network (moby `daemon/cluster/networks.go`, `swarmRequestTimeout` and what waits for it).
const ATTACH_TIMEOUT: Duration = Duration::from_secs(30);

/// Docker's words for a network that does not come in time (moby `daemon/container_operations.go`).
const TOO_LATE: &str = "attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded";

/// Asks managers for places on networks. Clones are the same desk.
#[derive(Clone, Debug)]
pub struct Desk {
    client: Client,
    managers: watch::Receiver<Vec<SocketAddr>>,
    session: watch::Receiver<SessionState>,
    ready: watch::Receiver<BTreeSet<AttachmentId>>,
    shared: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    under_way: Mutex<UnderWay>,
    kick: Notify,
}

/// The places that were asked for and may have no container yet.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay {
    /// How many were asked for whose ids are not known yet.
    asked: usize,
    /// The others.
    ids: BTreeSet<AttachmentId>,
}

impl UnderWay {
    /// Whether a container may just be being made for this attachment.
    pub(super) fn may_be(&self, id: &AttachmentId) -> bool {
        self.asked > 0 || self.ids.contains(id)
    }
}

/// A place on a network for a container that is about to be made. To be kept until the engine has answered: from then on the place is the
/// container's, or, if there is none, free.
#[derive(Debug)]
pub struct Attaching {
    /// The place.
    pub attached: Attached,
    _entry: Entry,
}

/// An entry in [`UnderWay`], for as long as it lives.
#[derive(Debug)]
struct Entry {
    shared: Arc<Inner>,
    id: Option<AttachmentId>,
}

impl Entry {
    fn new(shared: &Arc<Inner>) -> Self {
        lock(&shared.under_way).asked += 1;
        Self { shared: Arc::clone(shared), id: None }
    }

    /// From now on it is known which one it is.
    fn is_for(&mut self, id: &AttachmentId) {
        let mut under_way = lock(&self.shared.under_way);
        under_way.asked -= 1;
        under_way.ids.insert(id.clone());
        self.id = Some(id.clone());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut under_way = lock(&self.shared.under_way);
        match &self.id {
            None => under_way.asked -= 1,
            Some(id) => drop(under_way.ids.remove(id)),
        }
        drop(under_way);
        self.shared.kick.notify_one();
    }
}

impl Desk {
    /// A desk that asks in the name of the node. `ready` tells which attachments the engine has the networks of.
    pub(crate) fn new(
        client: Client,
        managers: watch::Receiver<Vec<SocketAddr>>,
        session: watch::Receiver<SessionState>,
        ready: watch::Receiver<BTreeSet<AttachmentId>>,
    ) -> Self {
        Self { client, managers, session, ready, shared: Arc::default() }
    }

    /// Gets a place on a network for a container of this node, and waits until the engine can make the container.
    ///
    /// # Errors
    ///
    /// What the manager says, in Docker's words; or that none answers, or that the network does not come.
    pub async fn attach(&self, request: &AttachRequest) -> Result<Attaching> {
        let mut entry = Entry::new(&self.shared);
        let attached: Attached = self.ask(ATTACH, request).await?;
        entry.is_for(&attached.id);
        let mut ready = self.ready.clone();
        let wait = ready.wait_for(|ready| ready.contains(&attached.id));
        match timeout(ATTACH_TIMEOUT, wait).await {
            Ok(Ok(_)) => Ok(Attaching { attached, _entry: entry }),
            Ok(Err(_)) | Err(_) => Err(Error::unknown(TOO_LATE)),
        }
    }

    /// Calls `path` at a manager: the one that the node is in session with, or else the first that answers.
    ///
    /// # Errors
    ///
    /// What the manager says, or that none answers.
    pub(super) async fn ask<Q, A>(&self, path: &str, body: &Q) -> Result<A>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let mut managers = self.managers.borrow().clone();
        if let SessionState::Connected(addr) = *self.session.borrow() {
            managers.retain(|other| *other != addr);
            managers.insert(0, addr);
        }
        let mut last = Error::unknown("this node knows no manager");
        for addr in managers {
            match self.client.call(addr, path, body).await {
                Ok(answer) => return Ok(answer),
                // The next one may be further.
                Err(CallError::Refused(error)) if error.is(Reason::Starting) => last = error,
                Err(CallError::Refused(error)) => return Err(error),
                Err(error) => last = Error::unknown(chain(&error)),
            }
        }
        Err(last)
    }

    /// What is being made just now.
    pub(super) fn under_way(&self) -> UnderWay {
        lock(&self.shared.under_way).clone()
    }

    /// Waits until something that was under way has ended. Remembers one that was not waited for.
    pub(super) async fn kicked(&self) {
        self.shared.kick.notified().await;
    }
}

/// Nobody panics half way through a change.
fn lock(mutex: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl UnderWay {
    /// Places that were asked for: `asked` whose ids are not known, and `ids`.
    pub(super) fn of(asked: usize, ids: &[AttachmentId]) -> Self {
        Self { asked, ids: ids.iter().cloned().collect() }
    }
}
