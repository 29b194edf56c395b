//! What was promised to clients, and what has become of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use swarmlite_proto::version::Version;
use tokio::time::Instant;

use super::Report;
use crate::state::Snapshot;
use crate::state::State;

/// The object that all clients change, each on the basis of what it has read.
pub(super) const SHARED: &str = "shared";

/// All of it. Shared by all that take part.
pub(super) struct History {
    begun: Instant,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    /// The services whose creation was acknowledged, with the version that was said.
    created: BTreeMap<String, Version>,
    /// The acknowledged changes of the shared object: from which version to which.
    changed: BTreeMap<Version, Version>,
    /// Who has led in which term.
    led: BTreeMap<u64, u16>,
    reads: usize,
    failures: usize,
    crashes: usize,
    broken: Vec<String>,
    trace: Vec<String>,
}

/// What was acknowledged when a read began.
pub(super) struct Promised {
    created: BTreeSet<String>,
    shared: Option<Version>,
}

impl History {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), records: Mutex::default() }
    }

    /// Notes what happens.
    pub(super) fn happens(&self, what: &str) {
        self.note(&mut self.lock(), what);
    }

    fn note(&self, records: &mut Records, what: &str) {
        let at: Duration = self.begun.elapsed();
        records.trace.push(format!("{:9.3} {what}", at.as_secs_f64()));
    }

    /// Notes that a promise was broken.
    pub(super) fn broken(&self, how: &str) {
        let mut records = self.lock();
        self.note(&mut records, &format!("BROKEN: {how}"));
        records.broken.push(how.to_owned());
    }

    /// A manager is gone.
    pub(super) fn crashed(&self, what: &str) {
        let mut records = self.lock();
        records.crashes += 1;
        self.note(&mut records, what);
    }

    /// A creation was acknowledged.
    pub(super) fn created(&self, name: String, version: Version) {
        let mut records = self.lock();
        self.note(&mut records, &format!("created {name}"));
        records.created.insert(name, version);
    }

    /// A change of the shared object was acknowledged.
    pub(super) fn changed(&self, from: Version, to: Version) {
        let mut records = self.lock();
        self.note(&mut records, &format!("changed {from} to {to}"));
        if let Some(other) = records.changed.insert(from, to) {
            drop(records);
            self.broken(&format!("version {from} was changed to {other}, and to {to}"));
        }
    }

    /// Nobody knows what became of what was asked.
    pub(super) fn failed(&self, what: &str) {
        let mut records = self.lock();
        records.failures += 1;
        self.note(&mut records, what);
    }

    /// `manager` acts as the leader of `term`.
    pub(super) fn leads(&self, term: u64, manager: u16) {
        let mut records = self.lock();
        self.note(&mut records, &format!("manager {manager} leads in term {term}"));
        let first = *records.led.entry(term).or_insert(manager);
        drop(records);
        if first != manager {
            self.broken(&format!("managers {first} and {manager} both lead in term {term}"));
        }
    }

    /// What a read has to see that begins now.
    pub(super) fn promised(&self) -> Promised {
        let records = self.lock();
        Promised {
            created: records.created.keys().cloned().collect(),
            shared: records.changed.values().max().copied(),
        }
    }

    /// A read has seen `state`.
    pub(super) fn has_read(&self, manager: u16, promised: &Promised, state: &State) {
        self.lock().reads += 1;
        let missing = promised.created.iter().find(|name| state.service_by_name(name).is_none());
        if let Some(name) = missing {
            self.broken(&format!("a read by manager {manager} has not seen {name}"));
        }
        let seen = state.service_by_name(SHARED).map(|service| service.meta.version);
        if seen < promised.shared {
            let wanted = promised.shared.unwrap_or_default();
            self.broken(&format!("a read by manager {manager} has seen {seen:?}, not {wanted}"));
        }
    }

    /// Checks what all managers have in the end.
    pub(super) fn check(&self, states: &[State]) {
        let snapshots: Vec<Snapshot> = states.iter().cloned().map(Snapshot::from).collect();
        if snapshots.windows(2).any(|pair| pair[0] != pair[1]) {
            self.broken("the managers have different states");
        }
        let created = self.lock().created.clone();
        for (name, version) in created {
            let kept = states[0].service_by_name(&name).map(|service| service.meta.version);
            if kept != Some(version) {
                self.broken(&format!("{name} was acknowledged as {version}, and is {kept:?}"));
            }
        }
    }

    /// What it has come to.
    pub(super) fn report(&self) -> Report {
        let records = std::mem::take(&mut *self.lock());
        let Records { created, changed, led, reads, failures, crashes, broken, trace } = records;
        let (created, changed, terms) = (created.len(), changed.len(), led.len());
        let counts = format!(
            "{created} created, {changed} changed, {reads} read, {failures} failed, {crashes} crashes, {terms} terms"
        );
        Report { counts, broken, trace }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().expect("sound")
    }
}
