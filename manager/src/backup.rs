//! Backups: all that the cluster knows, in one file that a passphrase opens.
//!
//! What is sealed is [`MAGIC`] and one record ([`swarmlite_proto::format`]): the state as a snapshot has it, with who wrote it, when, and by
//! which version. The state has everything: services, networks and nodes, and also secrets, join tokens, the certificate
//! authority with its key, and the key of autolock.
//!
//! - [`Backup`]: the file, written and read.
//! - [`restoring`]: the cluster that is made of one.
//!
//! Bytes come in and go out: files are the business of others.

pub mod restoring;

use std::io;

use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::api::BackupSummary;
use swarmlite_proto::error::Error;
use swarmlite_proto::format;
use swarmlite_proto::format::FormatError;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Node;
use swarmlite_proto::time::Timestamp;
pub use swarmlite_vault::Passphrase;
use swarmlite_vault::PassphraseError;
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::state;
use crate::state::State;

/// What the sealed text begins with.
const MAGIC: &[u8] = b"SWLBACKUP";

/// What a record is called where it cannot be read.
const WHAT: &str = "the backup";

/// Where a backup comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The manager that wrote it.
    pub node_id: NodeId,
    /// When.
    pub at: Timestamp,
    /// The version of swarmlite that it ran.
    pub version: String,
}

/// All that a cluster knew at one time.
#[derive(Debug)]
pub struct Backup {
    /// Where it comes from.
    pub origin: Origin,
    state: State,
}

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    origin: Origin,
    state: state::Snapshot,
}

/// A backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be opened.
    #[error("cannot open the backup: {0}")]
    Sealed(#[from] PassphraseError),
    /// It opens, and something else is in it.
    #[error("this is no backup of a swarm, although the passphrase opens it")]
    Foreign,
    /// Its record cannot be read.
    #[error(transparent)]
    Record(#[from] FormatError),
    /// What is in it does not fit together.
    #[error("no swarm can be made of the backup: {0}")]
    Unusable(String),
    /// It could not be written.
    #[error("cannot write the backup")]
    Write(#[source] io::Error),
}

impl From<BackupError> for Error {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Write(_) => Self::unknown(swarmlite_proto::error::chain(&error)),
            _ => Self::invalid(error.to_string()),
        }
    }
}

impl Backup {
    /// A backup of `state`, written now by the manager on `node_id`.
    ///
    /// # Errors
    ///
    /// When `state` is none of a cluster that has this manager.
    pub fn of(state: State, node_id: NodeId, now: Timestamp) -> Result<Self, BackupError> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { origin: Origin { node_id, at: now, version }, state }.checked()
    }

    /// The file: this backup, in the format that its cluster has reached, sealed with `passphrase`. Takes a second.
    ///
    /// # Errors
    ///
    /// When there is no randomness to be had.
    pub fn seal(self, passphrase: &Passphrase) -> Result<Vec<u8>, BackupError> {
        let format = self.state.format();
        let contents = Contents { origin: self.origin, state: self.state.into() };
        let record = format::encode(format, &contents).map(Zeroizing::new);
        let record = record.map_err(|error| BackupError::Write(io::Error::other(error)))?;
        let text = Zeroizing::new([MAGIC, &record].concat());
        passphrase.seal(&text).map_err(BackupError::Write)
    }

    /// What is in the file `sealed`. Takes a second.
    ///
    /// # Errors
    ///
    /// See [`BackupError`].
    pub fn open(sealed: &[u8], passphrase: &Passphrase) -> Result<Self, BackupError> {
        Self::read(&passphrase.open(sealed)?)
    }

    /// What was sealed.
    fn read(text: &[u8]) -> Result<Self, BackupError> {
        let record = text.strip_prefix(MAGIC).ok_or(BackupError::Foreign)?;
        let Contents { origin, state } = format::decode(WHAT, record)?;
        Self { origin, state: state.into() }.checked()
    }

    /// What is in it, for people.
    ///
    /// # Errors
    ///
    /// When there is no cluster in it.
    pub fn summary(&self) -> Result<BackupSummary, BackupError> {
        let (cluster, writer) = (self.cluster()?, self.writer()?);
        let hostname = writer.description.as_ref().map(|it| it.hostname.clone());
        let managers = self.state.nodes().values().filter(|node| node.manager.is_some());
        Ok(BackupSummary {
            cluster_id: cluster.id.clone(),
            created_at: self.origin.at,
            version: self.origin.version.clone(),
            format: cluster.format,
            node_id: self.origin.node_id.clone(),
            hostname: hostname.unwrap_or_default(),
            managers: managers.count() as u64,
            nodes: self.state.nodes().len() as u64,
            services: self.state.services().len() as u64,
            tasks: self.state.tasks().len() as u64,
            networks: self.state.networks().len() as u64,
            secrets: self.state.documents::<SecretKind>().len() as u64,
            configs: self.state.documents::<ConfigKind>().len() as u64,
        })
    }

    /// Whether a cluster can be made of it.
    fn checked(self) -> Result<Self, BackupError> {
        let root = self.cluster()?.signing_ca();
        if !root.is_external() {
            Authority::load(root)
                .map_err(|error| BackupError::Unusable(swarmlite_proto::error::chain(&error)))?;
        }
        self.writer()?;
        Ok(self)
    }

    fn cluster(&self) -> Result<&Cluster, BackupError> {
        let cluster = self.state.cluster().map(AsRef::as_ref);
        cluster.ok_or_else(|| BackupError::Unusable("it has no swarm in it".to_owned()))
    }

    /// The manager that wrote it.
    fn writer(&self) -> Result<&Node, BackupError> {
        let node_id = &self.origin.node_id;
        let node = self.state.nodes().get(node_id).map(AsRef::as_ref);
        node.filter(|node| node.manager.is_some()).ok_or_else(|| {
            BackupError::Unusable(format!("node {node_id}, which wrote it, is no manager in it"))
        })
    }
}

#[cfg(test)]
mod tests;
