//! The standalone containers of this node that are on networks of the cluster.
//!
//! Users make them through the node's API, which first asks here for a place: [`Desk::attach`] has a manager give an address, and waits until the
//! engine has the network. What becomes of the container then is the engine's business: it is looked at on every event, and the managers
//! are told which attachments have a container. One that has none, and is not just being made, is given back. So nothing is lost by a crash at
//! any point, and nothing has to be remembered but the assignments.

mod again;
mod containers;
mod desk;
mod names;
mod stranded;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream::ReadyChunks;
use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::attachment::AttachmentReport;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::rpc::ATTACHMENTS_REPORT;
use tokio::sync::watch;
use tokio::time::timeout;

use self::again::TryAgain;
pub(crate) use self::containers::Containers;
pub(crate) use self::containers::Held;
pub(crate) use self::containers::Process;
pub use self::desk::Attaching;
pub use self::desk::Desk;
use self::desk::UnderWay;
pub(crate) use self::names::Named;
pub(crate) use self::stranded::Stranded;
use crate::assignment::Assignments;
use crate::standing::Known;
use crate::task::attach::Attach;
use crate::task::controller::Shared;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;

/// How often the engine is looked at without an event, for those that were missed.
const RESYNC: Duration = Duration::from_secs(30);

/// The same after something went wrong.
const RETRY: Duration = Duration::from_secs(1);

/// How long a network may take to be ready before others get their turn.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Events that are taken as one when they come at once.
const BURST: usize = 64;

/// Has the engine make the networks of attached containers, and tells the managers about these.
#[derive(Debug)]
pub(crate) struct Attachments<R, A> {
    /// The engine, the data plane and the networks of this node.
    pub(crate) shared: Arc<Shared<R, A>>,
    /// What the node is told.
    pub(crate) known: watch::Receiver<Known>,
    /// Where places are asked for.
    pub(crate) desk: Desk,
    /// The attachments whose networks the engine has.
    pub(crate) ready: watch::Sender<BTreeSet<AttachmentId>>,
    /// The containers that had to be given the name service of the cluster.
    pub(crate) named: Named,
    /// The containers that the engine could not start.
    pub(crate) stranded: Stranded,
}

impl<R: Runtime + Containers, A: Attach> Attachments<R, A> {
    /// Runs until nobody sends assignments any more.
    pub(crate) async fn run(mut self) {
        let engine = Arc::clone(&self.shared.runtime);
        let mut session = self.shared.session.clone();
        loop {
            self.stranded.engine_started();
            let mut changes = engine.changes().ready_chunks(BURST);
            loop {
                let pause = if self.reconcile().await.is_ok() { RESYNC } else { RETRY };
                // Every arm is cancel-safe: streams and watches keep what is not taken.
                tokio::select! {
                    changed = self.known.changed() => if changed.is_err() { return },
                    Ok(()) = session.changed() => {}
                    () = self.desk.kicked() => {}
                    lost = lost(&mut changes) => if lost { break },
                    () = tokio::time::sleep(pause) => {}
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn reconcile(&mut self) -> Result<(), TryAgain> {
        let known = self.known.borrow_and_update().clone();
        let Some(known) = known else { return Ok(()) };
        let mine: Vec<Arc<AttachmentAssignment>> =
            known.attachments_of(&self.shared.node_id).cloned().collect();
        let made = self.make_networks(&known, &mine).await;
        if mine.is_empty() && self.named.is_empty() {
            return made;
        }
        // In this order: what is made in between is under way here, or there when the engine is asked.
        let under_way = self.desk.under_way();
        let held = self.shared.runtime.held().await.map_err(|error| {
            tracing::warn!(error = chain(&error), "cannot list attached containers");
            TryAgain
        })?;
        let told = self.tell(&mine, &held, &under_way).await;
        let wanted = names::wanted(&known, &mine, &held);
        let named = self.named.follow(&*self.shared.runtime, &self.shared.attach, &wanted).await;
        let ready = self.ready_networks(&mine);
        let started = self.stranded.start(&*self.shared.runtime, &held, &ready).await;
        made.and(told).and(named).and(started)
    }

    /// Has the engine make the networks of these attachments, and says which of them are ready.
    async fn make_networks(
        &self,
        known: &Assignments,
        mine: &[Arc<AttachmentAssignment>],
    ) -> Result<(), TryAgain> {
        let wanted: BTreeSet<&NetworkId> = mine.iter().map(|one| &one.network_id).collect();
        let mut made = BTreeSet::new();
        for id in &wanted {
            match timeout(READY_TIMEOUT, self.make_network(known, id)).await {
                Ok(Ok(())) => drop(made.insert(*id)),
                Ok(Err(error)) => tracing::warn!(network = %id, error, "cannot make a network"),
                Err(_elapsed) => tracing::warn!(network = %id, "a network takes long"),
            }
        }
        let ready = mine.iter().filter(|one| made.contains(&one.network_id));
        let ready: BTreeSet<AttachmentId> = ready.map(|one| one.id.clone()).collect();
        self.ready.send_if_modified(|before| {
            let differs = *before != ready;
            *before = ready;
            differs
        });
        if made == wanted { Ok(()) } else { Err(TryAgain) }
    }

    /// The networks of these attachments that the engine has.
    fn ready_networks(&self, mine: &[Arc<AttachmentAssignment>]) -> BTreeSet<NetworkId> {
        let ready = self.ready.borrow();
        let there = mine.iter().filter(|one| ready.contains(&one.id));
        there.map(|one| one.network_id.clone()).collect()
    }

    async fn make_network(&self, known: &Assignments, id: &NetworkId) -> Result<(), String> {
        let network = known.networks.get(id).ok_or("the node was not told about it")?;
        self.shared.attach.ready(network).await.map_err(|error| error.to_string())?;
        self.shared.networks.kept(id).await;
        self.shared.networks.ensure(network).await.map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Tells the managers what has become of these attachments, if they do not know.
    async fn tell(
        &self,
        mine: &[Arc<AttachmentAssignment>],
        held: &[Held],
        under_way: &UnderWay,
    ) -> Result<(), TryAgain> {
        let reports = reports(mine, held, under_way);
        if reports.is_empty() || !self.shared.session.borrow().is_connected() {
            return Ok(());
        }
        tracing::debug!(?reports, "telling about attached containers");
        self.desk.ask(ATTACHMENTS_REPORT, &reports).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "cannot tell about attached containers");
            TryAgain
        })
    }
}

/// Waits for changes; whether there will be no more.
async fn lost(
    changes: &mut ReadyChunks<impl Stream<Item = Result<(), RuntimeError>> + Unpin>,
) -> bool {
    changes.next().await.is_none_or(|burst| burst.iter().any(Result::is_err))
}

/// What the managers are to be told: which attachments have another container than they know, and which have none and are not just
/// getting one.
fn reports(
    mine: &[Arc<AttachmentAssignment>],
    held: &[Held],
    under_way: &UnderWay,
) -> Vec<AttachmentReport> {
    let report = |one: &Arc<AttachmentAssignment>| {
        let holder =
            held.iter().find(|held| held.network == one.network_id && held.addr == one.addr.addr());
        let container = holder.map(|held| held.container.clone());
        let is_news = match &container {
            Some(_) => container != one.container,
            None => !under_way.may_be(&one.id),
        };
        is_news.then(|| AttachmentReport { id: one.id.clone(), container })
    };
    mine.iter().filter_map(report).collect()
}

#[cfg(test)]
mod tests;
