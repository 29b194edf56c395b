//! What goes wrong, and when it is right again.

use std::time::Duration;

use rand::RngExt;

use crate::world::Event;
use crate::world::World;

/// Something that goes wrong, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A machine is without power. What was in its memory is lost, and its disk if that is not kept.
    Power { host: usize, kept: bool },
    /// The agent of a machine is gone.
    Agent(usize),
    /// The kernel of a machine takes no tables.
    Stuck(usize),
    /// A machine reaches no manager.
    Lonely(usize),
    /// A machine does not reach one manager.
    Cut(usize, usize),
    /// A manager is without power.
    Manager(usize),
    /// A manager does not reach the others.
    Apart(usize),
    /// The clock of a manager is set.
    Clock(usize),
}

impl World {
    /// Something goes wrong, and later something else.
    pub(crate) fn go_wrong(&mut self) {
        if !self.troubled {
            return;
        }
        self.within(500..=9000, Event::Fault);
        let host = self.rng.random_range(0..self.hosts.len());
        let manager = self.rng.random_range(0..self.managers.len());
        let fault = match self.rng.random_range(0..20) {
            0..4 => Fault::Power { host, kept: !self.once_in(4) },
            4..6 => Fault::Agent(host),
            6..8 => Fault::Stuck(host),
            8..11 => Fault::Lonely(host),
            11..14 => Fault::Cut(host, manager),
            14..16 => Fault::Manager(manager),
            16..18 => Fault::Apart(manager),
            _ => Fault::Clock(manager),
        };
        self.break_down(&fault);
        let longest = if self.once_in(4) { 90_000 } else { 12_000 };
        self.within(200..=longest, Event::Mend(fault));
    }

    fn break_down(&mut self, fault: &Fault) {
        self.trace.note(self.queue.now(), format_args!("{fault:?}"));
        match *fault {
            Fault::Power { host, kept } => {
                if self.hosts[host].up {
                    self.stop_agent(host);
                    self.hosts[host].machine.reboot(kept);
                }
                // It is the machine of a manager.
                if host < self.managers.len() && self.managers[host].up && self.rng.random() {
                    self.crash_manager(host);
                }
            }
            Fault::Agent(host) => {
                if self.hosts[host].up {
                    self.stop_agent(host);
                }
            }
            Fault::Stuck(host) => self.hosts[host].stuck = true,
            Fault::Lonely(host) => {
                for manager in 0..self.managers.len() {
                    self.cut.insert((host, manager));
                }
            }
            Fault::Cut(host, manager) => drop(self.cut.insert((host, manager))),
            Fault::Manager(manager) => {
                if self.managers[manager].up {
                    self.crash_manager(manager);
                }
            }
            Fault::Apart(manager) => {
                self.managers[manager].cut = true;
                let leading: Vec<u64> = self.leaders.keys().copied().collect();
                for number in leading {
                    self.within(1000..=5000, Event::StepDown(number));
                }
                self.within(1500..=6000, Event::Elect);
            }
            Fault::Clock(manager) => self.set_clock(manager),
        }
    }

    fn set_clock(&mut self, manager: usize) {
        // By minutes and not by hours: what waits until some time waits longer by as much as clocks are set back.
        let by = match self.rng.random_range(0..8) {
            0..3 => Duration::from_secs(self.rng.random_range(30..300)),
            _ => self.millis(1..=8000),
        };
        let ahead = &mut self.managers[manager].ahead;
        *ahead = if self.rng.random() { *ahead + by } else { ahead.saturating_sub(by) };
        let clock = self.clock(manager);
        self.trace.note(self.queue.now(), format_args!("manager {manager} has {clock}"));
        self.watch.clocks_were_set = true;
    }

    /// What went wrong is right again.
    pub(crate) fn mend(&mut self, fault: Fault) {
        self.trace.note(self.queue.now(), format_args!("right again: {fault:?}"));
        match fault {
            Fault::Power { host, .. } => {
                self.boot(host);
                if host < self.managers.len() && !self.managers[host].up {
                    self.start_manager(host);
                }
            }
            Fault::Agent(host) => self.boot(host),
            Fault::Stuck(host) => {
                self.hosts[host].stuck = false;
                self.stir(host);
            }
            Fault::Lonely(host) => self.cut.retain(|(one, _)| *one != host),
            Fault::Cut(host, manager) => drop(self.cut.remove(&(host, manager))),
            Fault::Manager(manager) => {
                if !self.managers[manager].up {
                    self.start_manager(manager);
                }
            }
            Fault::Apart(manager) => {
                self.managers[manager].cut = false;
                self.within(10..=1000, Event::CatchUp(manager));
                self.within(100..=2000, Event::Elect);
            }
            Fault::Clock(_) => {}
        }
    }

    /// Everything is right again.
    pub(crate) fn mend_all(&mut self) {
        self.cut.clear();
        for manager in 0..self.managers.len() {
            self.mend(Fault::Apart(manager));
            self.mend(Fault::Manager(manager));
        }
        for host in 0..self.hosts.len() {
            self.mend(Fault::Stuck(host));
            self.boot(host);
        }
        self.within(1000..=3000, Event::Elect);
    }
}
