//! Names of objects: their rules, and names for services that were given none.

use rand::RngExt;

use super::require;
use crate::error::Error;
use crate::error::Result;

/// Characters in a name, at most: names become DNS labels.
const MAX_LEN: usize = 63;

const ADJECTIVES: &[&str] = &[
    "able", "agile", "amber", "bold", "brave", "bright", "calm", "clever", "cosy", "crisp",
    "eager", "early", "fair", "fond", "frank", "gentle", "glad", "happy", "humble", "keen", "kind",
    "lively", "loyal", "lucid", "merry", "mild", "modest", "nimble", "patient", "polite", "proud",
    "quick", "quiet", "ready", "serene", "sharp", "shrewd", "steady", "sunny", "swift", "tender",
    "tidy", "upbeat", "vivid", "warm", "wise", "witty", "zesty",
];

const SURNAMES: &[&str] = &[
    "abel", "babbage", "bardeen", "bell", "bohr", "boole", "cantor", "carson", "cerf", "church",
    "cray", "curie", "darwin", "dijkstra", "dirac", "euclid", "euler", "faraday", "fermi",
    "franklin", "galois", "gauss", "germain", "goodall", "hamilton", "hilbert", "hopper",
    "hypatia", "kepler", "knuth", "lamport", "liskov", "lovelace", "maxwell", "meitner", "mendel",
    "newton", "noether", "pascal", "perlman", "planck", "ritchie", "shannon", "tesla", "thompson",
    "turing", "volta", "wiles",
];

/// Checks the name of a service or network.
///
/// # Errors
///
/// When it is empty, too long, or not a DNS label (where `_` is taken, too).
pub fn check(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid("meta: name must be provided"));
    }
    require(name.len() <= MAX_LEN, || format!("name must be {MAX_LEN} characters or fewer"))?;
    let inner = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let ends = [name.bytes().next(), name.bytes().next_back()];
    let ends_well = ends.into_iter().flatten().all(|byte| byte.is_ascii_alphanumeric());
    require(inner && ends_well, || "name must be valid as a DNS name component".to_owned())
}

/// Makes a name as Docker does, `adjective_surname`. After many that were taken, call with `attempt` above 0 for one with a digit.
pub fn random(rng: &mut impl RngExt, attempt: u32) -> String {
    let adjective = ADJECTIVES[rng.random_range(0..ADJECTIVES.len())];
    let surname = SURNAMES[rng.random_range(0..SURNAMES.len())];
    match attempt {
        0 => format!("{adjective}_{surname}"),
        _ => format!("{adjective}_{surname}{}", rng.random_range(0..10_u32.pow(attempt.min(9)))),
    }
}
