//! Snapshots of the state, as files beside the log.
//!
//! There is one current snapshot: `snapshot` in the directory. It is written under another name, flushed, and renamed, so that a crash leaves the
//! old one or the new one. All functions block but [`Snapshots::open`]'s callers know that.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::Serialize;

use super::types::SnapshotMeta;
use crate::state;
use crate::state::State;

/// The current snapshot.
const CURRENT: &str = "snapshot";
/// One being built.
const BUILT: &str = "snapshot.built";
/// One being received.
const RECEIVED: &str = "snapshot.received";
/// One received, being checked.
const INSTALLED: &str = "snapshot.installed";

/// The snapshots of one manager.
#[derive(Debug)]
pub(crate) struct Snapshots {
    dir: PathBuf,
    /// What `snapshot` contains. Locked while the file is replaced.
    current: Mutex<Option<SnapshotMeta>>,
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
    pub(crate) fn open(dir: &Path) -> io::Result<(Self, Option<(SnapshotMeta, State)>)> {
        let dir = dir.to_owned();
        for leftover in [BUILT, RECEIVED, INSTALLED] {
            ignore_missing(std::fs::remove_file(dir.join(leftover)))?;
        }
        let Some(file) = ignore_missing(File::open(dir.join(CURRENT)))? else {
            return Ok((Self { dir, current: Mutex::new(None) }, None));
        };
        let contents = read(file)?;
        let current = Mutex::new(Some(contents.meta.clone()));
        Ok((Self { dir, current }, Some((contents.meta, contents.state.into()))))
    }

    /// Makes a snapshot of `state` the current one, unless there is a newer one by now. Returns the current one.
    pub(crate) fn build(
        &self,
        meta: SnapshotMeta,
        state: State,
    ) -> io::Result<(SnapshotMeta, File)> {
        let path = self.dir.join(BUILT);
        let mut writer = BufWriter::new(File::create(&path)?);
        let contents = Contents { meta: meta.clone(), state: state.into() };
        rmp_serde::encode::write_named(&mut writer, &contents).map_err(io::Error::other)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        let mut current = self.lock();
        match &*current {
            Some(newer) if newer.last_log_id > meta.last_log_id => std::fs::remove_file(&path)?,
            _ => self.replace(&path, &mut current, meta)?,
        }
        let meta = current.clone().unwrap_or_default();
        Ok((meta, File::open(self.dir.join(CURRENT))?))
    }

    /// An empty file for a snapshot that comes in.
    pub(crate) fn receive(&self) -> io::Result<File> {
        let path = self.dir.join(RECEIVED);
        let file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        // It lives as long as it is open, so that a reception that is given up leaves nothing.
        std::fs::remove_file(&path)?;
        Ok(file)
    }

    /// Makes `received` the current snapshot and returns the state it holds.
    ///
    /// # Errors
    ///
    /// When it is not the snapshot that `meta` describes; the current one then stays.
    pub(crate) fn install(&self, meta: &SnapshotMeta, mut received: File) -> io::Result<State> {
        let path = self.dir.join(INSTALLED);
        received.rewind()?;
        let mut file = File::create(&path)?;
        io::copy(&mut received, &mut file)?;
        file.sync_all()?;
        let contents = read(File::open(&path)?)?;
        if contents.meta != *meta {
            return Err(invalid(format!(
                "received snapshot {} where {} was announced",
                contents.meta.snapshot_id, meta.snapshot_id
            )));
        }
        self.replace(&path, &mut self.lock(), contents.meta)?;
        Ok(contents.state.into())
    }

    /// The current snapshot.
    pub(crate) fn current(&self) -> io::Result<Option<(SnapshotMeta, File)>> {
        let current = self.lock();
        current
            .as_ref()
            .map(|meta| Ok((meta.clone(), File::open(self.dir.join(CURRENT))?)))
            .transpose()
    }

    fn replace(
        &self,
        path: &Path,
        current: &mut Option<SnapshotMeta>,
        meta: SnapshotMeta,
    ) -> io::Result<()> {
        std::fs::rename(path, self.dir.join(CURRENT))?;
        File::open(&self.dir)?.sync_all()?;
        *current = Some(meta);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<SnapshotMeta>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: File) -> io::Result<Contents> {
    rmp_serde::from_read(BufReader::new(file))
        .map_err(|error| invalid(format!("cannot read the snapshot: {error}")))
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
