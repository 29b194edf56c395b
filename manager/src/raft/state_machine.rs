//! Carries out what raft has committed, and publishes the state that results.
//!
//! The only writer of the published state. All disk work happens on threads for blocking work.

use std::io;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use openraft::AnyError;
use openraft::EntryPayload;
use openraft::ErrorSubject;
use openraft::ErrorVerb;
use openraft::OptionalSend;
use openraft::RaftSnapshotBuilder;
use openraft::Snapshot;
use openraft::StorageIOError;
use openraft::storage::RaftStateMachine;
use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::format::FormatError;
use swarmlite_proto::format::Newer;
use swarmlite_proto::version::Version;
use swarmlite_vault::Sealer;
use tokio::runtime::Handle;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::level::Level;
use super::snapshot::Snapshots;
use super::types::Entry;
use super::types::LogId;
use super::types::SnapshotMeta;
use super::types::StorageError;
use super::types::StoredMembership;
use super::types::TypeConfig;
use crate::state::State;

/// The state and how far it is.
#[derive(Debug)]
pub(crate) struct StateMachine {
    applied: Option<LogId>,
    membership: StoredMembership,
    state: watch::Sender<State>,
    snapshots: Arc<Snapshots>,
    /// The format of the state, for those who write.
    level: Level,
}

/// Writes one snapshot of a state that does not change any more.
#[derive(Debug)]
pub(crate) struct SnapshotBuilder {
    meta: SnapshotMeta,
    state: State,
    snapshots: Arc<Snapshots>,
}

impl StateMachine {
    /// Goes on from the current snapshot, if there is one. Blocks.
    ///
    /// # Errors
    ///
    /// When there is a snapshot that cannot be read.
    pub(crate) fn open(dir: &Path, sealer: Sealer) -> io::Result<Self> {
        let (snapshots, current) = Snapshots::open(dir, sealer)?;
        let (meta, state) = current.unwrap_or_default();
        let level = Level::default();
        follow(&level, &state)?;
        Ok(Self {
            applied: meta.last_log_id,
            membership: meta.last_membership,
            state: watch::Sender::new(state),
            snapshots: Arc::new(snapshots),
            level,
        })
    }

    /// The last entry that was carried out, before raft goes on: the last in the snapshot.
    pub(super) const fn applied(&self) -> Option<LogId> {
        self.applied
    }

    /// The format of the state.
    pub(crate) fn level(&self) -> Level {
        self.level.clone()
    }

    /// Where the snapshots are.
    pub(crate) fn snapshots(&self) -> Arc<Snapshots> {
        Arc::clone(&self.snapshots)
    }

    /// Where the state is published.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Carries out one entry on `state`. Returns the outcome of each transaction in it.
    fn apply_entry(&mut self, state: &mut State, entry: Entry) -> Vec<ProtoResult<Version>> {
        let index = entry.log_id.index;
        self.applied = Some(entry.log_id);
        let outcomes = match entry.payload {
            EntryPayload::Blank => Vec::new(),
            EntryPayload::Normal(batch) => batch
                .into_list()
                .into_iter()
                .map(|transaction| state.apply(index, transaction))
                .collect(),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                Vec::new()
            }
        };
        // Also past entries that changed nothing: readers wait for an index.
        state.skip_to(index);
        outcomes
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Vec<ProtoResult<Version>>>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut state = self.state.borrow().clone();
        let outcomes =
            entries.into_iter().map(|entry| self.apply_entry(&mut state, entry)).collect();
        follow(&self.level, &state).map_err(|error| {
            StorageIOError::new(ErrorSubject::StateMachine, ErrorVerb::Write, AnyError::new(&error))
        })?;
        // Before the callers are answered, so that they find their own writes.
        self.state.send_replace(state);
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let last = self.applied.map_or_else(String::new, |applied| applied.to_string());
        SnapshotBuilder {
            meta: SnapshotMeta {
                last_log_id: self.applied,
                last_membership: self.membership.clone(),
                snapshot_id: last,
            },
            state: self.state.borrow().clone(),
            snapshots: Arc::clone(&self.snapshots),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let received = snapshot.into_inner();
        let snapshots = Arc::clone(&self.snapshots);
        let announced = meta.clone();
        let state =
            blocking(ErrorVerb::Write, move || snapshots.install(&announced, &received)).await?;
        follow(&self.level, &state).map_err(|error| {
            StorageIOError::new(
                ErrorSubject::Snapshot(None),
                ErrorVerb::Write,
                AnyError::new(&error),
            )
        })?;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.state.send_replace(state);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        let snapshots = Arc::clone(&self.snapshots);
        let current = blocking(ErrorVerb::Read, move || snapshots.current()).await?;
        Ok(current.map(as_snapshot))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError> {
        let snapshots = Arc::clone(&self.snapshots);
        let (meta, state) = (self.meta.clone(), self.state.clone());
        let built = blocking(ErrorVerb::Write, move || snapshots.build(meta, state)).await?;
        Ok(as_snapshot(built))
    }
}

/// Has everything written in the format of `state` from now on. A manager that went back to an older version after it had announced a newer one
/// may be told of a format that it does not know: it must not go on, as it could not read what comes next.
fn follow(level: &Level, state: &State) -> io::Result<()> {
    let format = state.format();
    Newer::check("the state of the swarm", format).map_err(FormatError::from)?;
    level.set(format);
    Ok(())
}

fn as_snapshot((meta, bytes): (SnapshotMeta, Vec<u8>)) -> Snapshot<TypeConfig> {
    Snapshot { meta, snapshot: Box::new(Cursor::new(bytes)) }
}

async fn blocking<T: Send + 'static>(
    verb: ErrorVerb,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StorageError> {
    // A runtime of one thread is that of a simulation, where nothing may depend on how fast another thread is.
    let outcome = match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error))),
    };
    outcome.map_err(|error| {
        StorageIOError::new(ErrorSubject::Snapshot(None), verb, AnyError::new(&error)).into()
    })
}
