//! The way between agents and leaders: sessions, in which what is said arrives late and in order, until they break.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use rand::RngExt;
use swarmlite_manager::testing::Act;
use swarmlite_manager::testing::Reign;
use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::format::Versions;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;

use crate::invariants::Name;
use crate::log::Origin;
use crate::world::Event;
use crate::world::World;

/// A session of an agent with a leader.
pub(crate) struct Session {
    pub(crate) host: usize,
    pub(crate) leader: u64,
    /// Whether its agent will soon be told what is different.
    pub(crate) due: bool,
    /// What is said is lost from now on, and each side notices by itself.
    broken: bool,
    /// Whether the manager's side still has it, and the agent's.
    ends: (bool, bool),
    /// The report of the machine is being written down; what comes meanwhile waits.
    blocked: bool,
    waiting: VecDeque<AgentMessage>,
    /// When the last message of each direction arrives: none overtakes another.
    last: (Timestamp, Timestamp),
}

impl World {
    /// An agent looks for the leader.
    pub(crate) fn connect(&mut self, host: usize) {
        let number = self.leader();
        let Some(it) = self.hosts.get(host).filter(|it| it.up && it.session.is_none()) else {
            return;
        };
        let node_id = it.machine.node_id().clone();
        let Some(node) = self.state().nodes().get(&node_id).cloned() else { return };
        let reachable = number.filter(|number| {
            let manager = self.leaders.get(number).map(|leader| leader.manager);
            manager.is_some_and(|manager| !self.cut.contains(&(host, manager)))
        });
        let Some(leader) = reachable else {
            self.within(200..=8000, Event::Connect(host));
            return;
        };
        let session = self.number();
        let beginning = Session {
            host,
            leader,
            due: false,
            broken: false,
            ends: (true, true),
            blocked: false,
            waiting: VecDeque::new(),
            last: (Timestamp::ZERO, Timestamp::ZERO),
        };
        self.replace_sessions(host, leader);
        self.sessions.insert(session, beginning);
        let Some(cluster_id) = self.state().cluster().map(|cluster| cluster.id.clone()) else {
            return;
        };
        let peer = Peer { node_id, cluster_id, role: node.role };
        let addr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, u8::try_from(host).unwrap_or_default()));
        if let Some(leader) = self.leaders.get_mut(&leader) {
            leader.reign.open(&peer, addr);
        }
        self.wake_followers(leader);
        let it = &mut self.hosts[host];
        it.session = Some(session);
        it.machine.connect();
        let registration = Registration {
            description: it.description.clone(),
            data_path_addr: addr,
            versions: Versions::own(),
        };
        self.say_up(session, AgentMessage::Register(Box::new(registration)));
        self.trace.note(self.queue.now(), format_args!("machine {host} calls {leader}"));
    }

    /// The manager's sides of older sessions of a machine with this leader are over.
    fn replace_sessions(&mut self, host: usize, leader: u64) {
        let before =
            self.sessions.iter_mut().filter(|(_, it)| it.host == host && it.leader == leader);
        before.for_each(|(_, it)| it.ends.0 = false);
        self.sessions.retain(|_, it| it.ends.0 || it.ends.1);
    }

    fn say_up(&mut self, session: u64, message: AgentMessage) {
        let delay = self.millis(1..=80);
        let at = self.now() + delay;
        let Some(it) = self.sessions.get_mut(&session) else { return };
        it.last.0 = it.last.0.max(at);
        let at = it.last.0;
        self.queue.at(at, Event::ToManager(session, message));
    }

    fn say_down(&mut self, session: u64, message: ManagerMessage) {
        let delay = self.millis(1..=80);
        let at = self.now() + delay;
        let Some(it) = self.sessions.get_mut(&session) else { return };
        it.last.1 = it.last.1.max(at);
        let at = it.last.1;
        self.queue.at(at, Event::ToAgent(session, message));
    }

    /// Whether what is said now in a session arrives. A session breaks by a way that is cut.
    fn is_carried(&mut self, session: u64) -> bool {
        let Some(it) = self.sessions.get(&session) else { return false };
        let manager = self.leaders.get(&it.leader).map(|leader| leader.manager);
        let cut = manager.is_none_or(|manager| self.cut.contains(&(it.host, manager)));
        if cut && !it.broken {
            self.break_session(session);
        }
        self.sessions.get(&session).is_some_and(|it| !it.broken)
    }

    /// A session is cut: nothing arrives any more, and each side notices in its own time.
    pub(crate) fn break_session(&mut self, session: u64) {
        let Some(it) = self.sessions.get_mut(&session).filter(|it| !it.broken) else { return };
        it.broken = true;
        self.within(1..=15_000, Event::Notice { session, manager: true });
        self.within(1..=15_000, Event::Notice { session, manager: false });
    }

    /// One side of a session notices that it is over.
    pub(crate) fn notice(&mut self, session: u64, manager: bool) {
        let Some(it) = self.sessions.get_mut(&session) else { return };
        let (host, leader) = (it.host, it.leader);
        let end = if manager { &mut it.ends.0 } else { &mut it.ends.1 };
        if !std::mem::replace(end, false) {
            return;
        }
        if it.ends == (false, false) {
            self.sessions.remove(&session);
        }
        if manager {
            let node = self.hosts[host].machine.node_id().clone();
            let clock =
                self.leaders.get(&leader).map(|it| it.manager).map(|manager| self.clock(manager));
            if let (Some(leader_now), Some(clock)) = (self.leaders.get_mut(&leader), clock) {
                let acts = leader_now.reign.close(&node, clock);
                self.act(session, leader, acts);
            }
        } else if self.hosts[host].session == Some(session) {
            self.hosts[host].session = None;
            self.hosts[host].machine.disconnect();
            self.within(100..=3000, Event::Connect(host));
        }
    }

    /// Both sides of a session know that it is over.
    pub(crate) fn end_session(&mut self, session: u64) {
        if let Some(it) = self.sessions.get_mut(&session) {
            it.broken = true;
        }
        self.notice(session, true);
        self.notice(session, false);
    }

    /// An agent gives a sign of life.
    pub(crate) fn beat(&mut self, session: u64) {
        let Some(it) = self.sessions.get(&session).filter(|it| it.ends.1) else { return };
        let host = it.host;
        if self.hosts[host].session != Some(session) {
            return;
        }
        self.say_up(session, AgentMessage::Heartbeat);
        let period = Reign::heartbeat_period(self.state());
        self.queue.after(period, Event::Beat(session));
    }

    /// An agent says what there is to say.
    pub(crate) fn speak(&mut self, host: usize) {
        let now = self.now();
        let it = &mut self.hosts[host];
        let Some(session) = it.session.filter(|_| it.up) else { return };
        for message in it.machine.messages(now) {
            self.say_up(session, message);
        }
        if let Some(at) = self.hosts[host].machine.resend_at() {
            self.queue.at(at, Event::Speak(host));
        }
    }

    /// The manager's side hears something.
    pub(crate) fn manager_hears(&mut self, session: u64, message: AgentMessage) {
        if !self.is_carried(session) {
            return;
        }
        let Some(it) = self.sessions.get_mut(&session).filter(|it| it.ends.0) else { return };
        if it.blocked {
            it.waiting.push_back(message);
            return;
        }
        let (host, number) = (it.host, it.leader);
        let node = self.hosts[host].machine.node_id().clone();
        let Some(leader) = self.leaders.get_mut(&number) else { return };
        let manager = &self.managers[leader.manager];
        let clock = self.queue.now() + manager.ahead;
        match leader.reign.receive(&node, message, &manager.state, clock) {
            Ok(acts) => self.act(session, number, acts),
            Err(fault) => {
                self.trace.note(self.queue.now(), format_args!("session {session} ends: {fault}"));
                self.end_session(session);
            }
        }
    }

    pub(crate) fn follow_soon(&mut self, session: u64) {
        let Some(it) = self.sessions.get_mut(&session) else { return };
        if !it.due {
            it.due = true;
            self.within(1..=100, Event::Follow(session));
        }
    }

    /// The session tells its agent what is different.
    pub(crate) fn follow(&mut self, session: u64) {
        let compared = self.rng.random_range(0..6) == 0;
        let Some(it) = self.sessions.get_mut(&session).filter(|it| it.ends.0) else { return };
        it.due = false;
        if it.blocked {
            return;
        }
        let (host, number) = (it.host, it.leader);
        let node = self.hosts[host].machine.node_id().clone();
        let Some(leader) = self.leaders.get_mut(&number) else { return };
        let manager = &self.managers[leader.manager];
        let clock = self.queue.now() + manager.ahead;
        match leader.reign.follow(&node, &manager.state, clock) {
            Ok(acts) => {
                if compared && !leader.reign.has_told(&node, &manager.state) {
                    self.watch
                        .fail(Name::EverythingIsTold, format!("machine {host} is not told all"));
                }
                self.act(session, number, acts);
            }
            Err(fault) => {
                self.trace.note(self.queue.now(), format_args!("session {session} ends: {fault}"));
                self.end_session(session);
            }
        }
    }

    fn act(&mut self, session: u64, leader: u64, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Say(message) => self.say_down(session, message),
                Act::Propose(transaction) => {
                    if let Some(it) = self.sessions.get_mut(&session) {
                        it.blocked = true;
                    }
                    self.propose(leader, Origin::Report(session), transaction);
                }
                Act::Store(sequence, transaction) => {
                    self.propose(leader, Origin::Statuses(session, sequence), transaction);
                }
                Act::Depart(transaction) => {
                    self.propose(leader, Origin::Departure(session), transaction);
                }
                Act::Ask(node) => {
                    let asked = self.sessions.iter().find(|(_, it)| {
                        it.leader == leader
                            && it.ends.0
                            && *self.hosts[it.host].machine.node_id() == node
                    });
                    if let Some(asked) = asked.map(|(id, _)| *id) {
                        self.say_down(asked, ManagerMessage::HeartbeatNow);
                    }
                }
                Act::WakeAll => self.wake_all(leader),
                Act::WakeFollowers => self.wake_followers(leader),
            }
        }
    }

    /// What a machine has said of itself is written down, or is not.
    pub(crate) fn reported(&mut self, session: u64, done: bool) {
        if !done {
            self.end_session(session);
            return;
        }
        let Some(it) = self.sessions.get_mut(&session) else { return };
        it.blocked = false;
        let waiting = std::mem::take(&mut it.waiting);
        self.follow_soon(session);
        waiting.into_iter().for_each(|message| self.manager_hears(session, message));
    }

    /// Statuses are stored, or are not.
    pub(crate) fn stored(&mut self, session: u64, sequence: u64, done: bool) {
        if done {
            self.say_down(session, ManagerMessage::StatusesStored(sequence));
        } else {
            self.end_session(session);
        }
    }

    /// The agent hears something.
    pub(crate) fn agent_hears(&mut self, session: u64, message: ManagerMessage) {
        if !self.is_carried(session) {
            return;
        }
        let Some(host) = self.sessions.get(&session).filter(|it| it.ends.1).map(|it| it.host)
        else {
            return;
        };
        if self.hosts[host].session != Some(session) {
            return;
        }
        if message == ManagerMessage::HeartbeatNow {
            self.say_up(session, AgentMessage::Heartbeat);
            return;
        }
        if let ManagerMessage::RoleChanged(NodeRole::Manager | NodeRole::Worker) = message {
            // It renews its certificate and calls again.
            self.end_session(session);
            return;
        }
        let welcome = matches!(message, ManagerMessage::Welcome(_));
        match self.hosts[host].machine.hear(message) {
            Ok(()) => self.stir(host),
            Err(fault) => {
                self.trace.note(self.queue.now(), format_args!("machine {host} hangs up: {fault}"));
                self.end_session(session);
            }
        }
        if welcome {
            self.beat(session);
        }
    }
}
