//! The replicated store: [`crate::state`] on every manager, kept the same by raft.
//!
//! - `log_store` on `sealed_disk` on `disk`, `state_machine`, `snapshot`: what openraft keeps here. Encrypted before it reaches the disk, and
//!   flushed before it is acknowledged.
//! - `network`, `server`: raft's messages out and in, over [`Transport`]. `latency`: how long an answer is waited for. `runtime`: what has
//!   openraft leave that to them.
//! - `batch`: many transactions, one log entry. `transactions`: what that holds. `level`: the format it is written in.
//! - `access`: [`crate::store::Store`]; what only the leader can do is passed on to it.
//! - `leadership`: who leads, and whether that can be relied on.
//! - `witness`: what a manager does that only votes and keeps the log.
//! - `membership`: managers come and go. `housekeeping`: when snapshots are made. `progress`: how far all of it is. `resumed`: what a
//!   restarted leader answers.
//! - `record`: which member this manager is, across restarts. `damage`: what is on its disk is not what it has written. `recovery`: the last one left makes a cluster of its own, or one is made
//!   of a state from elsewhere.
//!
//! Nothing in here knows what a transaction means.

mod access;
mod batch;
mod damage;
mod disk;
mod housekeeping;
mod latency;
mod leadership;
mod level;
mod log_store;
mod membership;
mod network;
mod progress;
mod record;
mod recovery;
mod resumed;
mod runtime;
mod sealed_disk;
mod server;
mod snapshot;
mod state_machine;
mod transactions;
mod transport;
mod types;
mod witness;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openraft::Config;
use openraft::SnapshotPolicy;
use openraft::error::InitializeError;
use openraft::error::RaftError;
use openraft::storage::RaftLogStorage;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::chain;
use swarmlite_vault::Sealer;
use tokio::sync::Mutex;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::access::Failure;
pub(crate) use self::access::repeatable;
use self::batch::Batcher;
use self::disk::SledDisk;
pub use self::leadership::Leadership;
use self::log_store::Closed;
use self::log_store::LogStore;
use self::log_store::Rewriter;
pub use self::membership::MemberStatus;
use self::membership::keeper;
pub use self::membership::may_remove;
use self::network::Contacts;
use self::network::Network;
use self::record::Record;
pub use self::record::is_of_member;
pub use self::record::wipe;
pub use self::recovery::force_new_cluster;
pub use self::recovery::restore;
use self::resumed::Resumed;
use self::sealed_disk::SealedDisk;
pub use self::server::router;
use self::snapshot::Snapshots;
use self::state_machine::StateMachine;
pub use self::transport::Transport;
use self::types::Member;
use self::types::Raft;
use self::types::RaftId;
use self::types::Vote;
use self::witness::Witness;
use crate::metrics::RaftMetrics;
use crate::state::State;
use crate::state::Transaction;
use crate::store::Store;

/// The raft id of the manager that makes the cluster. The next one is then 2 ([`swarmlite_proto::object::Cluster::next_raft_id`]).
pub const FIRST_RAFT_ID: u64 = 1;

/// The folder of the log.
const LOG: &str = "log";

/// How often the leader calls. How long an answer may take is another matter: [`latency`].
const HEARTBEAT: Duration = Duration::from_millis(250);

/// A follower that misses the leader waits for [`ELECTION_TIMEOUT_MAX`] and then for a time between this and that, drawn once: a lost
/// leader is replaced after 2 to 2.8 seconds, and a machine that is busy for a second changes nothing. Longer than any answer is waited for.
const ELECTION_TIMEOUT_MIN: Duration = Duration::from_millis(800);

/// See [`ELECTION_TIMEOUT_MIN`].
const ELECTION_TIMEOUT_MAX: Duration = Duration::from_millis(1200);

const _: () = assert!(latency::CEILING.as_millis() < ELECTION_TIMEOUT_MIN.as_millis());

/// Bytes of a snapshot in one message.
const SNAPSHOT_CHUNK: u64 = 1024 * 1024;

/// How long a follower may take for one message of a snapshot. The last is answered when the whole is flushed and read.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(30);

/// The replicated store of one manager. Clones share it; the last one to be dropped stops it.
pub struct RaftStore<T = swarmlite_rpc::Client> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    dir: PathBuf,
    record: Record,
    raft: Raft,
    state: watch::Receiver<State>,
    leadership: watch::Receiver<Leadership>,
    batcher: Batcher,
    network: Network<T>,
    rewriter: Rewriter,
    resumed: Resumed,
    snapshots: Arc<Snapshots>,
    metrics: RaftMetrics,
    /// Only on a witness.
    witness: Option<Witness>,
    /// Held while a manager is let in.
    admission: Mutex<()>,
    /// Resolves once the log is closed, so that the directory can be opened again. Taken by the first shutdown.
    closed: Mutex<Option<Closed>>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// The store could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory already belongs to a member of a cluster.
    #[error("{0} already belongs to a member of a cluster")]
    AlreadyMember(PathBuf),
    /// The directory does not belong to a member of a cluster.
    #[error("{0} does not belong to a member of a cluster")]
    NotMember(PathBuf),
    /// What is on the disk is not what was written there. The cluster may take this manager as a new one ([`RaftStore::rejoin`]).
    #[error("what is in {dir} is damaged")]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The disk has failed, or what is on it was written by a newer version, or for another node.
    #[error("cannot use {dir}")]
    Disk {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Raft has stopped at once.
    #[error("raft cannot start: {0}")]
    Raft(String),
    /// The first transaction was refused, or the cluster does not take this manager.
    #[error(transparent)]
    Refused(#[from] Error),
}

impl StartError {
    /// What `source` means for a store in `dir`.
    fn told(dir: &Path, source: io::Error) -> Self {
        let dir = dir.to_owned();
        match source.kind() {
            // The second: a record that was cut off.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Self::Damaged { dir, source }
            }
            _ => Self::Disk { dir, source },
        }
    }
}

impl<T> Clone for RaftStore<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> fmt::Debug for RaftStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftStore").field("record", &self.inner.record).finish_non_exhaustive()
    }
}

impl<T: Transport> RaftStore<T> {
    /// Makes a cluster of this manager alone, in `dir`, whose state is what `first` makes. Other managers will reach it at `addr`.
    /// Everything on the disk is encrypted by `sealer`. What a bootstrap that did not finish has left in `dir` is removed.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn bootstrap(
        dir: &Path,
        sealer: Sealer,
        addr: SocketAddr,
        transport: T,
        first: Transaction,
    ) -> Result<Self, StartError> {
        record::make_room(dir).await?;
        let record = Record::new(FIRST_RAFT_ID, addr);
        let opened = open_disk(dir, sealer).await?;
        let store = Self::run(dir, opened, config(), record, transport).await?;
        let members = std::collections::BTreeMap::from([(FIRST_RAFT_ID, Member { addr })]);
        store.inner.raft.initialize(members).await.map_err(initialize_error)?;
        store.propose(first).await?;
        // Last, so that an unfinished bootstrap is not taken for a cluster.
        record::save(dir, record).await?;
        Ok(store)
    }

    /// Goes on with what is in `dir`. The state is complete, as far as this manager knew, on return.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn open(dir: &Path, sealer: Sealer, transport: T) -> Result<Self, StartError> {
        let record = record::load(dir).await?;
        let mut record = record.ok_or_else(|| StartError::NotMember(dir.to_owned()))?;
        let opened = open_disk(dir, sealer).await?;
        let (log, _, machine) = &opened;
        if let Err(error) = damage::check(record, log, machine) {
            close(opened).await;
            return Err(StartError::told(dir, error));
        }
        if !record.voted && log.extent().voted {
            record.voted = true;
            record::save(dir, record).await?;
        }
        Self::run(dir, opened, config(), record, transport).await
    }

    /// Goes on, as the member of `record`, in `dir`, in which there is nothing yet.
    async fn begin(
        dir: &Path,
        sealer: Sealer,
        record: Record,
        transport: T,
    ) -> Result<Self, StartError> {
        let mut opened = open_disk(dir, sealer).await?;
        // That of a member that has not voted. A log without any, later, is one that was lost.
        if let Err(error) = opened.0.save_vote(&Vote::default()).await {
            close(opened).await;
            return Err(StartError::Raft(error.to_string()));
        }
        // Before raft starts: what it promises, it promises under this id.
        record::save(dir, record).await?;
        Self::run(dir, opened, config(), record, transport).await
    }

    /// Goes on with what has been read.
    async fn run(
        dir: &Path,
        (log, closed, machine): Opened,
        config: Config,
        record: Record,
        transport: T,
    ) -> Result<Self, StartError> {
        let (state, snapshots, rewriter) = (machine.watch(), machine.snapshots(), log.rewriter());
        let (level, resumed) = (machine.level(), log.resumed(record.raft_id));
        let network = Network { transport, contacts: Contacts::default() };
        let raft = Raft::new(record.raft_id, Arc::new(config), network.clone(), log, machine)
            .await
            .map_err(|fatal| StartError::Raft(fatal.to_string()))?;
        let (leadership, follower) = leadership::spawn(&raft, record.witness);
        let witness = record.witness.then(|| Witness::start(raft.clone()));
        let (batcher, writer) = Batcher::spawn(raft.clone(), level);
        let keeper = keeper::spawn(raft.clone(), state.clone(), leadership.clone());
        let metrics = RaftMetrics::default();
        let housekeeper = housekeeping::spawn(raft.clone(), state.clone(), metrics.clone());
        let inner = Inner {
            dir: dir.to_owned(),
            record,
            raft,
            state,
            leadership,
            batcher,
            network,
            rewriter,
            resumed,
            snapshots,
            metrics,
            witness,
            admission: Mutex::new(()),
            closed: Mutex::new(Some(closed)),
            _tasks: vec![follower, writer, keeper, housekeeper],
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl<T> RaftStore<T> {
    /// The id of this manager in raft.
    #[must_use]
    pub fn raft_id(&self) -> u64 {
        self.inner.record.raft_id
    }

    /// Follows who leads. What acts for the cluster runs only while [`Leadership::leader`] is true.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// Encrypts everything on the disk anew. On return none of it needs any key but the newest.
    ///
    /// # Errors
    ///
    /// When the disk fails, or the store is shut down.
    pub async fn rewrite(&self) -> io::Result<()> {
        self.inner.rewriter.rewrite().await?;
        let snapshots = Arc::clone(&self.inner.snapshots);
        spawn_blocking(move || snapshots.rewrite()).await.map_err(io::Error::other)?
    }

    /// Stops taking part. On return the directory is closed and can be opened again or removed. Calls under way fail.
    pub async fn shutdown(&self) {
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::error!(error = chain(&error), "raft has ended badly");
        }
        if let Some(closed) = self.inner.closed.lock().await.take() {
            // The other end is dropped only after the log is closed, or by a panic that the log has reported.
            let _ = closed.await;
        }
    }
}

/// What is on the disk: the log, when that is closed, and the state.
type Opened = (LogStore, Closed, StateMachine);

async fn open_disk(dir: &Path, sealer: Sealer) -> Result<Opened, StartError> {
    let path = dir.to_owned();
    let open = move || {
        std::fs::create_dir_all(&path)?;
        let disk = SealedDisk::new(SledDisk::open(&path.join(LOG))?, sealer.clone());
        let (log, closed) = LogStore::open(disk)?;
        let machine = StateMachine::open(&path, sealer)?;
        Ok((log.writing_in(machine.level()), closed, machine))
    };
    // sled gives up by a panic where a page makes no sense to it.
    let gave_up = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let opened = spawn_blocking(open).await.unwrap_or_else(|error| Err(gave_up(error)));
    opened.map_err(|source| StartError::told(dir, source))
}

/// Returns when the log is closed.
async fn close((log, closed, machine): Opened) {
    drop((log, machine));
    // The other end is dropped only after the log is closed, or by a panic that the log has reported.
    let _ = closed.await;
}

fn config() -> Config {
    Config {
        cluster_name: "swarmlite".to_owned(),
        heartbeat_interval: millis(HEARTBEAT),
        election_timeout_min: millis(ELECTION_TIMEOUT_MIN),
        election_timeout_max: millis(ELECTION_TIMEOUT_MAX),
        install_snapshot_timeout: millis(SNAPSHOT_TIMEOUT),
        snapshot_max_chunk_size: SNAPSHOT_CHUNK,
        // `housekeeping` has snapshots made and the log cut.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        ..Config::default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn initialize_error(error: RaftError<RaftId, InitializeError<RaftId, Member>>) -> StartError {
    StartError::Raft(error.to_string())
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
