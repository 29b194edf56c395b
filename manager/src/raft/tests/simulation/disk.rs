//! Disks in memory, which lose what was not flushed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use super::Disks;
use crate::raft::disk::Batch;
use crate::raft::disk::Disk;

type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// The disk of one machine. Clones are the same disk.
#[derive(Clone)]
pub(super) struct SimDisk {
    shared: Arc<Mutex<Contents>>,
}

struct Contents {
    kind: Disks,
    /// What survives the loss of power.
    flushed: Values,
    /// What was written since, in order.
    written: Vec<Batch>,
    /// How often the machine has been started. What runs since an earlier start writes nothing any more.
    boot: u64,
    flushes: u64,
    /// How long every job takes.
    pause: Duration,
    /// Whether the next flush fails.
    fails: bool,
}

/// The disk, as the process sees it that was started last.
pub(super) struct Mounted {
    disk: SimDisk,
    boot: u64,
}

impl SimDisk {
    pub(super) fn new(kind: Disks) -> Self {
        let contents = Contents {
            kind,
            flushed: Values::new(),
            written: Vec::new(),
            boot: 0,
            flushes: 0,
            pause: Duration::from_millis(1),
            fails: false,
        };
        Self { shared: Arc::new(Mutex::new(contents)) }
    }

    pub(super) fn mount(&self) -> Mounted {
        Mounted { disk: self.clone(), boot: self.lock().boot }
    }

    /// The process is gone; its machine goes on, and writes what it was given.
    pub(super) fn kill(&self) {
        self.lock().restart();
    }

    /// The machine is gone. Of what was not flushed so many writes have reached the disk.
    pub(super) fn power_off(&self, reached: usize) {
        let mut contents = self.lock();
        contents.written.truncate(reached);
        contents.restart();
    }

    /// How many writes have not been flushed.
    pub(super) fn at_risk(&self) -> usize {
        self.lock().written.len()
    }

    /// From now on every job takes so long.
    pub(super) fn slow_down(&self, pause: Duration) {
        self.lock().pause = pause;
    }

    pub(super) fn pause(&self) -> Duration {
        self.lock().pause
    }

    /// The next flush fails.
    pub(super) fn fail(&self) {
        self.lock().fails = true;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.shared.lock().expect("sound")
    }
}

impl Contents {
    fn restart(&mut self) {
        self.settle();
        self.boot += 1;
        self.fails = false;
    }

    fn settle(&mut self) {
        for batch in std::mem::take(&mut self.written) {
            apply(&mut self.flushed, &batch);
        }
    }

    fn seen(&self) -> Values {
        let mut seen = self.flushed.clone();
        self.written.iter().for_each(|batch| apply(&mut seen, batch));
        seen
    }
}

fn apply(values: &mut Values, batch: &Batch) {
    values.extend(batch.puts.iter().cloned());
    batch.removes.iter().for_each(|key| drop(values.remove(key)));
}

impl Mounted {
    fn open(&self) -> io::Result<MutexGuard<'_, Contents>> {
        let contents = self.disk.lock();
        if contents.boot == self.boot { Ok(contents) } else { Err(io::Error::other("no power")) }
    }
}

impl Disk for Mounted {
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        Ok(self.open()?.seen().into_iter().collect())
    }

    fn keys(&self, range: Range<Vec<u8>>, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        Ok(self.open()?.seen().range(range).map(|(key, _)| key.clone()).take(limit).collect())
    }

    fn write(&mut self, batch: Batch) -> io::Result<()> {
        self.open()?.written.push(batch);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut contents = self.open()?;
        if std::mem::take(&mut contents.fails) {
            return Err(io::Error::other("the disk is broken"));
        }
        contents.flushes += 1;
        let lies = contents.kind == Disks::Lying && contents.flushes % 8 != 0;
        if !lies {
            contents.settle();
        }
        Ok(())
    }
}
