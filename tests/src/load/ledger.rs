//! What became of the requests, by phases, and the table of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use anyhow::ensure;
use tokio::time::Instant;

use crate::load::client::kind_of_failure;

/// How many failures of a phase are told in words.
const TOLD: usize = 5;

/// Counts requests.
#[derive(Debug)]
pub(super) struct Ledger {
    phases: Mutex<Vec<Phase>>,
}

/// What became of the requests that began in one phase.
#[derive(Clone, Debug)]
struct Phase {
    name: String,
    begun: Instant,
    ended: Option<Instant>,
    requests: u64,
    failures: u64,
    kinds: BTreeMap<&'static str, u64>,
    told: Vec<String>,
    /// Whose requests have failed.
    failed: BTreeSet<String>,
    /// When the last of its failures was noticed.
    last_failure: Option<Instant>,
    slowest: Duration,
    servers: BTreeSet<String>,
}

/// One request. One that is neither answered nor failed was given up, and does not count.
pub(super) struct Entry {
    ledger: Arc<Ledger>,
    phase: usize,
    begun: Instant,
}

impl Ledger {
    pub(super) fn new(phase: &str) -> Self {
        Self { phases: Mutex::new(vec![Phase::new(phase)]) }
    }

    /// Requests that begin from now on belong to the phase `name`.
    pub(super) fn phase(&self, name: &str) {
        let mut phases = self.lock();
        let next = Phase::new(name);
        if let Some(last) = phases.last_mut() {
            last.ended = Some(next.begun);
        }
        phases.push(next);
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Entry {
        let phase = self.lock().len() - 1;
        Entry { ledger: Arc::clone(self), phase, begun: Instant::now() }
    }

    pub(super) fn report(&self) -> Report {
        let mut phases = self.lock().clone();
        if let Some(last) = phases.last_mut() {
            last.ended = Some(Instant::now());
        }
        Report { phases }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Phase>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The request was answered as it should be, by `server`.
    pub(super) fn answered(&mut self, server: &str) {
        self.count(|phase| {
            if !phase.servers.contains(server) {
                phase.servers.insert(server.to_owned());
            }
        });
    }

    /// The request of `who` has failed.
    pub(super) fn failed(&mut self, who: &str, error: &anyhow::Error) {
        let kind = kind_of_failure(error);
        let took = self.begun.elapsed();
        self.count(|phase| {
            phase.failures += 1;
            phase.last_failure = Some(Instant::now());
            *phase.kinds.entry(kind).or_default() += 1;
            phase.failed.insert(who.to_owned());
            if phase.told.len() < TOLD {
                let when = time_of_day(now());
                phase.told.push(format!("{when} after {took:.1?}, {who}: {kind}: {error:#}"));
            }
        });
    }

    fn count(&self, also: impl FnOnce(&mut Phase)) {
        let took = self.begun.elapsed();
        if let Some(phase) = self.ledger.lock().get_mut(self.phase) {
            phase.requests += 1;
            phase.slowest = phase.slowest.max(took);
            also(phase);
        }
    }
}

impl Phase {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            begun: Instant::now(),
            ended: None,
            requests: 0,
            failures: 0,
            kinds: BTreeMap::new(),
            told: Vec::new(),
            failed: BTreeSet::new(),
            last_failure: None,
            slowest: Duration::ZERO,
            servers: BTreeSet::new(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let Self { name, requests, failures, told, .. } = self;
        ensure!(*requests > 0, "nothing was asked during {name:?}");
        ensure!(*failures == 0, "{failures} requests failed during {name:?}: {}", told[0]);
        Ok(())
    }
}

/// What became of all requests. Its text is a table of the phases.
#[derive(Clone, Debug)]
pub struct Report {
    phases: Vec<Phase>,
}

impl Report {
    /// How many requests were made.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.phases.iter().map(|phase| phase.requests).sum()
    }

    /// How many of them failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.phases.iter().map(|phase| phase.failures).sum()
    }

    /// How long after the beginning of `phase` its last failure was noticed.
    #[must_use]
    pub fn last_failure(&self, phase: &str) -> Option<Duration> {
        let phase = self.phases.iter().find(|one| one.name == phase)?;
        Some(phase.last_failure? - phase.begun)
    }

    /// The clients that had a request fail in `phase`: where they are, which way their requests take, and how they use connections.
    #[must_use]
    pub fn failed(&self, phase: &str) -> BTreeSet<String> {
        let phases = self.phases.iter().filter(|one| one.name == phase);
        phases.flat_map(|phase| phase.failed.iter().cloned()).collect()
    }

    /// Checks that no request has failed, and that there were some in each phase.
    ///
    /// # Errors
    ///
    /// Otherwise, with the first failure.
    pub fn check(&self) -> anyhow::Result<()> {
        self.phases.iter().try_for_each(Phase::check)
    }

    /// The same, but for one phase that cannot do without.
    ///
    /// # Errors
    ///
    /// As [`Report::check`].
    pub fn check_without(&self, phase: &str) -> anyhow::Result<()> {
        self.phases.iter().filter(|one| one.name != phase).try_for_each(Phase::check)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.phases.iter().map(|phase| phase.name.chars().count()).max();
        let width = width.unwrap_or_default().max("PHASE".len());
        let head = ["TIME", "REQUESTS", "FAILED", "SLOWEST", "SERVERS"];
        let [time, requests, failed, slowest, servers] = head;
        writeln!(
            f,
            "{:width$} {time:>8} {requests:>9} {failed:>7} {slowest:>9} {servers:>8}",
            "PHASE"
        )?;
        for phase in &self.phases {
            let time = phase.ended.map_or(Duration::ZERO, |ended| ended - phase.begun);
            let Phase { name, requests, failures, slowest, servers, .. } = phase;
            let (time, slowest) = (time.as_secs_f64(), slowest.as_secs_f64() * 1e3);
            let servers = servers.len();
            writeln!(
                f,
                "{name:width$} {time:>7.1}s {requests:>9} {failures:>7} {slowest:>6.0} ms {servers:>8}"
            )?;
        }
        writeln!(f, "{:width$} {:>8} {:>9} {:>7}", "total", "", self.requests(), self.failures())?;
        for phase in self.phases.iter().filter(|phase| phase.failures > 0) {
            writeln!(f, "failed during {:?}: {:?}", phase.name, phase.kinds)?;
            for told in &phase.told {
                writeln!(f, "    {told}")?;
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the daemons' logs, which it is compared with, have the time of the machine"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Hours, minutes, seconds and milliseconds (UTC), to be found again in the logs of the daemons.
fn time_of_day(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, since.subsec_millis())
}
