//! The machines: when their agents look at tasks and program tables, and what becomes of containers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rand::RngExt;
use swarmlite_agent::testing::Ended;
use swarmlite_agent::testing::Look;
use swarmlite_agent::testing::Luck;
use swarmlite_agent::testing::Machine;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::world::Event;
use crate::world::World;

/// A machine, and what the world does with it.
pub(crate) struct Host {
    pub(crate) machine: Machine,
    pub(crate) description: NodeDescription,
    pub(crate) up: bool,
    pub(crate) session: Option<u64>,
    /// Whether the kernel takes no tables for now.
    pub(crate) stuck: bool,
    /// When each task is looked at next.
    looks: BTreeMap<TaskId, Timestamp>,
    programs: bool,
    /// The tasks whose start was seen.
    started: BTreeSet<(TaskId, Timestamp)>,
}

impl Host {
    pub(crate) const fn new(machine: Machine, description: NodeDescription) -> Self {
        Self {
            machine,
            description,
            up: true,
            session: None,
            stuck: false,
            looks: BTreeMap::new(),
            programs: false,
            started: BTreeSet::new(),
        }
    }
}

/// Whether the image of a task is one whose containers fail.
pub(crate) fn is_bad(task: &TaskAssignment) -> bool {
    task.spec.container_spec.as_ref().is_some_and(|spec| spec.image.starts_with("bad"))
}

impl World {
    /// Something may have changed on a machine: whatever follows by itself will.
    pub(crate) fn stir(&mut self, host: usize) {
        let it = &self.hosts[host];
        if !it.up {
            return;
        }
        let tasks: Vec<TaskId> = it.machine.tasks().cloned().collect();
        for task in tasks {
            self.look_within(host, task, 300);
        }
        self.program_soon(host);
        self.speak(host);
    }

    fn program_soon(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        if it.machine.is_behind() && !it.programs && !it.stuck {
            it.programs = true;
            self.within(5..=400, Event::Program(host));
        }
    }

    fn look_within(&mut self, host: usize, task: TaskId, most: u64) {
        let at = self.now() + self.millis(2..=most);
        if !self.hosts[host].up {
            return;
        }
        let looks = &mut self.hosts[host].looks;
        if looks.get(&task).is_none_or(|before| at < *before) {
            looks.insert(task.clone(), at);
            self.queue.at(at, Event::Look(host, task));
        }
    }

    /// A controller looks at its task.
    pub(crate) fn look(&mut self, host: usize, task: &TaskId) {
        let now = self.now();
        let it = &mut self.hosts[host];
        if !it.up || it.looks.get(task) != Some(&now) {
            return;
        }
        it.looks.remove(task);
        let bad = self.state().tasks().get(task).and_then(|task| self.state().revision_of(task));
        let bad = bad.is_some_and(|it| {
            it.task.container_spec.as_ref().is_some_and(|spec| spec.image.starts_with("bad"))
        });
        let luck = Luck {
            refused: self.rng.random_range(0..if bad { 2 } else { 60 }) == 0
                && (bad || self.troubled),
            late: self.once_in(8),
            exit_code: if self.once_in(2) { 0 } else { 143 },
            jitter: f64::from(self.rng.random_range(0..100_u32)) / 100.0,
        };
        let clock = now + self.managers[0].ahead;
        let answer = self.hosts[host].machine.look(task, now, clock, luck);
        match answer {
            Look::Again => self.look_within(host, task.clone(), 200),
            Look::Wait | Look::Done => {}
            Look::Hold(rest) => {
                let at = now + rest.min(std::time::Duration::from_secs(30));
                self.hosts[host].looks.insert(task.clone(), at);
                self.queue.at(at, Event::Look(host, task.clone()));
            }
        }
        self.see(host, task);
        self.speak(host);
    }

    /// Takes note of what a step has made of a container.
    fn see(&mut self, host: usize, task: &TaskId) {
        if self.hosts[host].machine.is_ready(task) {
            self.watch.ready.insert(task.clone());
        }
        let running = self.hosts[host].machine.running().find(|(it, _)| it.id == *task);
        let Some((assignment, at)) = running.map(|(it, at)| (std::sync::Arc::clone(it), at)) else {
            return;
        };
        if !self.hosts[host].started.insert((task.clone(), at)) {
            return;
        }
        self.trace.note(self.queue.now(), format_args!("machine {host} starts {task}"));
        self.check_start(host, &assignment);
        self.within(200..=4000, Event::Fate(host, task.clone()));
    }

    /// Something becomes of a container by itself: a job ends, a bad one fails, one with a check passes it or fails it.
    pub(crate) fn fate(&mut self, host: usize, task: &TaskId) {
        let running = self.hosts[host].machine.running().find(|(it, _)| it.id == *task);
        let Some(assignment) = running.map(|(it, _)| std::sync::Arc::clone(it)) else {
            if self.hosts[host].machine.tasks().any(|it| it == task) {
                self.within(3000..=20_000, Event::Fate(host, task.clone()));
            }
            return;
        };
        let what = if assignment.desired_state == TaskState::Complete {
            Some(Ended::Exited(0))
        } else if is_bad(&assignment) {
            Some(Ended::Exited(1))
        } else if self.troubled && self.once_in(40) {
            Some(if self.once_in(2) {
                Ended::Unhealthy
            } else {
                Ended::Exited(i64::from(self.rng.random_range(0..3_u8)))
            })
        } else {
            None
        };
        let ready = !self.troubled || !self.once_in(4);
        let machine = &mut self.hosts[host].machine;
        machine.set_ready(task, ready);
        if let Some(what) = what {
            machine.befall(task, what);
            self.trace.note(self.queue.now(), format_args!("machine {host}: {task} {what:?}"));
        }
        if self.troubled || !ready {
            self.within(3000..=20_000, Event::Fate(host, task.clone()));
        }
        self.look_within(host, task.clone(), 300);
    }

    /// The kernel takes the tables that its agent knows.
    pub(crate) fn program(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        it.programs = false;
        if !it.up || it.stuck || !it.machine.program() {
            return;
        }
        self.check_tables(host);
        self.stir(host);
    }

    /// A machine gets its power back.
    pub(crate) fn boot(&mut self, host: usize) {
        if std::mem::replace(&mut self.hosts[host].up, true) {
            return;
        }
        self.trace.note(self.queue.now(), format_args!("machine {host} is back"));
        self.stir(host);
        self.within(50..=3000, Event::Connect(host));
    }

    /// The agent of a machine is gone, and with it what it had in memory. Containers and kernel stay.
    pub(crate) fn stop_agent(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        it.up = false;
        it.looks.clear();
        it.programs = false;
        it.machine.restart();
        if let Some(session) = it.session.take() {
            self.break_session(session);
        }
    }
}
