//! What the kernel counts, from `/proc/stat` and `/proc/meminfo` (proc(5)).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use procfs::FromRead;
use procfs::KernelStats;
use procfs::Meminfo;
use procfs::prelude::FromReadSI;

use super::Meter;
use super::Reading;

/// The counters of the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Proc {
    folder: PathBuf,
}

impl Proc {
    /// Those below `folder`, where the kernel's `/proc` is mounted.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl Meter for Proc {
    fn read(&self) -> io::Result<Reading> {
        let system = procfs::current_system_info();
        let stat = KernelStats::from_file(self.folder.join("stat"), system);
        let time = stat.map_err(io::Error::other)?.total;
        let memory = Meminfo::from_file(self.folder.join("meminfo")).map_err(io::Error::other)?;
        // What a hypervisor gave to others is not to be had either. Time of guests is part of `user`.
        let more = [time.irq_duration(), time.softirq_duration(), time.steal_duration()];
        let own = [time.user_duration(), time.nice_duration(), time.system_duration()];
        let busy: Duration = own.into_iter().chain(more.into_iter().flatten()).sum();
        let free = memory.mem_available.unwrap_or(memory.mem_free);
        let taken = memory.mem_total.saturating_sub(free);
        Ok(Reading { busy, memory_bytes: i64::try_from(taken).unwrap_or(i64::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_read_as_the_kernel_writes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let stat = "cpu  100 20 30 5000 700 4 6 40 0 0\ncpu0 100 20 30 5000 700 4 6 40 0 0\n\
                    ctxt 1\nbtime 1700000000\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n";
        std::fs::write(folder.path().join("stat"), stat).expect("writes");
        let meminfo = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 0 kB\n\
                       Cached: 0 kB\nSwapCached: 0 kB\nActive: 0 kB\nInactive: 0 kB\n\
                       SwapTotal: 0 kB\nSwapFree: 0 kB\nDirty: 0 kB\nWriteback: 0 kB\nMapped: 0 kB\n\
                       Slab: 0 kB\nCommitted_AS: 0 kB\nVmallocTotal: 0 kB\nVmallocUsed: 0 kB\n\
                       VmallocChunk: 0 kB\n";
        std::fs::write(folder.path().join("meminfo"), meminfo).expect("writes");
        let reading = Proc::new(folder.path().to_owned()).read().expect("is readable");
        // In ticks of 10 ms: all but what was idle or waited for a disk.
        assert_eq!(reading.busy, Duration::from_secs(2));
        assert_eq!(reading.memory_bytes, 400 * 1024);
    }

    #[test]
    fn this_kernel_is_understood() {
        let reading = Proc::new("/proc".into()).read().expect("is readable");
        assert!(reading.busy > Duration::ZERO);
        assert!(reading.memory_bytes > 0);
    }
}
