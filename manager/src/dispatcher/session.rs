//! What one session says and asks for. Pure: it is fed with what comes in, and says what is to be done.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::agent::Welcome;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::TlsInfo;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::traffic::Traffic;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Encoded;

use super::assignment::news::News;
use crate::ca::rotation::renewal_time;
use crate::ca::rotation::required_issuer;
use crate::heartbeat::heartbeat_period;
use crate::members::manager_addresses;
use crate::state::NodeReport;
use crate::state::State;

/// What a node sees of the state, besides what it is assigned.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Which state it is.
    pub(super) generation: Generation,
    /// Where managers can be reached.
    pub(super) managers: Vec<SocketAddr>,
    /// The role of the node.
    pub(super) role: NodeRole,
    /// The format in which the node is to keep what it keeps.
    pub(super) format: Format,
    /// The first state since the cluster was made of a backup.
    pub(super) restored: Generation,
    /// How often the node has to be heard of.
    pub(super) heartbeat_period: Duration,
    /// The certificate of the authority that the node is to trust, PEM.
    pub(super) trust_root: Option<String>,
    /// The public key of the authority that the node's certificate has to be from, if that has changed, and how long it may take to renew.
    pub(super) issuer: Option<(String, Duration)>,
}

impl View {
    /// What `node` sees of `state`; `None` when it is not a node of the cluster.
    pub(super) fn of(state: &State, node: &NodeId) -> Option<Self> {
        Some(Self {
            role: state.nodes().get(node)?.role,
            generation: state.generation(),
            managers: manager_addresses(state),
            format: state.format(),
            restored: Generation(state.cluster().map_or(0, |cluster| cluster.restored.index)),
            heartbeat_period: heartbeat_period(state),
            trust_root: state.cluster().map(|cluster| cluster.root_ca.certificate.clone()),
            issuer: required_issuer(state).map(|issuer| (issuer, renewal_time(state))),
        })
    }
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Write down what the node is.
    Report(Box<NodeReport>),
    /// Write down what became of tasks, and say [`ManagerMessage::StatusesStored`] with this number once that is done.
    Store(u64, Vec<TaskStatusUpdate>),
    /// Write down that the node has left, and end the session.
    Depart(Box<NodeReport>),
    /// Note what the node's kernel tables have reached.
    Programmed(Generation),
    /// Note which nodes the node has lost.
    Lost(BTreeSet<NodeId>),
    /// Note what its machine has to do.
    Load(NodeLoad),
    /// Note what it answers over HTTP.
    Traffic(Traffic),
    /// Say something.
    Send(ManagerMessage),
    /// Say something that is said to other nodes too.
    Pass(Encoded),
}

/// A difference that a node is to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// It is for this node only.
    Own(AssignmentSet),
    /// It is the same for others.
    Shared(Encoded),
}

/// The session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The agent did not begin with its registration.
    #[error("the agent did not register first")]
    Unregistered,
    /// The node is not a node of the cluster any more.
    #[error("the node was removed")]
    Removed,
    /// The agent was told another heartbeat period than the one that counts now. A new session tells it.
    #[error("the heartbeat period has changed")]
    HeartbeatChanged,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    node_id: NodeId,
    addr: IpAddr,
    registered: bool,
    /// What the agent was told last; `None` before the welcome.
    told: Option<View>,
    /// The role that the agent knows it has.
    role: NodeRole,
    /// What the agent says of its certificate and the authority it trusts, or has been told about these.
    tls: TlsInfo,
    /// The last set that was sent.
    sent: Generation,
    /// What the agent says its tables have reached.
    acknowledged: Generation,
    /// What its tables have reached, by what it said and by what it did not have to be told.
    programmed: Generation,
}

impl Session {
    /// A session with `peer`, which calls from `addr`.
    pub(crate) fn new(peer: &Peer, addr: IpAddr) -> Self {
        Self {
            node_id: peer.node_id.clone(),
            addr,
            registered: false,
            told: None,
            role: peer.role,
            tls: TlsInfo::default(),
            sent: Generation::default(),
            acknowledged: Generation::default(),
            programmed: Generation::default(),
        }
    }

    /// The node that it is with.
    pub(super) const fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// Whether the agent has said what it is. Before that it is told nothing.
    pub(crate) const fn is_registered(&self) -> bool {
        self.registered
    }

    /// Whether the agent was told how the session begins. Before that it can be told nothing else.
    pub(crate) const fn is_welcome(&self) -> bool {
        self.told.is_some()
    }

    /// The agent says something.
    pub(crate) fn receive(&mut self, message: AgentMessage) -> Result<Vec<Effect>, Fault> {
        match message {
            AgentMessage::Register(registration) => {
                self.registered = true;
                self.tls = registration.description.tls_info.clone();
                Ok(vec![Effect::Report(Box::new(self.report(*registration)))])
            }
            _ if !self.registered => Err(Fault::Unregistered),
            AgentMessage::Heartbeat => Ok(Vec::new()),
            AgentMessage::Lost(nodes) => Ok(vec![Effect::Lost(nodes)]),
            AgentMessage::Load(load) => Ok(vec![Effect::Load(load)]),
            AgentMessage::Traffic(traffic) => Ok(vec![Effect::Traffic(traffic)]),
            AgentMessage::TaskStatuses { sequence, statuses } => {
                Ok(vec![Effect::Store(sequence, statuses)])
            }
            AgentMessage::Leaving => Ok(vec![Effect::Depart(Box::new(self.departure()))]),
            AgentMessage::Programmed(generation) => {
                self.acknowledged = generation;
                Ok(self.reached().into_iter().collect())
            }
        }
    }

    /// The state has changed, or the agent has just registered. `view` is `None` when the node is gone; `news` is what it is to know that it
    /// was not told before.
    pub(super) fn observe(&mut self, view: Option<View>, news: News) -> Result<Vec<Effect>, Fault> {
        let view = view.ok_or(Fault::Removed)?;
        let mut messages = match &self.told {
            None => welcome(&view, news),
            Some(told) if told.heartbeat_period != view.heartbeat_period => {
                return Err(Fault::HeartbeatChanged);
            }
            Some(told) => changed(told, &view, news),
        };
        if view.role != self.role {
            self.role = view.role;
            messages.push(ManagerMessage::RoleChanged(view.role));
        }
        messages.extend(self.about_certificates(&view));
        if messages.iter().any(|message| matches!(message, ManagerMessage::Assignments(_))) {
            self.sent = view.generation;
        }
        self.told = Some(view);
        Ok(messages.into_iter().map(Effect::Send).chain(self.reached()).collect())
    }

    /// The state has moved on to `generation`, and `difference` is all that is different for the agent. Says nothing before the welcome.
    pub(super) fn advance(
        &mut self,
        generation: Generation,
        difference: Option<Difference>,
    ) -> Vec<Effect> {
        let Some(told) = &mut self.told else { return Vec::new() };
        told.generation = generation;
        let effect = difference.map(|difference| match difference {
            Difference::Own(set) => Effect::Send(ManagerMessage::Assignments(set)),
            Difference::Shared(message) => Effect::Pass(message),
        });
        if effect.is_some() {
            self.sent = generation;
        }
        effect.into_iter().chain(self.reached()).collect()
    }

    /// What the agent is to be told once about its certificate, and the authority it trusts.
    fn about_certificates(&mut self, view: &View) -> Vec<ManagerMessage> {
        let mut messages = Vec::new();
        if let Some(root) = view.trust_root.as_ref().filter(|root| **root != self.tls.trust_root) {
            self.tls.trust_root.clone_from(root);
            messages.push(ManagerMessage::Trust(root.clone()));
        }
        if let Some((issuer, within)) = &view.issuer
            && *issuer != self.tls.cert_issuer_public_key
        {
            self.tls.cert_issuer_public_key.clone_from(issuer);
            messages.push(ManagerMessage::RenewCertificate((*within).into()));
        }
        messages
    }

    /// What is to be noted about the node's tables, if that is news.
    ///
    /// Most writes change nothing for most nodes, which are not told of them. A node that has programmed all it was told has
    /// therefore reached every state that was looked at since.
    fn reached(&mut self) -> Option<Effect> {
        let seen = self.told.as_ref()?.generation;
        let reached = if self.acknowledged >= self.sent { seen } else { self.acknowledged };
        if reached <= self.programmed {
            return None;
        }
        self.programmed = reached;
        Some(Effect::Programmed(reached))
    }

    fn departure(&self) -> NodeReport {
        NodeReport {
            node_id: self.node_id.clone(),
            status: NodeStatus {
                state: NodeState::Down,
                message: "node has left the swarm".to_owned(),
                addr: self.addr.to_string(),
            },
            description: None,
            data_path_addr: None,
            versions: None,
        }
    }

    fn report(&self, registration: Registration) -> NodeReport {
        let Registration { description, data_path_addr, versions } = registration;
        NodeReport {
            node_id: self.node_id.clone(),
            status: NodeStatus {
                state: NodeState::Ready,
                message: String::new(),
                addr: self.addr.to_string(),
            },
            description: Some(description),
            data_path_addr: Some(data_path_addr),
            versions: Some(versions),
        }
    }
}

/// How a session begins: with everything.
fn welcome(view: &View, everything: News) -> Vec<ManagerMessage> {
    let welcome = Welcome {
        heartbeat_period: view.heartbeat_period.into(),
        managers: view.managers.clone(),
        format: view.format,
        versions: Versions::own(),
        restored: view.restored,
    };
    let everything = everything.into_set(view.generation, true);
    vec![ManagerMessage::Welcome(welcome), ManagerMessage::Assignments(everything)]
}

/// How it goes on: with what has changed.
fn changed(told: &View, view: &View, news: News) -> Vec<ManagerMessage> {
    let mut messages = Vec::new();
    if told.managers != view.managers {
        messages.push(ManagerMessage::Managers(view.managers.clone()));
    }
    if !news.is_empty() {
        messages.push(ManagerMessage::Assignments(news.into_set(view.generation, false)));
    }
    messages
}

#[cfg(test)]
mod tests;
