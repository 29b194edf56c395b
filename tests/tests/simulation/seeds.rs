//! Runs of the simulation: of some seeds by themselves, of many when asked for, and of planted faults.

use std::fmt::Write;
use std::num::NonZero;
use std::time::Duration;

use crate::invariants::Broken;
use crate::invariants::Name;
use crate::world::Plant;
use crate::world::World;

/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(60);
/// By then a cluster in which nothing goes wrong any more has come to rest: nodes are waited for, updates have delays, and what keeps failing pauses.
const HEALED: Duration = Duration::from_secs(30 * 60);
/// How many seeds are tried unless somebody says otherwise.
const SEEDS: u64 = 80;

/// What one seed has come to.
struct Report {
    steps: u64,
    entries: usize,
    digest: u64,
    lines: u64,
    broken: Option<Broken>,
}

/// Lets everything happen that follows from `seed`.
fn run(seed: u64, plant: Option<Plant>, told: bool) -> Report {
    let mut world = World::new(seed, plant, told);
    let mut steps = 0;
    let outcome = live(&mut world, &mut steps);
    Report {
        steps,
        entries: world.log.entries.len(),
        digest: world.trace.digest(),
        lines: world.trace.lines(),
        broken: outcome.err().map(|broken| Broken { steps: steps + broken.steps, ..broken }),
    }
}

fn live(world: &mut World, steps: &mut u64) -> Result<(), Broken> {
    *steps += world.run(TROUBLE)?;
    world.troubled = false;
    world.mend_all();
    let begin = world.now();
    *steps += world.run(Duration::from_secs(30))?;
    while world.unsettled().is_some() && world.now().since(begin) < HEALED {
        *steps += world.run(Duration::from_secs(20))?;
    }
    world.check_rest();
    world.watch.broken.take().map_or(Ok(()), Err)
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
fn try_all(seeds: impl Iterator<Item = u64>, told: bool) -> (String, u64) {
    let (mut wrong, mut total) = (String::new(), 0);
    for seed in seeds {
        let Report { steps, entries, digest, lines, broken } = run(seed, None, told);
        total += steps;
        if told {
            eprintln!(
                "seed {seed}: {steps} steps, {entries} entries, {lines} lines, digest {digest:016x}"
            );
        }
        if let Some(broken) = broken {
            let line = format!(
                "seed {seed}: {broken}\n    SWARMLITE_SEED={seed} cargo test --workspace --test simulation whatever_goes_wrong -- --nocapture\n"
            );
            eprint!("{line}");
            let _ = wrong.write_str(&line);
        }
    }
    (wrong, total)
}

#[test]
fn whatever_goes_wrong_what_must_hold_does() {
    let seeds = seeds();
    let told = seeds.end - seeds.start == 1;
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<(String, u64)> = std::thread::scope(|scope| {
        let some = |first| seeds.clone().skip(first).step_by(threads);
        let running: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || try_all(some(first), told))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let steps: u64 = outcomes.iter().map(|(_, steps)| steps).sum();
    eprintln!("{} seeds, {steps} steps", seeds.end - seeds.start);
    let wrong: String = outcomes.into_iter().map(|(wrong, _)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_seed_happens_again_as_it_has() {
    for seed in 0..2 {
        let (once, again) = (run(seed, None, false), run(seed, None, false));
        assert_eq!((once.digest, once.lines), (again.digest, again.lines), "seed {seed}");
    }
    assert_ne!(run(0, None, false).digest, run(1, None, false).digest);
}

#[test]
fn what_is_planted_is_found_by_its_name() {
    let plants = [
        (Plant::RoutesUnconfirmed, Name::NodesHaveConfirmed),
        (Plant::PlacesAnywhere, Name::PlacedWhereItMay),
        (Plant::ForgetsAddresses, Name::PlacedWhereItMay),
        (Plant::CutsDelays, Name::RestartsWait),
        (Plant::LosesEntry, Name::AcknowledgedIsKept),
        (Plant::SkipsEntry, Name::ReplicasConverge),
    ];
    for (plant, name) in plants {
        let found = (0..20).find_map(|seed| run(seed, Some(plant), false).broken);
        assert_eq!(found.map(|broken| broken.name), Some(name), "{plant:?}");
    }
}
