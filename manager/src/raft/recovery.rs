//! A cluster of one manager: made of what is on the disk of one whose others are lost, or of a state that was kept elsewhere.
//!
//! Works on a closed directory. Every entry of the log counts as committed: this manager may not know of the last ones, and what was
//! acknowledged must not be lost. It may lag behind all the same, and agents that have seen more must take what it says: it goes on from an index
//! that none has seen. The result is a snapshot whose only member is this manager; it replaces the old one in a single rename, so that a
//! crash leaves the old cluster or the new one.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use openraft::CommittedLeaderId;
use openraft::Membership;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use openraft::storage::RaftStateMachine;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Node;
use swarmlite_proto::time::Timestamp;
use swarmlite_vault::Sealer;
use tokio::task::spawn_blocking;

use super::StartError;
use super::log_store::LogStore;
use super::open_disk;
use super::record;
use super::record::Record;
use super::state_machine::StateMachine;
use super::types::LogId;
use super::types::Member;
use super::types::RaftId;
use super::types::SnapshotMeta;
use super::types::StoredMembership;
use super::types::Vote;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::going_on_from;

/// Makes a cluster of one manager of what is in `dir`, which must be closed. Others will reach it at `addr`. Services, networks,
/// nodes, tokens and the certificate authority stay; the other managers are nodes that do not take part any more, and what they still send is
/// refused from now on.
///
/// # Errors
///
/// When `dir` does not belong to a member, or cannot be read or written. Nothing has changed then.
pub async fn force_new_cluster(
    dir: &Path,
    sealer: Sealer,
    addr: SocketAddr,
    now: Timestamp,
) -> Result<(), StartError> {
    let record = record::load(dir).await?;
    let record = record.ok_or_else(|| StartError::NotMember(dir.to_owned()))?;
    let failed = |source: io::Error| StartError::Disk { dir: dir.to_owned(), source };
    let (log, closed, machine) = open_disk(dir, sealer).await?;
    let recovered = recover(log, machine, record.raft_id, addr, now).await;
    // The other end is dropped only after the log is closed, or by a panic that the log has reported.
    let _ = closed.await;
    let alone_since = recovered.map_err(failed)?;
    record::save(dir, Record { addr, alone_since, voted: true, ..record }).await
}

/// Makes a cluster of one manager of `state` in `dir`, with `raft_id` for the manager, which others will reach at `addr`. Members with lower
/// ids are those of another cluster, and have no say. What an attempt that did not finish has left in `dir` is removed.
///
/// # Errors
///
/// When `dir` belongs to a member, or cannot be written.
pub async fn restore(
    dir: &Path,
    sealer: Sealer,
    addr: SocketAddr,
    raft_id: RaftId,
    state: State,
) -> Result<(), StartError> {
    record::make_room(dir).await?;
    let failed = |source: io::Error| StartError::Disk { dir: dir.to_owned(), source };
    let (log, closed, machine) = open_disk(dir, sealer).await?;
    let last = LogId::new(CommittedLeaderId::new(1, raft_id), state.applied());
    let settled = settle(log, &machine, last, (raft_id, addr), state).await;
    // As above.
    let _ = closed.await;
    settled.map_err(failed)?;
    // Last, so that an unfinished restoration is not taken for a cluster.
    record::save(dir, Record { alone_since: raft_id, ..Record::new(raft_id, addr) }).await
}

/// Returns the raft id that the next manager gets: all below are lost, but for this one.
async fn recover(
    mut log: LogStore,
    mut machine: StateMachine,
    id: RaftId,
    addr: SocketAddr,
    now: Timestamp,
) -> io::Result<RaftId> {
    let (applied, _) = machine.applied_state().await.map_err(io::Error::other)?;
    let next = applied.map_or(0, |applied| applied.index + 1);
    let entries = log.try_get_log_entries(next..).await.map_err(io::Error::other)?;
    if entries.first().is_some_and(|entry| entry.log_id.index != next) {
        return Err(io::Error::other("the raft log does not begin where the snapshot ends"));
    }
    machine.apply(entries).await.map_err(io::Error::other)?;
    let (applied, _) = machine.applied_state().await.map_err(io::Error::other)?;
    let vote = log.read_vote().await.map_err(io::Error::other)?.unwrap_or_default();
    let term = vote.leader_id().term.max(applied.map_or(0, |applied| applied.leader_id.term)) + 1;
    let mut state = machine.watch().borrow().clone();
    let index = state.index_past_all(now);
    let last = LogId::new(CommittedLeaderId::new(term, id), index);
    let outcome = state.apply(index, alone(&state, id, addr, (index, now)));
    outcome.map_err(io::Error::other)?;
    state.skip_to(index);
    let alone_since = state.cluster().map_or(id + 1, |cluster| cluster.next_raft_id);
    settle(log, &machine, last, (id, addr), state).await?;
    Ok(alone_since)
}

/// Makes `state` all that there is, as of the entry `last`, for the only member, which has this id and is reached at this address.
async fn settle(
    mut log: LogStore,
    machine: &StateMachine,
    last: LogId,
    (id, addr): (RaftId, SocketAddr),
    state: State,
) -> io::Result<()> {
    let membership = Membership::new(
        vec![BTreeSet::from([id])],
        std::collections::BTreeMap::from([(id, Member { addr })]),
    );
    let meta = SnapshotMeta {
        last_log_id: Some(last),
        last_membership: StoredMembership::new(Some(last), membership),
        snapshot_id: last.to_string(),
    };
    log.save_vote(&Vote::new(last.leader_id.term, id)).await.map_err(io::Error::other)?;
    let snapshots = machine.snapshots();
    spawn_blocking(move || snapshots.build(meta, state)).await.map_err(io::Error::other)??;
    // Were it not for this, raft would do it at its start.
    log.purge(last).await.map_err(io::Error::other)
}

/// Takes all managers but `id` out of the state, which goes on from `index`.
fn alone(
    state: &State,
    id: RaftId,
    addr: SocketAddr,
    (index, now): (u64, Timestamp),
) -> Transaction {
    let left = |node: &Arc<Node>| {
        let record = node.manager?;
        let own = record.raft_id == id;
        let manager = own.then_some(ManagerRecord { addr, ..record });
        Some(Op::PutNode(Box::new(Node { manager, ..Node::clone(node) })))
    };
    let cluster = state.cluster().map(|before| going_on_from(index, before));
    let cluster = cluster.map(|cluster| Op::PutCluster(Box::new(cluster)));
    let nodes = state.nodes().values().filter_map(left);
    Transaction { at: now, ops: cluster.into_iter().chain(nodes).collect() }
}
