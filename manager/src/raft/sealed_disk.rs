//! Encrypts what goes to a disk, whatever it is.
//!
//! A value is bound to its key on the disk, and with it to its index in the log and its part: values that were changed, swapped or moved
//! are noticed when the log is read.

use std::io;
use std::ops::Range;

use swarmlite_vault::Purpose;
use swarmlite_vault::Sealer;

use super::disk::Batch;
use super::disk::Disk;

/// How many values are written anew at a time, so that few of them are in memory twice.
const REWRITTEN_AT_ONCE: usize = 256;

/// A disk that never sees a value as it is. Keys, which say nothing but kinds and indexes, stay as they are.
#[derive(Debug)]
pub(crate) struct SealedDisk<D> {
    disk: D,
    sealer: Sealer,
}

impl<D: Disk> SealedDisk<D> {
    /// Encrypts what goes to `disk`.
    pub(crate) const fn new(disk: D, sealer: Sealer) -> Self {
        Self { disk, sealer }
    }

    fn seal(&self, key: &[u8], value: &[u8]) -> io::Result<Vec<u8>> {
        self.sealer.seal(Purpose::Log, key, value).map_err(io::Error::other)
    }
}

impl<D: Disk> Disk for SealedDisk<D> {
    fn scan(&self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let open = |(key, sealed): (Vec<u8>, Vec<u8>)| {
            let opened = self.sealer.open(Purpose::Log, &key, &sealed).map_err(io::Error::from);
            let value = opened.map_err(|error| {
                let message = format!("cannot read the record {key:02x?} of the raft log: {error}");
                io::Error::new(error.kind(), message)
            })?;
            Ok((key, value))
        };
        self.disk.scan()?.into_iter().map(open).collect()
    }

    fn keys(&self, range: Range<Vec<u8>>, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        self.disk.keys(range, limit)
    }

    fn write(&mut self, batch: Batch) -> io::Result<()> {
        let seal = |(key, value): (Vec<u8>, Vec<u8>)| {
            let sealed = self.seal(&key, &value)?;
            Ok((key, sealed))
        };
        let puts = batch.puts.into_iter().map(seal).collect::<io::Result<_>>()?;
        self.disk.write(Batch { puts, removes: batch.removes })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.flush()
    }

    /// With the newest key. The others are not needed for the log afterwards.
    fn rewrite(&mut self) -> io::Result<()> {
        let items = self.scan()?;
        for some in items.chunks(REWRITTEN_AT_ONCE) {
            self.write(Batch { puts: some.to_vec(), removes: Vec::new() })?;
        }
        self.flush()
    }
}

#[cfg(test)]
mod tests;
