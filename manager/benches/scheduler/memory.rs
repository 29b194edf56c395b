//! How much memory is in use, and how much was asked for.

use std::alloc::System;
use std::ops::Sub;

use stats_alloc::INSTRUMENTED_SYSTEM;
use stats_alloc::StatsAlloc;

/// Counts what is allocated.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What has been asked of the allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// How often, enlarging included.
    pub(crate) count: usize,
    /// How many bytes.
    pub(crate) bytes: usize,
}

impl Allocated {
    /// Since the program began.
    pub(crate) fn so_far() -> Self {
        let stats = ALLOCATOR.stats();
        Self { count: stats.allocations + stats.reallocations, bytes: stats.bytes_allocated }
    }
}

impl Sub for Allocated {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { count: self.count - earlier.count, bytes: self.bytes - earlier.bytes }
    }
}

/// How many bytes are in use.
pub(crate) fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// The most memory that the process has had, in bytes, as the kernel counts it.
pub(crate) fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of it");
    let kib = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
    kib * 1024
}
