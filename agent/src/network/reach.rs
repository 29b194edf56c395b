//! Which other nodes can be reached through the tunnel, found out by asking them all the time.
//!
//! - `detector`: what silence means. Pure.
//! - `echo`: how nodes are asked.
//!
//! It only finds out. That nothing is sent any more to a node that is lost is done where assignments go to the data plane; that the
//! tasks of that node run elsewhere is for the managers to decide.

mod detector;
mod echo;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use swarmlite_proto::error::chain;
use swarmlite_proto::id::NodeId;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use tracing::info;
use tracing::warn;

use self::detector::Detector;
use self::detector::News;
pub use self::detector::Reached;
use self::echo::Echo;
use self::echo::Tunnel;
use super::assignments::NetworkAssignments;
use super::desired::tunnel;
use super::linux::namespace::run_inside;
use super::netns::SandboxName;

/// Watches the nodes in `assignments` from `own`, until `stop`; `reached` says which of them answer. They are asked through the tunnel of the
/// ingress network, as every node is on that; without an ingress network nobody is asked.
pub(super) async fn watch(
    own: NodeId,
    sandboxes: PathBuf,
    assignments: watch::Receiver<Option<Arc<NetworkAssignments>>>,
    reached: watch::Sender<Reached>,
    stop: CancellationToken,
) {
    let mut rounds = Rounds::<Tunnel>::default();
    loop {
        let around = assignments.borrow().as_deref().and_then(|known| Around::of(&own, known));
        if rounds.echo.is_none()
            && let Some(around) = &around
        {
            rounds.echo = open(&sandboxes, around).await;
        }
        let others = around.map(|around| around.others).unwrap_or_default();
        for news in rounds.next(Instant::now(), &others) {
            match news {
                News::Lost(node) => {
                    warn!(%node, "a node does not answer through the tunnel: it gets no new connections from here");
                }
                News::Back(node) => info!(%node, "a node answers through the tunnel again"),
            }
        }
        reached.send_if_modified(|before| {
            let now = rounds.detector.reached();
            let differs = *before != now;
            *before = now;
            differs
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rounds.detector.pause()) => {}
        }
    }
}

/// The tunnel, and who is at its other ends.
#[derive(Debug)]
struct Around {
    sandbox: SandboxName,
    tunnel: String,
    own: Ipv4Addr,
    others: BTreeMap<NodeId, Ipv4Addr>,
}

impl Around {
    /// What there is around the node `own`, if it has a number and is on the ingress network.
    fn of(own: &NodeId, known: &NetworkAssignments) -> Option<Self> {
        let ingress = known.networks.values().find(|network| network.ingress)?;
        let others = known.peers.values().filter(|peer| peer.node_id != *own);
        Some(Self {
            sandbox: SandboxName::of(&ingress.id),
            tunnel: tunnel(ingress),
            own: known.peers.get(own)?.index.tunnel_address(),
            others: others
                .map(|peer| (peer.node_id.clone(), peer.index.tunnel_address()))
                .collect(),
        })
    }
}

/// `None` as long as the kernel does not have the tunnel.
async fn open(sandboxes: &Path, around: &Around) -> Option<Tunnel> {
    let (name, own) = (around.tunnel.clone(), around.own);
    let sandbox = sandboxes.join(around.sandbox.as_str());
    let why_not = match run_inside(sandbox, move || Tunnel::open(&name, own)).await {
        Ok(Ok(tunnel)) => return Some(tunnel),
        Ok(Err(error)) => chain(&error),
        Err(error) => chain(&error),
    };
    debug!(error = why_not, "no nodes are asked yet");
    None
}

/// One round after another.
#[derive(Debug)]
struct Rounds<E> {
    detector: Detector,
    /// `None`: it has to be opened; anew when nobody could be asked, as the tunnel may be another one by now.
    echo: Option<E>,
}

impl<E> Default for Rounds<E> {
    fn default() -> Self {
        Self { detector: Detector::default(), echo: None }
    }
}

impl<E: Echo> Rounds<E> {
    /// Weighs what was heard, and asks all `others`.
    fn next(&mut self, now: Instant, others: &BTreeMap<NodeId, Ipv4Addr>) -> Vec<News> {
        let answers = self.echo.as_mut().map(Echo::answers).unwrap_or_default();
        let heard = others.iter().filter(|(_, addr)| answers.contains(addr));
        let heard = heard.map(|(id, _)| id.clone()).collect();
        let news = self.detector.round(now, &others.keys().cloned().collect(), &heard);
        if self.ask(others) == 0 && !others.is_empty() {
            self.echo = None;
        }
        news
    }

    /// Returns how many of `others` could be asked.
    fn ask(&mut self, others: &BTreeMap<NodeId, Ipv4Addr>) -> usize {
        let Some(echo) = &mut self.echo else { return 0 };
        echo.begin();
        let mut asked = 0;
        for (id, addr) in others {
            match echo.ask(*addr) {
                Ok(()) => {
                    asked += 1;
                    self.detector.asked(id);
                }
                Err(error) => debug!(%id, error = chain(&error), "a node could not be asked"),
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests;
