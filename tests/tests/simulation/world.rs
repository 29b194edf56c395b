//! The cluster as a whole: its managers, its machines, the way between them, and what is to happen.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_manager::state::State;
use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::time::Timestamp;

use crate::commands::Users;
use crate::invariants::Broken;
use crate::invariants::Name;
use crate::invariants::Watch;
use crate::log::Log;
use crate::machines::Host;
use crate::managers::Leader;
use crate::managers::Manager;
use crate::queue::Queue;
use crate::sessions::Session;
use crate::trace::Trace;

/// When the world begins, by its own time. Late enough for clocks to be set back.
pub(crate) const BEGIN: Timestamp = Timestamp::EPOCH;

/// After so many steps in so little time, something goes round in circles.
const CIRCLES: u64 = 200_000;

/// A fault of the product that is planted, to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// The routing loop takes it that every node has confirmed every table.
    RoutesUnconfirmed,
    /// The scheduler places tasks on nodes that it has not looked at.
    PlacesAnywhere,
    /// The allocator forgets the addresses of every other task that it gives some.
    ForgetsAddresses,
    /// The orchestrator has what takes the place of a task that has ended start at once.
    CutsDelays,
    /// A new leader does not have an entry that the one before has acknowledged.
    LosesEntry,
    /// A manager skips an entry.
    SkipsEntry,
}

/// Something that happens.
pub(crate) enum Event {
    /// A loop of a leader looks, if it still has this number.
    Pass { leader: u64, which: usize, number: u64 },
    /// A proposal is on the disks of a majority.
    Commit(u64),
    /// Who has proposed something hears what became of it.
    Answer(u64, bool),
    /// A manager applies what it has of the log.
    CatchUp(usize),
    /// The session tells its agent what is different.
    Follow(u64),
    /// The session of a manager's side hears this.
    ToManager(u64, AgentMessage),
    /// The agent hears this.
    ToAgent(u64, ManagerMessage),
    /// One side of a broken session notices: the manager's, or the agent's.
    Notice { session: u64, manager: bool },
    /// An agent looks for the leader.
    Connect(usize),
    /// An agent gives a sign of life.
    Beat(u64),
    /// An agent says what there is to say.
    Speak(usize),
    /// A controller looks at its task.
    Look(usize, TaskId),
    /// The kernel of a machine takes its tables.
    Program(usize),
    /// Something becomes of a container by itself.
    Fate(usize, TaskId),
    /// A user does something.
    Command,
    /// Something goes wrong.
    Fault,
    /// What went wrong is right again.
    Mend(crate::faults::Fault),
    /// Managers that have no leader choose one.
    Elect,
    /// A manager that is cut off from the others leads no more.
    StepDown(u64),
}

/// The cluster, and what is to happen.
pub(crate) struct World {
    pub(crate) queue: Queue<Event>,
    pub(crate) rng: StdRng,
    pub(crate) trace: Trace,
    pub(crate) plant: Option<Plant>,
    /// Whether things go wrong, and users do something.
    pub(crate) troubled: bool,
    pub(crate) managers: Vec<Manager>,
    pub(crate) leaders: BTreeMap<u64, Leader>,
    /// The leader that was chosen last; 0 before the first.
    pub(crate) newest: u64,
    pub(crate) log: Log,
    pub(crate) hosts: Vec<Host>,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) numbers: u64,
    /// Ways that are cut: between a machine and a manager.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    pub(crate) users: Users,
    pub(crate) watch: Watch,
}

impl World {
    /// A cluster of three managers that has been made a moment ago.
    pub(crate) fn new(seed: u64, plant: Option<Plant>, told: bool) -> Self {
        let mut world = Self {
            queue: Queue::new(BEGIN),
            rng: StdRng::seed_from_u64(seed),
            trace: Trace::new(told),
            plant,
            troubled: true,
            managers: (0..3).map(|_| Manager::default()).collect(),
            leaders: BTreeMap::new(),
            newest: 0,
            log: Log::default(),
            hosts: Vec::new(),
            sessions: BTreeMap::new(),
            numbers: 0,
            cut: BTreeSet::new(),
            users: Users::default(),
            watch: Watch::default(),
        };
        world.found();
        world
    }

    /// The time that goes on evenly.
    pub(crate) const fn now(&self) -> Timestamp {
        self.queue.now()
    }

    /// A number that nothing else has.
    pub(crate) const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// So many milliseconds, drawn.
    pub(crate) fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range))
    }

    /// Whether something happens that does so once in `many` times.
    pub(crate) fn once_in(&mut self, many: u32) -> bool {
        self.rng.random_range(0..many) == 0
    }

    /// Has something happen within these milliseconds.
    pub(crate) fn within(&mut self, range: RangeInclusive<u64>, event: Event) {
        let delay = self.millis(range);
        self.queue.after(delay, event);
    }

    /// The newest state that anybody has.
    pub(crate) const fn state(&self) -> &State {
        self.log.state()
    }

    /// The machine of a node.
    pub(crate) fn host_of(&self, node: &NodeId) -> Option<usize> {
        self.hosts.iter().position(|host| host.machine.node_id() == node)
    }

    /// Lets things happen for so long. Returns how many did.
    ///
    /// # Errors
    ///
    /// What was broken by the last of them.
    pub(crate) fn run(&mut self, time: Duration) -> Result<u64, Broken> {
        let end = self.now() + time;
        let mut steps = 0;
        while let Some(event) = self.queue.next(end) {
            steps += 1;
            self.happen(event);
            if steps > CIRCLES {
                let (last, now) = (self.watch.last_loop, self.now());
                let what = format!("{steps} steps, it is {now}, and {last} has looked last");
                self.watch.fail(Name::ComesToRest, what);
            }
            if let Some(broken) = self.watch.broken.take() {
                return Err(Broken { steps, ..broken });
            }
        }
        Ok(steps)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Pass { leader, which, number } => self.pass(leader, which, number),
            Event::Commit(proposal) => self.commit(proposal),
            Event::Answer(proposal, done) => self.answer(proposal, done),
            Event::CatchUp(manager) => self.catch_up(manager),
            Event::Follow(session) => self.follow(session),
            Event::ToManager(session, message) => self.manager_hears(session, message),
            Event::ToAgent(session, message) => self.agent_hears(session, message),
            Event::Notice { session, manager } => self.notice(session, manager),
            Event::Connect(host) => self.connect(host),
            Event::Beat(session) => self.beat(session),
            Event::Speak(host) => self.speak(host),
            Event::Look(host, task) => self.look(host, &task),
            Event::Program(host) => self.program(host),
            Event::Fate(host, task) => self.fate(host, &task),
            Event::Command => self.command(),
            Event::Fault => self.go_wrong(),
            Event::Mend(fault) => self.mend(fault),
            Event::Elect => self.elect(),
            Event::StepDown(leader) => self.step_down(leader),
        }
    }
}
