//! What raft is made of here: the types that the rest of [`super`] gives to openraft.

use std::net::Ipv4Addr;
use std::net::SocketAddr;

use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::error::Result;
use swarmlite_proto::version::Version;

use super::runtime::Runtime;
use super::transactions::Transactions;

openraft::declare_raft_types!(
    /// The types of this raft.
    pub(crate) TypeConfig:
        D = Transactions,
        R = Vec<Result<Version>>,
        NodeId = RaftId,
        Node = Member,
        SnapshotData = std::io::Cursor<Vec<u8>>,
        AsyncRuntime = Runtime,
);

/// The id of a manager in raft; never used twice.
pub(crate) type RaftId = u64;

/// A running raft.
pub(crate) type Raft = openraft::Raft<TypeConfig>;

/// One entry of the log.
pub(crate) type Entry = openraft::Entry<TypeConfig>;

/// The place of an entry in the log.
pub(crate) type LogId = openraft::LogId<RaftId>;

/// Whom a manager has voted for.
pub(crate) type Vote = openraft::Vote<RaftId>;

/// Who took part, and since which entry.
pub(crate) type StoredMembership = openraft::StoredMembership<RaftId, Member>;

/// What a snapshot contains.
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<RaftId, Member>;

/// The log or the state machine cannot go on.
pub(crate) type StorageError = openraft::StorageError<RaftId>;

/// What raft tells of itself.
pub(crate) type Metrics = openraft::RaftMetrics<RaftId, Member>;

/// A manager, as raft knows it. Which node it is, is in the state ([`swarmlite_proto::object::Node::manager`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Where other managers reach it.
    pub(crate) addr: SocketAddr,
}

impl Default for Member {
    /// Nowhere. openraft wants a default and uses it in its tests only.
    fn default() -> Self {
        Self { addr: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)) }
    }
}
