//! Inputs with something wrong in them, for the tests of everything that reads input. Drawn from a seed, so that each case happens again.

#![expect(clippy::expect_used, clippy::print_stderr, reason = "only tests use this")]

use std::ops::Deref;
use std::ops::DerefMut;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rmpv::Value;
use serde::Serialize;

/// How many bad inputs a test tries, in place of what it tries usually.
const HOW_MANY: &str = "SWARMLITE_BAD_INPUTS";

/// The only case that a test tries: that which has failed.
const ONE: &str = "SWARMLITE_BAD_INPUT";

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// So many cases, or as many as `SWARMLITE_BAD_INPUTS` says, or only the one that `SWARMLITE_BAD_INPUT` names.
pub fn cases(usual: u64) -> impl Iterator<Item = Case> {
    let all = number(ONE).map_or(0..number(HOW_MANY).unwrap_or(usual), |one| one..one + 1);
    all.map(|number| Case { number, rng: StdRng::seed_from_u64(number) })
}

/// One case of a test, which says its number if the test panics. Stands for its random numbers.
#[derive(Debug)]
pub struct Case {
    /// Its number, which is its seed.
    pub number: u64,
    rng: StdRng,
}

impl Deref for Case {
    type Target = StdRng;

    fn deref(&self) -> &StdRng {
        &self.rng
    }
}

impl DerefMut for Case {
    fn deref_mut(&mut self) -> &mut StdRng {
        &mut self.rng
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it was case {0}; {ONE}={0} tries only that", self.number);
        }
    }
}

/// Does some damage to `bytes`, in one place or a few.
pub fn spoil_bytes(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..4) {
        spoil_once(rng, bytes);
    }
}

fn spoil_once(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    let at = rng.random_range(0..=bytes.len());
    let end = (at + rng.random_range(0..=16)).min(bytes.len());
    match rng.random_range(0..10) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.extend_from_within(at..end),
        3 => {
            let more: Vec<u8> = (0..rng.random_range(1..9)).map(|_| rng.random()).collect();
            drop(bytes.splice(at..at, more));
        }
        4 | 5 => {
            let bit = 1 << rng.random_range(0..8);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
        }
        6 | 7 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = rng.random()),
        // What is there may be a length.
        _ => {
            let number = odd_number(rng);
            let both = [number.to_be_bytes(), number.to_le_bytes()];
            let written = &both[rng.random_range(0..2)];
            let width = [1, 2, 4, 8][rng.random_range(0..4)];
            let part = if rng.random() { &written[..width] } else { &written[8 - width..] };
            bytes.iter_mut().skip(at).zip(part).for_each(|(byte, new)| *byte = *new);
        }
    }
}

fn odd_number(rng: &mut StdRng) -> u64 {
    let bits = rng.random_range(0..=64);
    let power = 1_u64.checked_shl(bits).unwrap_or_default();
    match rng.random_range(0..4) {
        0 => power.wrapping_sub(1),
        1 => power,
        2 => rng.random_range(0..32),
        _ => rng.random(),
    }
}

/// A value that fits hardly anywhere.
fn odd(rng: &mut StdRng) -> Value {
    let deep = |levels| (0..levels).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    match rng.random_range(0..18) {
        0 => Value::Nil,
        1 => true.into(),
        2 => (-1).into(),
        3 => u64::MAX.into(),
        4 => i64::MIN.into(),
        5 => 1e308.into(),
        6 => 0.5.into(),
        7 => "".into(),
        8 => "\u{0}\n\u{7f}".into(),
        9 => "💥é\u{202e}".into(),
        10 => "a".repeat(5000).into(),
        11 => Value::Array(Vec::new()),
        12 => Value::Map(Vec::new()),
        13 => Value::Map(vec![("".into(), Value::Map(vec![("".into(), Value::Nil)]))]),
        14 => deep(100),
        15 => deep(1000),
        16 => "0.0.0.0/0".into(),
        _ => 65_536.into(),
    }
}

/// Does one thing wrong in `value`.
fn spoil(rng: &mut StdRng, value: &mut Value) {
    let inside = rng.random_range(0..5) > 0;
    match value {
        Value::Map(members) if inside && !members.is_empty() => {
            let which = rng.random_range(0..members.len());
            match rng.random_range(0..9) {
                0 => drop(members.remove(which)),
                1 => members.push(("\u{0}odd".into(), odd(rng))),
                2 => {
                    let key = members[which].0.as_str().unwrap_or_default().to_lowercase();
                    members.push((key.into(), odd(rng)));
                }
                3 => members.push(members[which].clone()),
                _ => spoil(rng, &mut members[which].1),
            }
        }
        Value::Array(items) if inside && !items.is_empty() => {
            let which = rng.random_range(0..items.len());
            match rng.random_range(0..6) {
                0 => drop(items.remove(which)),
                1 => items.extend(vec![items[which].clone(); 300]),
                2 => items.push(odd(rng)),
                _ => spoil(rng, &mut items[which]),
            }
        }
        Value::String(text) if inside => {
            *value = spoiled_text(rng, text.as_str().unwrap_or_default()).into();
        }
        Value::Binary(bytes) if inside => spoil_bytes(rng, bytes),
        _ => *value = odd(rng),
    }
}

/// `text` with something wrong in it.
pub fn spoiled_text(rng: &mut StdRng, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    spoil_bytes(rng, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `value` as JSON with something wrong in it: members, and sometimes bytes.
pub fn spoiled_json(rng: &mut StdRng, value: &impl Serialize) -> Vec<u8> {
    let value = rmpv::ext::to_value(value).expect("is a value");
    written(rng, value, |value| serde_json::to_vec(value).expect("is JSON"))
}

/// `packed`, which is MessagePack, with something wrong in it: members, and sometimes bytes.
pub fn spoiled_messagepack(rng: &mut StdRng, packed: &[u8]) -> Vec<u8> {
    let value = rmpv::decode::read_value(&mut &*packed).expect("is MessagePack");
    written(rng, value, |value| {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).expect("is written");
        bytes
    })
}

fn written(rng: &mut StdRng, mut value: Value, write: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    (0..rng.random_range(1..3)).for_each(|_| spoil(rng, &mut value));
    let mut bytes = write(&value);
    if rng.random_range(0..5) == 0 {
        spoil_bytes(rng, &mut bytes);
    }
    bytes
}
