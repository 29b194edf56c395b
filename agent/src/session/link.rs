//! One session with one manager, from the first message to the last.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::agent::Welcome;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::protocol::LOADS;
use swarmlite_proto::protocol::LOST_NODES;
use swarmlite_proto::protocol::TRAFFIC;
use swarmlite_proto::rpc::SESSION;
use swarmlite_proto::traffic::Traffic;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::FrameSender;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;
use tokio::time::sleep_until;
use tokio::time::timeout;

use super::error::SessionError;
use super::error::WELCOME_TIMEOUT;
use super::setup::Session;
use crate::assignment::Assignments;
use crate::ledger::LedgerError;
use crate::network::Reached;

/// The shortest heartbeat period taken: a manager that asks for less is mistaken.
const MIN_HEARTBEAT: Duration = Duration::from_millis(50);

/// How long the managers get to store statuses before they are sent again.
const RESEND_AFTER: Duration = Duration::from_secs(5);

/// One session with one manager.
pub(super) struct Link<'a> {
    session: &'a Session,
    addr: SocketAddr,
    sender: FrameSender,
    receiver: FrameReceiver,
    heartbeat: Duration,
    /// Counts the batches of statuses.
    sequence: u64,
    in_flight: Option<Batch>,
    /// Whether a complete set has come in this session.
    told_everything: bool,
    /// The first state since the cluster was made of a backup.
    restored: Generation,
    /// Whether the manager listens to which nodes are lost.
    takes_lost: bool,
    /// Whether the manager listens to what the machine has to do.
    takes_load: bool,
    takes_traffic: bool,
    /// The nodes that the manager was told are lost; `None` before the first time.
    lost: Option<BTreeSet<NodeId>>,
}

/// Statuses that the managers have not stored yet.
struct Batch {
    statuses: Vec<TaskStatusUpdate>,
    resend_at: Instant,
}

/// Something to act on.
enum Event {
    Message(ManagerMessage),
    Heartbeat,
    Registration(Box<Registration>),
    Programmed(Generation),
    Reached(BTreeSet<NodeId>),
    Load(Option<NodeLoad>),
    Traffic(Traffic),
    Statuses,
    Resend,
    Leaving,
}

impl<'a> Link<'a> {
    /// Calls `addr`, registers, and waits to be welcome.
    pub(super) async fn open(session: &'a Session, addr: SocketAddr) -> Result<Self, SessionError> {
        let (sender, mut receiver) = session.client.stream(addr, SESSION).await?;
        let registration = session.registration.borrow().clone();
        sender.send(&AgentMessage::Register(Box::new(registration))).await?;
        let message = timeout(WELCOME_TIMEOUT, receiver.receive())
            .await
            .map_err(|_elapsed| SessionError::NoWelcome)??;
        let Welcome { heartbeat_period, managers, format, versions, restored } = match message {
            Some(ManagerMessage::Welcome(welcome)) => welcome,
            Some(_) => return Err(SessionError::Unexpected("welcome")),
            None => return Err(SessionError::Ended),
        };
        let mut link = Self {
            session,
            addr,
            sender,
            receiver,
            heartbeat: heartbeat_period.to_duration().max(MIN_HEARTBEAT),
            sequence: 0,
            in_flight: None,
            told_everything: false,
            restored,
            takes_lost: versions.protocol.speaks(LOST_NODES),
            takes_load: versions.protocol.speaks(LOADS),
            takes_traffic: versions.protocol.speaks(TRAFFIC),
            lost: None,
        };
        session.ledger.write_in(format);
        link.learn_managers(managers).await?;
        Ok(link)
    }

    /// Whether a complete set of assignments has come.
    pub(super) fn told_everything(&self) -> bool {
        self.told_everything
    }

    /// Carries messages until the session ends.
    pub(super) async fn run(&mut self) -> Result<Infallible, SessionError> {
        let mut heartbeat = interval(self.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut registration = self.session.registration.clone();
        registration.mark_unchanged();
        let mut programmed = self.session.programmed.clone();
        // A new session does not know what the last one was told.
        programmed.mark_changed();
        let mut statuses = self.session.reporter.changes();
        statuses.mark_changed();
        let mut reached = self.session.reached.clone().filter(|_| self.takes_lost);
        reached.iter_mut().for_each(watch::Receiver::mark_changed);
        let mut load = self.session.load.clone();
        load.mark_changed();
        let mut traffic = self.session.traffic.clone();
        traffic.mark_changed();
        let mut leaving = self.session.leaving.clone();
        loop {
            let resend_at = self.in_flight.as_ref().map(|batch| batch.resend_at);
            // Every arm is cancel-safe: receiving keeps what it has read, and watches and timers lose nothing.
            let event = tokio::select! {
                message = self.receiver.receive() => {
                    Event::Message(message?.ok_or(SessionError::Ended)?)
                }
                _ = heartbeat.tick() => Event::Heartbeat,
                Ok(()) = registration.changed() => {
                    Event::Registration(Box::new(registration.borrow_and_update().clone()))
                }
                Ok(()) = programmed.changed() => Event::Programmed(*programmed.borrow_and_update()),
                Some(lost) = newly_lost(&mut reached) => Event::Reached(lost),
                Ok(()) = load.changed(), if self.takes_load => Event::Load(*load.borrow_and_update()),
                Ok(()) = traffic.changed(), if self.takes_traffic => {
                    Event::Traffic(traffic.borrow_and_update().clone())
                }
                Ok(()) = statuses.changed(), if resend_at.is_none() => Event::Statuses,
                Ok(()) = leaving.changed() => Event::Leaving,
                () = sleep_until(resend_at.unwrap_or_else(Instant::now)), if resend_at.is_some() => {
                    Event::Resend
                }
            };
            self.act(event).await?;
        }
    }

    async fn act(&mut self, event: Event) -> Result<(), SessionError> {
        match event {
            Event::Message(message) => self.handle(message).await,
            Event::Heartbeat => self.send_heartbeat().await,
            Event::Registration(registration) => {
                self.send(AgentMessage::Register(registration)).await
            }
            Event::Programmed(generation) => self.send(AgentMessage::Programmed(generation)).await,
            Event::Reached(lost) => self.send_lost(lost).await,
            Event::Load(Some(load)) => self.send(AgentMessage::Load(load)).await,
            Event::Load(None) => Ok(()),
            Event::Traffic(traffic) => self.send(AgentMessage::Traffic(traffic)).await,
            // The manager ends the session once it knows.
            Event::Leaving => self.send(AgentMessage::Leaving).await,
            Event::Statuses | Event::Resend => self.send_statuses().await,
        }
    }

    async fn handle(&mut self, message: ManagerMessage) -> Result<(), SessionError> {
        match message {
            ManagerMessage::Welcome(_) => Err(SessionError::Unexpected("the end")),
            ManagerMessage::Assignments(set) => self.learn_assignments(set).await,
            ManagerMessage::Managers(managers) => self.learn_managers(managers).await,
            ManagerMessage::HeartbeatNow => self.send_heartbeat().await,
            ManagerMessage::RoleChanged(role) => {
                self.session.role.send_replace(Some(role));
                Ok(())
            }
            ManagerMessage::Trust(root_ca) => {
                self.session.trust.send_replace(Some(root_ca));
                Ok(())
            }
            ManagerMessage::RenewCertificate(within) => {
                self.session.renew.send_replace(within.to_duration());
                Ok(())
            }
            ManagerMessage::PublishLogs(order) => {
                // A queue that is full is not waited for: there is more to be heard than this.
                if self.session.log_orders.try_send((self.addr, order)).is_err() {
                    tracing::warn!("too many orders to publish logs, this one is left out");
                }
                Ok(())
            }
            ManagerMessage::StatusesStored(sequence) => {
                if sequence >= self.sequence
                    && let Some(batch) = self.in_flight.take()
                {
                    self.session.reporter.stored(&batch.statuses);
                    self.send_statuses().await?;
                }
                Ok(())
            }
        }
    }

    /// Gives a sign of life, if the node is of use.
    async fn send_heartbeat(&mut self) -> Result<(), SessionError> {
        if *self.session.engine.borrow() {
            self.send(AgentMessage::Heartbeat).await?;
        }
        Ok(())
    }

    /// Reports which nodes are lost, if the manager does not know.
    async fn send_lost(&mut self, lost: BTreeSet<NodeId>) -> Result<(), SessionError> {
        if self.lost.as_ref() != Some(&lost) {
            self.send(AgentMessage::Lost(lost.clone())).await?;
            self.lost = Some(lost);
        }
        Ok(())
    }

    /// Sends what waits, if anything does.
    async fn send_statuses(&mut self) -> Result<(), SessionError> {
        self.in_flight = None;
        let statuses = self.session.reporter.batch();
        if statuses.is_empty() {
            return Ok(());
        }
        self.sequence += 1;
        let sequence = self.sequence;
        self.send(AgentMessage::TaskStatuses { sequence, statuses: statuses.clone() }).await?;
        self.in_flight = Some(Batch { statuses, resend_at: Instant::now() + RESEND_AFTER });
        Ok(())
    }

    async fn send(&mut self, message: AgentMessage) -> Result<(), SessionError> {
        Ok(self.sender.send(&message).await?)
    }

    async fn learn_assignments(&mut self, set: AssignmentSet) -> Result<(), SessionError> {
        if !set.complete && !self.told_everything {
            return Err(SessionError::Unexpected("a complete set of assignments"));
        }
        let complete = set.complete;
        let mut known = self.session.known.borrow().as_deref().cloned().unwrap_or_default();
        // What it knows is of a cluster that is no more: the managers have forgotten what they were told since the backup.
        let is_behind = known.generation < self.restored;
        known.apply(set)?;
        let known = Arc::new(known);
        let (ledger, kept) = (Arc::clone(&self.session.ledger), Arc::clone(&known));
        on_disk(move || {
            ledger.keep_assignments(&kept)?;
            ledger.forget_tasks(&kept)
        })
        .await?;
        self.told_everything |= complete;
        if is_behind {
            self.say_again(&known);
        }
        self.session.known.send_replace(Some(known));
        Ok(())
    }

    /// Reports where the tasks are that this node has run already, whatever was stored of that once.
    fn say_again(&self, known: &Assignments) {
        for task in known.tasks.values() {
            let kept = self.session.ledger.status(&task.id);
            if let Some(kept) = kept.filter(|kept| kept.state >= task.observed_state) {
                self.session.reporter.report(&task.id, kept);
            }
        }
    }

    async fn learn_managers(&mut self, managers: Vec<SocketAddr>) -> Result<(), SessionError> {
        // An empty list would leave the node alone for ever.
        if managers.is_empty() || *self.session.managers.borrow() == managers {
            return Ok(());
        }
        let (ledger, kept) = (Arc::clone(&self.session.ledger), managers.clone());
        on_disk(move || ledger.keep_managers(&kept)).await?;
        self.session.managers.send_replace(managers);
        Ok(())
    }
}

/// Waits for news of which nodes are lost, and says which. Cancel-safe.
async fn newly_lost(reached: &mut Option<watch::Receiver<Reached>>) -> Option<BTreeSet<NodeId>> {
    let reached = reached.as_mut()?;
    reached.changed().await.ok()?;
    Some(reached.borrow_and_update().lost.clone())
}

/// Runs `write` where it may block.
async fn on_disk(
    write: impl FnOnce() -> Result<(), LedgerError> + Send + 'static,
) -> Result<(), SessionError> {
    match tokio::task::spawn_blocking(write).await {
        Ok(written) => Ok(written?),
        // The runtime shuts down, or the write panicked: either way nothing can be relied on any more.
        Err(_cancelled) => Err(SessionError::Ended),
    }
}
