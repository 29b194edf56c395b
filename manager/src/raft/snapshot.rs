//! Snapshots of the state, as files beside the log.
//!
//! There is one current snapshot: `snapshot` in the directory. It is encrypted, written under another name, flushed, and renamed, so that a
//! crash leaves the old one or the new one. On its way to another manager, whose keys are others, it is in memory only. All functions
//! block but [`Snapshots::open`]'s callers know that.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::format;
use swarmlite_vault::Purpose;
use swarmlite_vault::SealedReader;
use swarmlite_vault::SealedWriter;
use swarmlite_vault::Sealer;

use super::types::SnapshotMeta;
use crate::state;
use crate::state::State;

/// The current snapshot.
const CURRENT: &str = "snapshot";
/// One being written.
const WRITTEN: &str = "snapshot.written";

/// The snapshots of one manager.
#[derive(Debug)]
pub(crate) struct Snapshots {
    dir: PathBuf,
    sealer: Sealer,
    /// What `snapshot` contains. Locked while the file is replaced.
    current: Mutex<Option<SnapshotMeta>>,
    /// Held while a file is written, so that [`Snapshots::rewrite`] finds none that was begun with an older key.
    writing: Mutex<()>,
}

/// What is in the file, and goes over the wire.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    meta: SnapshotMeta,
    state: state::Snapshot,
}

impl Snapshots {
    /// The snapshots in `dir`, which must exist, and the current one.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub(crate) fn open(
        dir: &Path,
        sealer: Sealer,
    ) -> io::Result<(Self, Option<(SnapshotMeta, State)>)> {
        let dir = dir.to_owned();
        ignore_missing(std::fs::remove_file(dir.join(WRITTEN)))?;
        let snapshots = Self { dir, sealer, current: Mutex::default(), writing: Mutex::default() };
        let Some(file) = ignore_missing(File::open(snapshots.dir.join(CURRENT)))? else {
            return Ok((snapshots, None));
        };
        let contents = decode(&snapshots.read_from(file)?)?;
        *snapshots.lock() = Some(contents.meta.clone());
        Ok((snapshots, Some((contents.meta, contents.state.into()))))
    }

    /// Makes a snapshot of `state` the current one, unless there is a newer one by now. Returns the current one.
    pub(crate) fn build(
        &self,
        meta: SnapshotMeta,
        state: State,
    ) -> io::Result<(SnapshotMeta, Vec<u8>)> {
        let format = state.format();
        let contents = Contents { meta: meta.clone(), state: state.into() };
        let bytes = format::encode(format, &contents).map_err(io::Error::other)?;
        drop(contents);
        let _writing = self.begin();
        self.write(&bytes)?;
        let mut current = self.lock();
        match current.clone() {
            Some(newer) if newer.last_log_id > meta.last_log_id => {
                std::fs::remove_file(self.dir.join(WRITTEN))?;
                Ok((newer, self.read()?))
            }
            _ => {
                self.replace(&mut current, meta.clone())?;
                Ok((meta, bytes))
            }
        }
    }

    /// Makes `received` the current snapshot and returns the state it holds.
    ///
    /// # Errors
    ///
    /// When it is not the snapshot that `meta` describes; the current one then stays.
    pub(crate) fn install(&self, meta: &SnapshotMeta, received: &[u8]) -> io::Result<State> {
        let contents = decode(received)?;
        if contents.meta != *meta {
            return Err(invalid(format!(
                "received snapshot {} where {} was announced",
                contents.meta.snapshot_id, meta.snapshot_id
            )));
        }
        let _writing = self.begin();
        self.write(received)?;
        self.replace(&mut self.lock(), contents.meta)?;
        Ok(contents.state.into())
    }

    /// The current snapshot.
    pub(crate) fn current(&self) -> io::Result<Option<(SnapshotMeta, Vec<u8>)>> {
        let current = self.lock();
        current.as_ref().map(|meta| Ok((meta.clone(), self.read()?))).transpose()
    }

    /// Encrypts the current snapshot anew, with the newest key.
    pub(crate) fn rewrite(&self) -> io::Result<()> {
        let _writing = self.begin();
        let mut current = self.lock();
        let Some(meta) = current.clone() else { return Ok(()) };
        self.write(&self.read()?)?;
        self.replace(&mut current, meta)
    }

    /// Writes a snapshot beside the current one. On the disk when this returns.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let file = BufWriter::new(File::create(self.dir.join(WRITTEN))?);
        let mut writer = SealedWriter::new(file, self.sealer.clone(), Purpose::Snapshot)?;
        writer.write_all(bytes)?;
        writer.finish()?.get_ref().sync_all()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        self.read_from(File::open(self.dir.join(CURRENT))?)
    }

    fn read_from(&self, file: File) -> io::Result<Vec<u8>> {
        let file = BufReader::new(file);
        let mut bytes = Vec::new();
        SealedReader::new(file, self.sealer.clone(), Purpose::Snapshot)
            .and_then(|mut reader| reader.read_to_end(&mut bytes))
            .map_err(unreadable)?;
        Ok(bytes)
    }

    fn replace(&self, current: &mut Option<SnapshotMeta>, meta: SnapshotMeta) -> io::Result<()> {
        std::fs::rename(self.dir.join(WRITTEN), self.dir.join(CURRENT))?;
        File::open(&self.dir)?.sync_all()?;
        *current = Some(meta);
        Ok(())
    }

    fn begin(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Option<SnapshotMeta>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(bytes: &[u8]) -> io::Result<Contents> {
    Ok(format::decode("the snapshot", bytes)?)
}

fn unreadable(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read the snapshot: {error}"))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn ignore_missing<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
