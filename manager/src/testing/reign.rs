//! All that a manager has in memory because it leads, and loses with that: what its loops have to do, the sessions, and who was heard of.
//!
//! Everything is decided by the code of the real leader. What is left out is the shell around it ([`crate::loops::driver`] and the server of
//! sessions): when something is looked at, and when what is proposed is carried out, is for the simulation to say.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::time::Timestamp;

use crate::dispatcher::assignment::assignments_for;
use crate::dispatcher::assignment::diff;
use crate::dispatcher::session::Effect;
use crate::dispatcher::session::Session;
use crate::dispatcher::turns::Turns;
use crate::heartbeat::Sessions;
use crate::heartbeat::heartbeat_period;
use crate::loops::LOOPS;
use crate::reconcile::Agenda;
use crate::reconcile::Plan;
use crate::reconcile::Programmed;
use crate::reconcile::Scope;
use crate::reconcile::View;
use crate::routing::PATIENCE;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// What a manager has in memory while it leads.
#[derive(Debug)]
pub struct Reign {
    since: Timestamp,
    sessions: Sessions,
    programmed: Programmed,
    agendas: Vec<Agenda>,
    talks: BTreeMap<NodeId, Talk>,
    turns: Turns,
    rng: StdRng,
}

/// A session, and what it has said.
#[derive(Debug)]
struct Talk {
    session: Session,
    /// The state that the agent was last told of.
    seen: Option<State>,
    /// What it has said comes to.
    known: BTreeMap<AssignmentKey, Assignment>,
}

/// One pass of a loop, from its decision to the answers to what it has proposed.
#[derive(Debug)]
pub struct Pass {
    scope: Scope,
    plan: Plan,
    /// What it wants carried out. Whether that was done is to be said to [`Reign::end`].
    pub transactions: Vec<Transaction>,
    /// What it would have wanted if it had looked at everything, if that is something else. It should not be.
    pub missed: Option<Vec<Transaction>>,
}

/// What follows from something that happens in a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The agent is to be told this.
    Say(ManagerMessage),
    /// This is to be proposed, and if the proposal fails the session ends.
    Propose(Transaction),
    /// These statuses are to be proposed, and once they are stored the agent is to be told this number.
    Store(u64, Transaction),
    /// This is to be proposed, and then the session ends.
    Depart(Transaction),
    /// Another agent is to be told that it should give a sign of life.
    Ask(NodeId),
    /// All loops have to look again.
    WakeAll,
    /// The loops that follow tables have to look again.
    WakeFollowers,
}

impl Talk {
    fn learn(&mut self, set: AssignmentSet) -> Result<(), String> {
        if set.complete {
            self.known.clear();
        }
        set.remove.iter().for_each(|key| drop(self.known.remove(key)));
        self.known.extend(set.put.into_iter().map(|put| (put.key(), put)));
        for difference in set.differences {
            let (network, service) = (&difference.network_id, &difference.service_id);
            let key = AssignmentKey::Endpoint(network.clone(), service.clone());
            let Some(Assignment::Endpoint(endpoint)) = self.known.get_mut(&key) else {
                return Err(format!("what {service} was on {network} was not told"));
            };
            difference.apply(endpoint).map_err(|unfitting| unfitting.to_string())?;
        }
        Ok(())
    }
}

impl Reign {
    /// A manager that leads since `now`. The seed is for the ids of what its loops make.
    #[must_use]
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self {
            since: now,
            sessions: Sessions::default(),
            programmed: Programmed::default(),
            agendas: LOOPS.iter().map(|step| Agenda::new(step.pace)).collect(),
            talks: BTreeMap::new(),
            turns: Turns::default(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// The names of the loops; everywhere else they are named by their position here.
    pub fn loops() -> impl Iterator<Item = &'static str> {
        LOOPS.iter().map(|step| step.name)
    }

    /// Whether a loop has to look again when a node has programmed its tables.
    #[must_use]
    pub fn follows_tables(which: usize) -> bool {
        LOOPS.get(which).is_some_and(|step| step.follows_tables)
    }

    /// One pass of a loop over `state`. `None` if there is no such loop. [`Reign::end`] has to follow. If it is to be `compared`, it is also made
    /// over everything.
    pub fn begin(
        &mut self,
        which: usize,
        state: &State,
        now: Timestamp,
        compared: bool,
    ) -> Option<Pass> {
        let (step, agenda) = LOOPS.get(which).zip(self.agendas.get_mut(which))?;
        let scope = agenda.begin(state, now);
        let mut view = View {
            state: state.clone(),
            sessions: self.sessions.clone(),
            programmed: self.programmed.clone(),
            leader_since: self.since,
            scope: Scope::Everything,
            routing_patience: PATIENCE,
        };
        let compared = compared && step.pace.is_none();
        let seed = self.rng.random();
        let decide = |view: &View| (step.reconcile)(view, now, &mut StdRng::seed_from_u64(seed));
        let full = compared.then(|| decide(&view));
        view.scope = scope;
        let mut plan = decide(&view);
        let transactions = std::mem::take(&mut plan.transactions);
        let missed = full.map(|full| full.transactions).filter(|full| *full != transactions);
        Some(Pass { scope: view.scope, plan, transactions, missed })
    }

    /// What a pass wanted was carried out, or some of it was not. Returns when to look again even if nothing changes until then.
    pub fn end(&mut self, which: usize, pass: Pass, done: bool) -> Option<Timestamp> {
        let agenda = self.agendas.get_mut(which)?;
        agenda.end(pass.scope, &pass.plan, done);
        agenda.next()
    }

    /// An agent calls. A session that it has already is over.
    pub fn open(&mut self, peer: &Peer, addr: IpAddr) {
        let session = Session::new(peer, addr);
        let talk = Talk { session, seen: None, known: BTreeMap::new() };
        self.talks.insert(peer.node_id.clone(), talk);
        self.programmed.remove(&peer.node_id);
    }

    /// The session of a node is over. Returns what follows.
    pub fn close(&mut self, node: &NodeId, now: Timestamp) -> Vec<Act> {
        if self.talks.remove(node).is_none() {
            return Vec::new();
        }
        self.programmed.remove(node);
        self.sessions.loads.remove(node);
        let decides = self.sessions.suspicions.hang_up(node, now);
        let all = decides.then_some(Act::WakeAll);
        all.into_iter().chain([Act::WakeFollowers]).collect()
    }

    /// An agent says something in its session.
    ///
    /// # Errors
    ///
    /// Why the session cannot go on.
    pub fn receive(
        &mut self,
        node: &NodeId,
        message: AgentMessage,
        state: &State,
        now: Timestamp,
    ) -> Result<Vec<Act>, String> {
        let Some(talk) = self.talks.get_mut(node) else { return Err("no session".to_owned()) };
        let mut acts = Vec::new();
        if matches!(message, AgentMessage::Register(_) | AgentMessage::Heartbeat) {
            let news = self.sessions.heard(node, now, heartbeat_period(state));
            acts.extend(news.then_some(Act::WakeAll));
        }
        let effects = talk.session.receive(message).map_err(|fault| fault.to_string())?;
        acts.extend(self.carry_out(node, effects, state, now));
        Ok(acts)
    }

    /// Tells an agent what is different for it in `state`.
    ///
    /// # Errors
    ///
    /// Why the session cannot go on.
    pub fn follow(
        &mut self,
        node: &NodeId,
        state: &State,
        now: Timestamp,
    ) -> Result<Vec<Act>, String> {
        let Some(talk) = self.talks.get_mut(node) else { return Err("no session".to_owned()) };
        if !talk.session.is_registered() {
            return Ok(Vec::new());
        }
        let followed = self.turns.follow(&mut talk.session, &mut talk.seen, state.clone());
        let effects = followed.map_err(|fault| fault.to_string())?;
        self.note(node, &effects)?;
        Ok(self.carry_out(node, effects, state, now))
    }

    /// Whether what was said in the session of a node comes to all that it is to know in `state`.
    #[must_use]
    pub fn has_told(&self, node: &NodeId, state: &State) -> bool {
        let talk = self.talks.get(node).filter(|talk| talk.session.is_welcome());
        talk.is_none_or(|talk| {
            let (put, remove) = diff(&talk.known, &assignments_for(state, node));
            put.is_empty() && remove.is_empty()
        })
    }

    /// Takes it that every node has confirmed whatever there is: a fault, for the simulation to find.
    pub fn believe_all(&mut self, state: &State) {
        for node in state.nodes().keys() {
            self.programmed.insert(node.clone(), state.generation());
        }
    }

    /// How often agents have to be heard of.
    #[must_use]
    pub fn heartbeat_period(state: &State) -> Duration {
        heartbeat_period(state)
    }

    /// Adds what is said to a node to what it knows.
    fn note(&mut self, node: &NodeId, effects: &[Effect]) -> Result<(), String> {
        let Some(talk) = self.talks.get_mut(node) else { return Ok(()) };
        for message in effects.iter().filter_map(said) {
            if let ManagerMessage::Assignments(set) = message {
                talk.learn(set)?;
            }
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        node: &NodeId,
        effects: Vec<Effect>,
        state: &State,
        now: Timestamp,
    ) -> Vec<Act> {
        let report = |report| Transaction::new(now).with(Op::ReportNode(report));
        let mut acts = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(_) | Effect::Pass(_) => acts.extend(said(&effect).map(Act::Say)),
                Effect::Report(node) => acts.push(Act::Propose(report(node))),
                Effect::Depart(gone) => {
                    self.sessions.forget(node);
                    acts.push(Act::Depart(report(gone)));
                }
                Effect::Programmed(generation) => {
                    self.programmed.insert(node.clone(), generation);
                    acts.push(Act::WakeFollowers);
                }
                Effect::Load(load) => drop(self.sessions.loads.insert(node.clone(), load)),
                Effect::Traffic(traffic) => {
                    drop(self.sessions.traffic.insert(node.clone(), traffic));
                }
                Effect::Lost(lost) => {
                    let mut asked = Vec::new();
                    let suspicions = &mut self.sessions.suspicions;
                    suspicions.report(node, lost);
                    let news = suspicions.weigh(state, now, |suspect| {
                        let is_there = self.talks.contains_key(suspect);
                        asked.extend(is_there.then(|| suspect.clone()));
                        is_there
                    });
                    acts.extend(asked.into_iter().map(Act::Ask));
                    acts.extend(news.then_some(Act::WakeAll));
                }
                Effect::Store(sequence, statuses) => {
                    let ops = statuses.into_iter().map(|update| Op::ReportTask {
                        node_id: node.clone(),
                        task_id: update.task_id,
                        status: Box::new(update.status),
                    });
                    acts.push(Act::Store(sequence, Transaction { at: now, ops: ops.collect() }));
                }
            }
        }
        acts
    }
}

/// What an effect says to the agent.
fn said(effect: &Effect) -> Option<ManagerMessage> {
    match effect {
        Effect::Send(message) => Some(message.clone()),
        Effect::Pass(encoded) => encoded.message().ok().flatten(),
        _ => None,
    }
}
