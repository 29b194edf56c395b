//! Three managers, or two and a witness, and everything that can go wrong with them, in time that passes only when all of them wait.
//!
//! The log, the state machine, raft and the calls between managers are the real ones. The network ([`network`]), the disks ([`disk`]) and
//! the clients ([`clients`]) draw what they do from one seed, and so does what goes wrong ([`faults`]). [`history`] keeps what was promised,
//! and says what was broken.
//!
//! CONTRIBUTING.md says how to try many seeds, or one with all that happens.

mod clients;
mod disk;
mod faults;
mod history;
mod managers;
mod network;

use std::fmt::Write;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio::time::timeout;

use self::history::History;
use self::managers::Managers;
use self::network::Net;

/// How many managers there are.
const MANAGERS: u16 = 3;
/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(40);
/// By then a cluster in which nothing goes wrong any more has agreed.
const HEALED: Duration = Duration::from_secs(60);

/// How many seeds are tried unless somebody says otherwise.
const SEEDS: u64 = 40;

/// What one seed has come to.
struct Report {
    /// What was done, and what of it was acknowledged.
    counts: String,
    /// What was broken. Nothing should be.
    broken: Vec<String>,
    /// Everything that has happened, in order.
    trace: Vec<String>,
}

/// What the disks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disks {
    /// What was flushed is there after the power was lost.
    Honest,
    /// Some of what was flushed is not: a fault that is planted, to be found.
    Lying,
}

/// Lets everything happen that follows from `seed`.
fn run(seed: u64, disks: Disks) -> Report {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    // Otherwise it draws by itself in which order tasks go on that wake at the same instant.
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    builder.build().expect("a runtime").block_on(live(seed, disks))
}

async fn live(seed: u64, disks: Disks) -> Report {
    let mut rng = StdRng::seed_from_u64(seed);
    let history = Arc::new(History::new());
    let net = Net::new(StdRng::seed_from_u64(rng.random()));
    let managers_rng = StdRng::seed_from_u64(rng.random());
    // In half of all clusters.
    let witness = (seed % 2 == 1).then_some(MANAGERS);
    let managers = Managers::start(&net, &history, disks, managers_rng, witness).await;
    let managers = Arc::new(managers);
    let end = Instant::now() + TROUBLE;
    let clients = (1..=3).map(|number| {
        let rng = StdRng::seed_from_u64(rng.random());
        tokio::spawn(clients::run(number, Arc::clone(&managers), Arc::clone(&history), rng, end))
    });
    let clients: Vec<_> = clients.collect();
    faults::run(&managers, &net, &history, &mut rng, end).await;
    for client in clients {
        client.await.expect("a client ends");
    }
    match timeout(HEALED, managers.agree()).await {
        Ok(states) => history.check(&states),
        Err(_) => history.broken("they do not agree, although nothing goes wrong any more"),
    }
    managers.stop().await;
    history.report()
}

/// Tries seeds until `SEEDS`, or as the environment says.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match number("SWARMLITE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SWARMLITE_SEEDS").unwrap_or(SEEDS),
    }
}

/// Tries these seeds. What was broken.
fn try_all(seeds: impl Iterator<Item = u64>, told: bool) -> String {
    let mut wrong = String::new();
    for seed in seeds {
        let Report { counts, broken, trace } = run(seed, Disks::Honest);
        if told {
            trace.iter().for_each(|line| eprintln!("{line}"));
            eprintln!("{counts}");
        }
        if !broken.is_empty() {
            let _ = writeln!(wrong, "seed {seed}, {counts}: {}", broken.join("\n    "));
        }
    }
    wrong
}

#[test]
fn whatever_goes_wrong_nothing_acknowledged_is_lost() {
    let seeds = seeds();
    let told = seeds.end - seeds.start == 1;
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let wrong: String = std::thread::scope(|scope| {
        let some = |first| seeds.clone().skip(first).step_by(threads);
        let running: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || try_all(some(first), told))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_disk_that_does_not_flush_is_found_out() {
    let found = (0..SEEDS).any(|seed| !run(seed, Disks::Lying).broken.is_empty());
    assert!(found, "a simulation that finds nothing");
}

#[cfg(tokio_unstable)]
#[test]
fn a_seed_happens_again_as_it_has() {
    for seed in 0..5 {
        let (once, again) = (run(seed, Disks::Honest).trace, run(seed, Disks::Honest).trace);
        let differs = once.iter().zip(&again).find(|(once, again)| once != again);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(once.len(), again.len(), "seed {seed}");
    }
}
