//! What the agent measures for whoever checks the node. It judges nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_proto::clock::ClockReading;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::rpc::CLOCK;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::CallError;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::handle::AgentHandle;
use crate::handle::Inner;

/// How far the kernel tables of a node are behind what the node was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The generation of what it was told last, when it was looked at first.
    pub told: Generation,
    /// What its tables have reached since.
    pub programmed: Generation,
}

/// The other nodes of the data plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Those that answer through the tunnel.
    pub answering: BTreeSet<NodeId>,
    /// Those that do not.
    pub silent: BTreeSet<NodeId>,
}

impl AgentHandle {
    /// The clock of the manager at `addr`. It is asked twice, as the first call may have to connect.
    ///
    /// # Errors
    ///
    /// When it does not say.
    pub async fn clock_of(&self, addr: SocketAddr) -> Result<ClockReading, CallError> {
        self.read_clock(addr).await?;
        self.read_clock(addr).await
    }

    async fn read_clock(&self, addr: SocketAddr) -> Result<ClockReading, CallError> {
        let (asked, began) = (Timestamp::now(), Instant::now());
        let theirs = self.inner.member.client.call(addr, CLOCK, &()).await?;
        Ok(ClockReading::new(asked, theirs, began.elapsed()))
    }

    /// How far the tables are, once they have reached what the node was told, or after `patience`. Those that a witness does not have always are.
    pub async fn tables(&self, patience: Duration) -> Tables {
        let told = self.inner.member.known.borrow().as_ref().map(|known| known.generation);
        let told = told.unwrap_or_default();
        let Some(work) = &self.inner.work else { return Tables { told, programmed: told } };
        let mut progress = work.plane.progress();
        let reached = progress.wait_for(|progress| progress.generation >= told);
        drop(timeout(patience, reached).await);
        let programmed = progress.borrow().generation;
        Tables { told, programmed }
    }

    /// The ports on which this node is to answer HTTP, and why it cannot.
    #[must_use]
    pub fn http_ports(&self) -> BTreeMap<u16, Option<String>> {
        let ports = self.inner.work.as_ref().map(|work| work.http.ports.borrow().clone());
        ports.unwrap_or_default()
    }

    /// Which other nodes answer through the tunnel, once all do, or after `patience`. None where no node is asked, as the swarm has no ingress
    /// network.
    pub async fn peers(&self, patience: Duration) -> Peers {
        let Inner { member, work: Some(work), .. } = &*self.inner else { return Peers::default() };
        let own = member.identity.borrow().node_id.clone();
        let known = member.known.borrow().clone().unwrap_or_default();
        if !known.networks.values().any(|network| network.ingress) {
            return Peers::default();
        }
        let others: BTreeSet<NodeId> =
            known.peers.keys().filter(|node| **node != own).cloned().collect();
        let mut reached = work.plane.reached();
        let all = reached.wait_for(|reached| reached.answering.is_superset(&others));
        drop(timeout(patience, all).await);
        let answering = &reached.borrow().answering & &others;
        Peers { silent: &others - &answering, answering }
    }
}
