//! The cluster that is made of a backup: one manager, with all that was known then. Pure.
//!
//! Agents may have seen much that came after the backup, and they refuse to go back. So the restored state counts as the newest there is
//! ([`State::index_past_all`]). What members of the old cluster still send is told from what members of this one do by their ids in raft.

use std::net::SocketAddr;
use std::sync::Arc;

use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::unlock_key::UnlockKey;

use super::Backup;
use crate::ca::NodeKey;
use crate::ca::Signing;
use crate::ca::Subject;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::going_on_from;

/// Why what ran on the machine that is restored gets no requests at first.
const UNHEARD: &str = "the swarm was restored, and its node has not said yet whether it runs";

/// A cluster in the making.
#[derive(Debug)]
pub struct Restored {
    /// To be what its log begins after.
    pub state: State,
    /// Its manager's id in raft. All lower ones are of the old cluster.
    pub raft_id: u64,
    /// Who its manager is: the one that wrote the backup.
    pub identity: Identity,
    /// What locks that, with autolock.
    pub unlock_key: Option<UnlockKey>,
}

impl Backup {
    /// Who the manager is that wrote it, with a new key.
    ///
    /// # Errors
    ///
    /// When nobody signs for it.
    pub async fn identity(&self, signing: &Signing, now: Timestamp) -> Result<Identity> {
        let (cluster, writer) = (self.cluster()?, self.writer()?);
        let NodeKey { key, csr } = NodeKey::generate()?;
        let role = NodeRole::Manager;
        let subject = Subject { node_id: &writer.id, cluster_id: &cluster.id, role };
        Ok(Identity {
            node_id: writer.id.clone(),
            cluster_id: cluster.id.clone(),
            role,
            certificate: signing.certificate(cluster, &subject, &csr, now).await?,
            key,
            root_ca: cluster.root_ca.certificate.clone(),
        })
    }
}

/// Makes a cluster of `backup`, whose manager has this `identity` and is reached at `addr`.
///
/// # Errors
///
/// When the clock is behind: what is older than the backup would count as newer.
pub fn restored(
    backup: &Backup,
    identity: Identity,
    addr: SocketAddr,
    now: Timestamp,
) -> Result<Restored> {
    let written = backup.origin.at;
    if now < written {
        return Err(Error::invalid(format!(
            "the backup was written at {written}, and by the clock of this machine it is {now}: set the clock first"
        )));
    }
    let (cluster, writer) = (backup.cluster()?, backup.writer()?);
    let index = backup.state.index_past_all(now);
    let cluster = going_on_from(index, cluster);
    let manager = alone(writer, ManagerRecord { raft_id: index, addr });
    let unlock_key = cluster.unlock_key.clone();
    let transaction = Transaction::new(now)
        .with(Op::PutCluster(Box::new(cluster)))
        .with(Op::PutNode(Box::new(manager)));
    let mut state = backup.state.clone();
    let changes = lost(&state, &writer.id).chain(unheard(&state, &writer.id));
    let transaction = changes.fold(transaction, Transaction::with);
    state.apply(index, transaction)?;
    Ok(Restored { state, raft_id: index, identity, unlock_key })
}

/// The manager that `writer` is from now on, wherever it was before.
fn alone(writer: &Node, record: ManagerRecord) -> Node {
    let role = NodeRole::Manager;
    Node {
        spec: NodeSpec { role, ..writer.spec.clone() },
        status: NodeStatus { addr: record.addr.ip().to_string(), ..writer.status.clone() },
        role,
        manager: Some(record),
        versions: Versions::own(),
        ..writer.clone()
    }
}

/// The other managers, which do not take part any more.
fn lost<'a>(state: &State, writer: &'a NodeId) -> impl Iterator<Item = Op> + use<'a> {
    let others: Vec<Arc<Node>> = state.nodes().values().cloned().collect();
    let others =
        others.into_iter().filter(move |node| node.id != *writer && node.manager.is_some());
    others.map(|node| Op::PutNode(Box::new(Node { manager: None, ..Node::clone(&node) })))
}

/// The tasks of `writer` that ran. Its machine is another one now, or has lost its disk: until its agent has said that they are there, they get no
/// requests.
fn unheard<'a>(state: &'a State, writer: &'a NodeId) -> impl Iterator<Item = Op> + use<'a> {
    let running =
        state.tasks_of_node(writer).filter(|task| task.status.state == TaskState::Running);
    running.map(|task| {
        let status = TaskStatus { not_ready: Some(UNHEARD.to_owned()), ..task.status.clone() };
        Op::ReportTask {
            node_id: writer.clone(),
            task_id: task.id.clone(),
            status: Box::new(status),
        }
    })
}
