//! What has happened, in order: a digest by which two runs are compared, and lines for those who look at one.

use std::fmt;
use std::hash::Hasher;

use swarmlite_proto::time::Timestamp;

/// FNV-1a (draft-eastlake-fnv): the same on every machine, which the hashers of the standard library do not promise.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What has happened.
pub(crate) struct Trace {
    hash: Fnv,
    told: bool,
    lines: u64,
}

impl Trace {
    /// Nothing has happened yet. If it is to be `told`, every line is printed.
    pub(crate) const fn new(told: bool) -> Self {
        Self { hash: Fnv(0xcbf2_9ce4_8422_2325), told, lines: 0 }
    }

    /// Something has happened.
    pub(crate) fn note(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        let line = what.to_string();
        let (seconds, nanoseconds) = now.to_unix();
        self.hash.write(&seconds.to_le_bytes());
        self.hash.write(&nanoseconds.to_le_bytes());
        self.hash.write(line.as_bytes());
        self.lines += 1;
        if self.told {
            eprintln!("{seconds:>6}.{:03} {line}", nanoseconds / 1_000_000);
        }
    }

    /// What all of it comes to.
    pub(crate) fn digest(&self) -> u64 {
        self.hash.finish()
    }

    /// How much has happened.
    pub(crate) const fn lines(&self) -> u64 {
        self.lines
    }
}
