//! The managers: who of them leads, and the loops of whoever does.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::Snapshot;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::testing::Pass;
use swarmlite_manager::testing::Reign;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::invariants::Name;
use crate::log::Origin;
use crate::world::Event;
use crate::world::Plant;
use crate::world::World;

/// How long a loop sleeps at most.
const RESYNC: Duration = Duration::from_secs(60);

/// A manager.
pub(crate) struct Manager {
    pub(crate) up: bool,
    /// Whether the other managers cannot be reached.
    pub(crate) cut: bool,
    pub(crate) state: State,
    /// Whether it will soon apply what it has not.
    pub(crate) behind: bool,
    /// How far its clock is ahead.
    pub(crate) ahead: Duration,
}

impl Default for Manager {
    fn default() -> Self {
        Self {
            up: true,
            cut: false,
            state: State::default(),
            behind: false,
            ahead: Duration::from_secs(20 * 24 * 60 * 60),
        }
    }
}

/// A manager that leads, or takes itself for one that does.
pub(crate) struct Leader {
    pub(crate) manager: usize,
    pub(crate) reign: Reign,
    loops: Vec<Turn>,
}

/// Where a loop is.
#[derive(Default)]
struct Turn {
    /// The pass that waits for answers, how many, and whether all was carried out so far.
    running: Option<(Pass, usize, bool)>,
    /// Whether something has changed since the pass began.
    dirty: bool,
    /// When it looks next, with a number by which earlier plans are void.
    next: Option<(Timestamp, u64)>,
    failures: u32,
}

impl World {
    /// What a manager takes for the time.
    pub(crate) fn clock(&self, manager: usize) -> Timestamp {
        self.now() + self.managers.get(manager).map_or(Duration::ZERO, |manager| manager.ahead)
    }

    /// The newest leader, if it can commit.
    pub(crate) fn leader(&self) -> Option<u64> {
        self.is_majority_behind(self.newest).then_some(self.newest)
    }

    /// Whether the leader with this number can commit.
    pub(crate) fn is_majority_behind(&self, number: u64) -> bool {
        // Not even when the newest is gone: the others know of its term.
        let newest = self.newest == number;
        let Some(leader) = self.leaders.get(&number).filter(|_| newest) else { return false };
        let reachable = self.managers.iter().filter(|manager| manager.up && !manager.cut).count();
        reachable >= 2
            && self.managers.get(leader.manager).is_some_and(|manager| manager.up && !manager.cut)
    }

    /// Managers that have no leader choose one, if there are enough of them.
    pub(crate) fn elect(&mut self) {
        let able: Vec<usize> = (0..self.managers.len())
            .filter(|one| self.managers[*one].up && !self.managers[*one].cut)
            .collect();
        if self.leader().is_some() || able.len() < 2 {
            return;
        }
        self.settle_proposals(self.newest);
        if self.plant == Some(Plant::LosesEntry) {
            let promised = self.users.promised_services();
            self.log.lose(&promised);
        }
        let manager = able[self.rng.random_range(0..able.len())];
        self.catch_up(manager);
        let number = self.number();
        self.newest = number;
        let (clock, seed) = (self.clock(manager), self.rng.random());
        let loops = Reign::loops().map(|_| Turn::default()).collect();
        self.leaders.insert(number, Leader { manager, reign: Reign::new(clock, seed), loops });
        self.trace.note(self.queue.now(), format_args!("manager {manager} leads as {number}"));
        self.wake_all(number);
        self.check_promises();
    }

    /// A leader leads no more: all that it had in memory is gone.
    pub(crate) fn step_down(&mut self, number: u64) {
        let Some(leader) = self.leaders.get(&number) else { return };
        let back = self.is_majority_behind(number);
        let alive = self.managers.get(leader.manager).is_some_and(|manager| manager.up);
        if back && alive {
            return;
        }
        self.settle_proposals(number);
        self.leaders.remove(&number);
        self.trace.note(self.queue.now(), format_args!("{number} leads no more"));
        let lost: Vec<u64> =
            self.sessions.iter().filter(|(_, it)| it.leader == number).map(|(id, _)| *id).collect();
        for session in lost {
            self.break_session(session);
        }
        self.within(200..=2500, Event::Elect);
    }

    /// A manager loses its power.
    pub(crate) fn crash_manager(&mut self, manager: usize) {
        self.managers[manager].up = false;
        self.trace.note(self.queue.now(), format_args!("manager {manager} crashes"));
        let led: Vec<u64> = self
            .leaders
            .iter()
            .filter(|(_, it)| it.manager == manager)
            .map(|(number, _)| *number)
            .collect();
        led.into_iter().for_each(|number| self.step_down(number));
        self.within(500..=2500, Event::Elect);
    }

    /// A manager is back, with what its disk has.
    pub(crate) fn start_manager(&mut self, manager: usize) {
        let own = &mut self.managers[manager];
        own.up = true;
        own.state = State::from(Snapshot::from(own.state.clone()));
        self.within(10..=500, Event::CatchUp(manager));
        self.within(100..=3000, Event::Elect);
    }

    /// The state has changed for the leader.
    pub(crate) fn leader_has_moved(&mut self, number: u64) {
        let Some(leader) = self.leaders.get(&number) else { return };
        self.catch_up(leader.manager);
        self.wake_all(number);
        let due: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, it)| it.leader == number && !it.due)
            .map(|(id, _)| *id)
            .collect();
        for session in due {
            self.follow_soon(session);
        }
    }

    /// Every loop has to look.
    pub(crate) fn wake_all(&mut self, number: u64) {
        for which in 0..Reign::loops().count() {
            self.wake(number, which);
        }
    }

    /// Those loops have to look that follow tables.
    pub(crate) fn wake_followers(&mut self, number: u64) {
        for which in (0..Reign::loops().count()).filter(|which| Reign::follows_tables(*which)) {
            self.wake(number, which);
        }
    }

    fn wake(&mut self, number: u64, which: usize) {
        let Some(turn) = self.leaders.get_mut(&number).and_then(|it| it.loops.get_mut(which))
        else {
            return;
        };
        if turn.running.is_some() {
            turn.dirty = true;
            return;
        }
        let delay = self.millis(2..=100);
        self.look_by(number, which, self.now() + delay);
    }

    /// Has a loop look at this moment, or before.
    fn look_by(&mut self, leader: u64, which: usize, at: Timestamp) {
        let number = self.number();
        let Some(turn) = self.leaders.get_mut(&leader).and_then(|it| it.loops.get_mut(which))
        else {
            return;
        };
        if turn.failures > 0 && turn.next.is_some() || turn.next.is_some_and(|(next, _)| next <= at)
        {
            return;
        }
        turn.next = Some((at, number));
        self.queue.at(at, Event::Pass { leader, which, number });
    }

    /// A loop looks, and proposes what it wants.
    pub(crate) fn pass(&mut self, number: u64, which: usize, turn_number: u64) {
        let Some(leader) = self.leaders.get_mut(&number) else { return };
        let clock = self.queue.now() + self.managers[leader.manager].ahead;
        let Some(turn) = leader.loops.get_mut(which) else { return };
        if turn.next.map(|(_, number)| number) != Some(turn_number) || turn.running.is_some() {
            return;
        }
        turn.next = None;
        turn.dirty = false;
        let compared = self.rng.random_range(0..8) == 0;
        let state = &self.managers[leader.manager].state;
        if self.plant == Some(Plant::RoutesUnconfirmed) && Reign::follows_tables(which) {
            leader.reign.believe_all(state);
        }
        let Some(mut pass) = leader.reign.begin(which, state, clock, compared) else { return };
        let state = state.clone();
        let mut wanted = std::mem::take(&mut pass.transactions);
        let name = Reign::loops().nth(which).unwrap_or_default();
        self.watch.last_loop = name;
        if let Some(missed) = &pass.missed {
            let what = format!("{name} wants {wanted:?}, and {missed:?} if it looks at everything");
            self.watch.fail(Name::ScopeIsEnough, what);
        }
        self.plant_in(name, &mut wanted);
        for transaction in &wanted {
            self.check_plan(name, &state, transaction);
        }
        self.keep(number, which, pass, wanted.len());
        if wanted.is_empty() {
            self.conclude(number, which);
        }
        for transaction in wanted {
            self.propose(number, Origin::Loop { leader: number, which }, transaction);
        }
    }

    fn keep(&mut self, number: u64, which: usize, pass: Pass, wanted: usize) {
        if let Some(turn) = self.leaders.get_mut(&number).and_then(|it| it.loops.get_mut(which)) {
            turn.running = Some((pass, wanted, true));
        }
    }

    /// One of the things that a loop has proposed was carried out, or was not.
    pub(crate) fn loop_answered(&mut self, number: u64, which: usize, done: bool) {
        let turn = self.leaders.get_mut(&number).and_then(|it| it.loops.get_mut(which));
        let Some((_, left, all)) = turn.and_then(|turn| turn.running.as_mut()) else { return };
        *left -= 1;
        *all &= done;
        if *left == 0 {
            self.conclude(number, which);
        }
    }

    fn conclude(&mut self, number: u64, which: usize) {
        let Some(leader) = self.leaders.get_mut(&number) else { return };
        let clock = self.queue.now() + self.managers[leader.manager].ahead;
        let Some((pass, _, done)) =
            leader.loops.get_mut(which).and_then(|turn| turn.running.take())
        else {
            return;
        };
        let next = leader.reign.end(which, pass, done);
        let Some(turn) = leader.loops.get_mut(which) else { return };
        let now = self.queue.now();
        if !done {
            turn.failures += 1;
            let pause = Duration::from_millis(10 << turn.failures.min(9));
            let at = now + pause;
            turn.next = None;
            let failures = std::mem::take(&mut turn.failures);
            self.look_by(number, which, at);
            if let Some(turn) = self.leaders.get_mut(&number).and_then(|it| it.loops.get_mut(which))
            {
                turn.failures = failures;
            }
            return;
        }
        turn.failures = 0;
        let dirty = turn.dirty;
        let asleep = next.map_or(RESYNC, |at| at.since(clock).min(RESYNC));
        self.look_by(number, which, now + asleep);
        if dirty {
            self.wake(number, which);
        }
    }

    /// Spoils what a loop wants, if that is planted.
    fn plant_in(&mut self, name: &str, wanted: &mut [Transaction]) {
        let unfit = self.state().nodes().values().filter(|node| {
            node.spec.availability != Availability::Active || node.status.state != NodeState::Ready
        });
        let unfit = unfit.map(|node| node.id.clone()).next();
        let ended = self.state().tasks().values().filter(|task| {
            task.status.state.is_terminal() && task.desired_state <= TaskState::Running
        });
        let ended: BTreeSet<_> = ended.map(|task| (task.service_id.clone(), task.slot)).collect();
        let tasks = wanted.iter_mut().flat_map(|it| &mut it.ops).filter_map(|op| match op {
            Op::PutTask(task) => Some(task),
            _ => None,
        });
        for task in tasks {
            match (self.plant, name) {
                (Some(Plant::PlacesAnywhere), "scheduler")
                    if task.status.state == TaskState::Assigned =>
                {
                    task.node_id = unfit.clone().or(task.node_id.take());
                }
                (Some(Plant::ForgetsAddresses), "allocator") if task.slot % 2 == 0 => {
                    task.attachments.clear();
                }
                (Some(Plant::CutsDelays), "replicated")
                    if task.desired_state == TaskState::Ready
                        && ended.contains(&(task.service_id.clone(), task.slot)) =>
                {
                    task.desired_state = TaskState::Running;
                }
                _ => {}
            }
        }
    }
}
