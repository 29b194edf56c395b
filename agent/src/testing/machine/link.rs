//! The session of a machine with a manager: what is said in it, without waiting.

use std::time::Duration;

use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use super::Machine;

/// How long the managers get to store statuses before they are sent again.
const RESEND_AFTER: Duration = Duration::from_secs(5);

/// A session.
#[derive(Debug, Default)]
pub(super) struct Link {
    welcome: bool,
    told_everything: bool,
    sequence: u64,
    in_flight: Option<(Vec<TaskStatusUpdate>, Timestamp)>,
    said: Option<Generation>,
}

impl Link {
    pub(super) const fn is_welcome(&self) -> bool {
        self.welcome
    }
}

impl Machine {
    /// The agent begins a session.
    pub fn connect(&mut self) {
        self.link = Some(Link::default());
    }

    /// The session is over.
    pub fn disconnect(&mut self) {
        self.link = None;
    }

    /// Whether a manager has let the agent in.
    #[must_use]
    pub fn is_welcome(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_welcome)
    }

    /// What the agent says by itself, now that something may have changed.
    pub fn messages(&mut self, now: Timestamp) -> Vec<AgentMessage> {
        let Some(link) = self.link.as_mut().filter(|link| link.welcome) else { return Vec::new() };
        let mut messages = Vec::new();
        if link.said != Some(self.programmed) {
            link.said = Some(self.programmed);
            messages.push(AgentMessage::Programmed(self.programmed));
        }
        if link.in_flight.as_ref().is_none_or(|(_, resend_at)| *resend_at <= now) {
            link.in_flight = None;
            let statuses = self.reporter.batch();
            if !statuses.is_empty() {
                link.sequence += 1;
                let sequence = link.sequence;
                link.in_flight = Some((statuses.clone(), now + RESEND_AFTER));
                messages.push(AgentMessage::TaskStatuses { sequence, statuses });
            }
        }
        messages
    }

    /// When there will be something to say even if nothing changes.
    #[must_use]
    pub fn resend_at(&self) -> Option<Timestamp> {
        self.link.as_ref()?.in_flight.as_ref().map(|(_, at)| *at)
    }

    /// A manager says something.
    ///
    /// # Errors
    ///
    /// Why the session cannot go on.
    pub fn hear(&mut self, message: ManagerMessage) -> Result<(), String> {
        let Some(link) = &mut self.link else { return Err("no session".to_owned()) };
        match message {
            ManagerMessage::Welcome(_) => link.welcome = true,
            ManagerMessage::Assignments(set) => self.learn(set)?,
            ManagerMessage::StatusesStored(sequence) if sequence >= link.sequence => {
                if let Some((statuses, _)) = link.in_flight.take() {
                    self.reporter.stored(&statuses);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn learn(&mut self, set: AssignmentSet) -> Result<(), String> {
        let Some(link) = &mut self.link else { return Err("no session".to_owned()) };
        if !set.complete && !link.told_everything {
            return Err("differences before everything".to_owned());
        }
        link.told_everything |= set.complete;
        let mut known = self.known.clone().unwrap_or_default();
        known.apply(set).map_err(|stale| stale.to_string())?;
        self.disk.statuses.retain(|id, _| known.tasks.contains_key(id));
        self.disk.restarts.retain(|id, _| known.tasks.contains_key(id));
        self.disk.assignments = Some(known.for_disk());
        self.known = Some(known);
        self.reconcile();
        Ok(())
    }
}
