//! The replicated log, without raft, which has a simulation of its own: what was proposed, what of it is committed, and who waits for an answer.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rand::RngExt;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::Snapshot;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::version::Version;

use crate::invariants::Name;
use crate::world::Event;
use crate::world::Plant;
use crate::world::World;

/// Who has proposed something, and waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A loop of a leader.
    Loop { leader: u64, which: usize },
    /// A session: the machine's report of itself.
    Report(u64),
    /// A session: statuses with this number.
    Statuses(u64, u64),
    /// A session that ends with it.
    Departure(u64),
    /// A user, whose command has this number.
    User(u64),
    /// Nobody.
    Nobody,
}

/// Something that was proposed and not answered.
pub(crate) struct Proposal {
    pub(crate) leader: u64,
    pub(crate) origin: Origin,
    pub(crate) transaction: Transaction,
}

/// What is committed, and what is not yet.
#[derive(Default)]
pub(crate) struct Log {
    /// One entry after another; its index is its position, from 1.
    pub(crate) entries: Vec<Transaction>,
    state: State,
    pub(crate) proposals: BTreeMap<u64, Proposal>,
    /// Who waits for the answer that is on its way.
    waiting: BTreeMap<u64, (u64, Origin, Transaction)>,
}

impl Log {
    /// What all of it comes to.
    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// The entry that has made one of these services is gone: a fault, to be found.
    pub(crate) fn lose(&mut self, services: &BTreeSet<ServiceId>) {
        let makes = |op: &Op| matches!(op, Op::PutService(it) if it.meta.version == Version::NONE && services.contains(&it.id));
        let lost = self.entries.iter_mut().rev().find(|entry| entry.ops.iter().any(makes));
        lost.into_iter().for_each(|entry| entry.ops.clear());
        self.state = State::default();
        for (index, entry) in (1_u64..).zip(&self.entries) {
            let _refused = apply(&mut self.state, index, entry);
        }
    }
}

impl World {
    /// Proposes something to the leader with this number.
    pub(crate) fn propose(&mut self, leader: u64, origin: Origin, transaction: Transaction) {
        let number = self.number();
        self.log.proposals.insert(number, Proposal { leader, origin, transaction });
        self.within(1..=25, Event::Commit(number));
    }

    /// A proposal is committed, and with it all that its leader was handed before, if it can still do so. Otherwise what becomes of it is decided
    /// when there is another leader.
    pub(crate) fn commit(&mut self, number: u64) {
        let Some(proposal) = self.log.proposals.get(&number) else { return };
        let leader = proposal.leader;
        if !self.is_majority_behind(leader) {
            // The entry is with the leader, and goes out as soon as the others are back.
            self.within(200..=400, Event::Commit(number));
            return;
        }
        let handed = self.log.proposals.range(..=number).filter(|(_, it)| it.leader == leader);
        let handed: Vec<u64> = handed.map(|(number, _)| *number).collect();
        for number in handed {
            let Some(proposal) = self.log.proposals.remove(&number) else { continue };
            let Proposal { origin, transaction, .. } = proposal;
            let done = self.append(&transaction);
            self.log.waiting.insert(number, (leader, origin, transaction));
            self.within(0..=3, Event::Answer(number, done));
        }
        self.leader_has_moved(leader);
        for manager in 0..self.managers.len() {
            if !std::mem::replace(&mut self.managers[manager].behind, true) {
                self.within(1..=100, Event::CatchUp(manager));
            }
        }
    }

    /// What is left of a leader that is gone: the first of it may be committed all the same, and nobody is told.
    pub(crate) fn settle_proposals(&mut self, gone: u64) {
        let left = self.log.proposals.iter().filter(|(_, it)| it.leader <= gone);
        let left: Vec<u64> = left.map(|(number, _)| *number).collect();
        // Nothing is appended in the name of a leader once there was another. If it were, two leaders that wait for the same moment would both
        // have a task replaced, as what a loop wants does not say what it expects of other tasks in the slot.
        let mut survives = self.newest == gone;
        for number in left {
            let Some(proposal) = self.log.proposals.remove(&number) else { continue };
            survives = survives && self.rng.random();
            let carried_out = survives && self.append(&proposal.transaction);
            if let Origin::User(command) = proposal.origin {
                let now = self.queue.now();
                self.trace.note(now, format_args!("command {command} may be lost: {carried_out}"));
                self.unknown(command);
            }
        }
    }

    /// Appends an entry, applies it, and looks whether all is well. Returns whether it was carried out.
    pub(crate) fn append(&mut self, transaction: &Transaction) -> bool {
        let before = self.log.state.clone();
        self.log.entries.push(transaction.clone());
        let outcome = apply(&mut self.log.state, self.log.entries.len() as u64, transaction);
        let now = self.queue.now();
        match &outcome {
            Ok(()) => self
                .trace
                .note(now, format_args!("{} {}", self.log.entries.len(), Said(transaction))),
            Err(error) => {
                self.trace.note(now, format_args!("refused: {error}: {}", Said(transaction)));
            }
        }
        if outcome.is_ok() {
            self.check(&before, transaction);
        }
        outcome.is_ok()
    }

    /// Who waits is told.
    pub(crate) fn answer(&mut self, number: u64, done: bool) {
        let Some((leader, origin, transaction)) = self.log.waiting.remove(&number) else { return };
        match origin {
            Origin::Loop { leader, which } => self.loop_answered(leader, which, done),
            Origin::Report(session) => self.reported(session, done),
            Origin::Statuses(session, sequence) => {
                if done {
                    self.check_stored(&transaction);
                }
                self.stored(session, sequence, done);
            }
            Origin::Departure(session) => self.end_session(session),
            Origin::User(command) => self.acknowledged(command, done),
            Origin::Nobody => {}
        }
        // What a transport repeats, or a slow path brings late, comes once more. Only what runs may go to and fro between ready and not, and
        // counts on the order that a session keeps.
        let reports = transaction.ops.iter().all(
            |op| matches!(op, Op::ReportTask { status, .. } if status.state != TaskState::Running),
        );
        if reports && self.troubled && self.leaders.contains_key(&leader) && self.once_in(12) {
            let number = self.number();
            let proposal = Proposal { leader, origin: Origin::Nobody, transaction };
            self.log.proposals.insert(number, proposal);
            self.within(1..=8000, Event::Commit(number));
        }
    }

    /// A manager applies what it has not applied yet.
    pub(crate) fn catch_up(&mut self, manager: usize) {
        let skips = self.plant == Some(Plant::SkipsEntry) && manager == 1;
        let Some(own) = self.managers.get_mut(manager).filter(|own| own.up && !own.cut) else {
            return;
        };
        own.behind = false;
        let from = usize::try_from(own.state.applied()).unwrap_or(usize::MAX);
        for (index, entry) in (1_u64..).zip(&self.log.entries).skip(from) {
            if skips && index == 40 {
                own.state.skip_to(index);
                continue;
            }
            let _refused = apply(&mut own.state, index, entry);
        }
    }

    /// Everything that managers have applied is the same.
    pub(crate) fn check_replicas(&mut self) {
        (0..self.managers.len()).for_each(|manager| self.catch_up(manager));
        let all = Snapshot::from(self.log.state.clone());
        for (number, manager) in self.managers.iter().enumerate() {
            if Snapshot::from(manager.state.clone()) != all {
                self.watch
                    .fail(Name::ReplicasConverge, format!("manager {number} has another state"));
                return;
            }
        }
    }
}

/// Carries out one entry as the state machine of raft does.
fn apply(state: &mut State, index: u64, transaction: &Transaction) -> Result<(), String> {
    let outcome = state.apply(index, transaction.clone());
    state.skip_to(index);
    outcome.map(drop).map_err(|error| error.to_string())
}

/// A transaction, in few words.
struct Said<'a>(&'a Transaction);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for op in &self.0.ops {
            match op {
                Op::PutTask(task) => write!(
                    f,
                    "[{} {}.{} {}->{} {} on {}{}]",
                    task.id,
                    task.service_name,
                    task.slot,
                    task.status.state,
                    task.desired_state,
                    task.routing.as_str(),
                    task.node_id.as_ref().map_or("-", |node| node.as_str()),
                    if task.migrate { " migrates" } else { "" },
                )?,
                Op::ReportTask { task_id, status, .. } => {
                    write!(
                        f,
                        "[{task_id} says {}{}]",
                        status.state,
                        if status.not_ready.is_some() { " not ready" } else { "" }
                    )?;
                }
                Op::ReportNode(report) => {
                    write!(
                        f,
                        "[node {} {:?} {}]",
                        report.node_id, report.status.state, report.status.message
                    )?;
                }
                Op::PutNode(node) => {
                    write!(f, "[put node {} {:?}]", node.id, node.spec.availability)?;
                }
                Op::PutService(service) => write!(
                    f,
                    "[put service {} {:?} {:?}]",
                    service.spec.name,
                    service.spec.mode,
                    service.update_status.as_ref().map(|it| it.state)
                )?,
                Op::Expect(..) => {}
                Op::Remove(what, _) => write!(f, "[remove {what:?}]")?,
                Op::PutNetwork(network) => write!(f, "[put network {}]", network.spec.name)?,
                _ => write!(f, "[other]")?,
            }
        }
        Ok(())
    }
}
