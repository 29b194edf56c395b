//! What every node has that is a member of a cluster, with an engine or without: who it is, what it remembers, and how it stands with the managers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::Registration;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::traffic::Traffic;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Client;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::config::AgentConfig;
use crate::ledger::Ledger;
use crate::logs::Ordered;
use crate::network::Reached;
use crate::parts::StartError;
use crate::renewal::Renewal;
use crate::reporter::Reporter;
use crate::session::Session;
use crate::standing::Known;
use crate::standing::SessionState;

/// A node that is a member.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) config: AgentConfig,
    pub(crate) identity: watch::Sender<Identity>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) known: watch::Sender<Known>,
    pub(crate) managers: watch::Sender<Vec<SocketAddr>>,
    pub(crate) state: watch::Sender<SessionState>,
    pub(crate) client: Client,
    /// Whether the node leaves the cluster.
    pub(crate) leaving: watch::Sender<bool>,
    pub(crate) reporter: Reporter,
}

/// What the managers want of the node's certificate, on its way from the session to the renewal.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    role: watch::Sender<Option<NodeRole>>,
    trust: watch::Sender<Option<String>>,
    renew: watch::Sender<Duration>,
}

/// What a session tells the managers of the node.
pub(crate) struct Told {
    pub(crate) registration: watch::Receiver<Registration>,
    pub(crate) engine: watch::Receiver<bool>,
    pub(crate) programmed: watch::Receiver<Generation>,
    pub(crate) reached: Option<watch::Receiver<Reached>>,
    pub(crate) load: watch::Receiver<Option<NodeLoad>>,
    pub(crate) traffic: watch::Receiver<Traffic>,
}

impl Member {
    /// The node that `identity` names, with what it remembers. Of `managers` and those it remembers, it looks for the leader by itself.
    ///
    /// # Errors
    ///
    /// When what it remembers cannot be read, or its identity is not valid.
    pub(crate) fn open(
        config: AgentConfig,
        identity: Identity,
        managers: Vec<SocketAddr>,
    ) -> Result<Self, StartError> {
        let ledger = Arc::new(Ledger::open(&config.state_dir.join("agent"))?);
        Ok(Self {
            known: watch::Sender::new(ledger.assignments()?.map(Arc::new)),
            managers: watch::Sender::new(merge(managers, ledger.managers()?)),
            client: Client::new(&identity)?,
            identity: watch::Sender::new(identity),
            state: watch::Sender::default(),
            leaving: watch::Sender::new(false),
            reporter: Reporter::default(),
            config,
            ledger,
        })
    }

    /// Looks after the node's certificate.
    pub(crate) fn renewal(&self, wanted: &Wanted) -> Renewal {
        Renewal {
            state_dir: self.config.state_dir.clone(),
            vault: Arc::clone(&self.config.vault),
            identity: self.identity.clone(),
            managers: self.managers.subscribe(),
            role: wanted.role.subscribe(),
            trust: wanted.trust.subscribe(),
            renew: wanted.renew.subscribe(),
            client: self.client.clone(),
        }
    }

    /// Keeps a session with the leader.
    pub(crate) fn session(
        &self,
        wanted: Wanted,
        told: Told,
        log_orders: mpsc::Sender<Ordered>,
    ) -> Session {
        let Told { registration, engine, programmed, reached, load, traffic } = told;
        Session {
            client: self.client.clone(),
            ledger: Arc::clone(&self.ledger),
            registration,
            engine,
            programmed,
            reached,
            load,
            traffic,
            reporter: self.reporter.clone(),
            known: self.known.clone(),
            managers: self.managers.clone(),
            role: wanted.role,
            trust: wanted.trust,
            renew: wanted.renew,
            state: self.state.clone(),
            leaving: self.leaving.subscribe(),
            log_orders,
        }
    }
}

/// All of both, each once.
fn merge(mut first: Vec<SocketAddr>, second: Vec<SocketAddr>) -> Vec<SocketAddr> {
    first.extend(second);
    let mut seen = BTreeSet::new();
    first.retain(|addr| seen.insert(*addr));
    first
}
