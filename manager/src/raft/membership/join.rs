//! A manager asks to take part, or to leave, and the leader's part in it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result as ProtoResult;
use swarmlite_proto::error::chain;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Node;
use swarmlite_proto::rpc;
use swarmlite_proto::rpc::RaftJoinRequest;
use swarmlite_proto::rpc::RaftJoinResponse;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::CallError;
use swarmlite_rpc::TransportError;
use swarmlite_vault::Sealer;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio::time::timeout_at;

use super::MemberStatus;
use super::may_remove;
use super::statuses;
use crate::raft::HEARTBEAT;
use crate::raft::RaftStore;
use crate::raft::StartError;
use crate::raft::Transport;
use crate::raft::access::Failure;
use crate::raft::access::NO_LEADER_AFTER;
use crate::raft::damage;
use crate::raft::record;
use crate::raft::record::Record;
use crate::state::Op;
use crate::state::Transaction;
use crate::store::Store;
use crate::store::no_leader;

/// How long a new manager has to answer on the address it gave (swarmkit `manager/state/raft/raft.go`).
const DIAL_BACK: Duration = Duration::from_secs(5);

/// How old the last answer of a manager may be that counts as reachable.
const REACHABLE_WITHIN: Duration = HEARTBEAT.saturating_mul(8);

/// How long a leaving manager waits until raft has let it go.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

impl<T: Transport> RaftStore<T> {
    /// Makes this manager take part in the cluster of `managers`, with an empty `dir`, as a `witness` or in full. It must already answer calls on `addr`,
    /// where the others will reach it; raft's own calls it answers once [`super::super::router`] serves them.
    ///
    /// Returns as soon as the cluster has taken it; [`Self::joined`] tells when it has a vote.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn join(
        dir: &Path,
        sealer: Sealer,
        addr: SocketAddr,
        transport: T,
        managers: &[SocketAddr],
        witness: bool,
    ) -> Result<Self, StartError> {
        record::make_room(dir).await?;
        let RaftJoinResponse { raft_id } = ask_to_join(&transport, addr, managers).await?;
        Self::begin(dir, sealer, Record { witness, ..Record::new(raft_id, addr) }, transport).await
    }

    /// As [`Self::join`], for a member of which `dir` has damaged remains: the cluster takes it as a new one, and forgets the one that it was. Until
    /// it has, nothing changes. The remains are kept in a folder of `dir`, for whoever wants to look at them.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn rejoin(
        dir: &Path,
        sealer: Sealer,
        addr: SocketAddr,
        transport: T,
        managers: &[SocketAddr],
        witness: bool,
    ) -> Result<Self, StartError> {
        let RaftJoinResponse { raft_id } = ask_to_join(&transport, addr, managers).await?;
        damage::set_aside(dir).await?;
        Self::begin(dir, sealer, Record { witness, ..Record::new(raft_id, addr) }, transport).await
    }

    /// Returns when this manager has the state and a vote.
    ///
    /// # Errors
    ///
    /// When the store is stopped.
    pub async fn joined(&self) -> ProtoResult<()> {
        let stopped = |_| Error::unavailable("raft has stopped: shut down");
        let id = self.raft_id();
        let mut metrics = self.inner.raft.metrics();
        // Not while the change is under way: until its end the members before it decide too.
        let votes = metrics.wait_for(|metrics| {
            let configs = metrics.membership_config.membership().get_joint_config();
            configs.iter().all(|voters| voters.contains(&id)) && !configs.is_empty()
        });
        votes.await.map_err(stopped)?;
        let mut state = self.inner.state.clone();
        state.wait_for(|state| state.cluster().is_some()).await.map_err(stopped)?;
        Ok(())
    }

    /// All managers, as the leader sees them.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub async fn members(&self) -> ProtoResult<Vec<MemberStatus>> {
        self.with_leader(|| async {
            match self.other_leader() {
                Some(addr) => self.ask(addr, rpc::RAFT_MEMBERS, &()).await,
                None => self.members_here().ok_or_else(Failure::no_leader),
            }
        })
        .await
    }

    /// Takes the manager on `node` out of raft. Returns when it is out: a demotion can then go on, and the node can be removed.
    ///
    /// # Errors
    ///
    /// As [`may_remove`] and [`Store::propose`].
    pub async fn remove_member(&self, node: &NodeId) -> ProtoResult<()> {
        may_remove(&self.members().await?, node)?;
        let raft_id = self.forget_record(node).await?;
        let mut metrics = self.inner.raft.metrics();
        let gone = metrics.wait_for(|metrics| {
            let config = &metrics.membership_config;
            let applied = metrics.last_applied >= *config.log_id();
            applied && config.membership().get_node(&raft_id).is_none()
        });
        match timeout(LEAVE_WITHIN, gone).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Error::unavailable("raft has stopped: shut down")),
            Err(_elapsed) => Err(no_leader()),
        }
    }

    /// Leaves the consensus. Afterwards the store can be shut down and its directory removed with [`crate::raft::wipe`].
    ///
    /// # Errors
    ///
    /// As [`Self::remove_member`].
    pub async fn leave(&self, node: &NodeId) -> ProtoResult<()> {
        self.with_leader(|| async {
            match self.other_leader() {
                Some(addr) => self.ask(addr, rpc::RAFT_LEAVE, &()).await,
                None => self.remove_member(node).await.map_err(Failure::Final),
            }
        })
        .await
    }

    /// As leader: lets the node that calls take part.
    pub(crate) async fn admit(
        &self,
        node: &NodeId,
        request: RaftJoinRequest,
        caller: SocketAddr,
    ) -> ProtoResult<RaftJoinResponse> {
        let RaftJoinRequest { mut addr, versions } = request;
        if addr.ip().is_unspecified() {
            addr.set_ip(caller.ip());
        }
        self.dial_back(addr).await?;
        // One at a time. Without it two nodes at once would get the same id, and one would be refused by the state.
        let _one = self.inner.admission.lock().await;
        let raft_id = self.change_node(node, |cluster, node| {
            if node.spec.role != NodeRole::Manager {
                return Err(Error::denied(format!("node {} is not a manager", node.id)));
            }
            if versions.format < cluster.format {
                return Err(Error::invalid(format!(
                    "this swarm writes records in format {}, and the node reads up to {}: upgrade the node",
                    cluster.format, versions.format
                )));
            }
            let raft_id = cluster.next_raft_id;
            cluster.next_raft_id += 1;
            node.manager = Some(ManagerRecord { raft_id, addr });
            // Until its agent says so, too: the format is not to be raised past it meanwhile.
            node.versions = versions;
            Ok(raft_id)
        });
        Ok(RaftJoinResponse { raft_id: raft_id.await? })
    }

    /// Any answer will do, a refusal too: it shows that others can reach the new manager, and that its certificate is good.
    async fn dial_back(&self, addr: SocketAddr) -> ProtoResult<()> {
        let unreachable = |why: String| {
            Error::unavailable(format!(
                "could not connect to prospective new cluster member using its advertised address {addr}: {why}"
            ))
        };
        let call = self.inner.network.transport.call(addr, rpc::HEALTH, &());
        let answer: Result<(), CallError> = timeout(DIAL_BACK, call)
            .await
            .map_err(|_| unreachable(format!("no answer within {} s", DIAL_BACK.as_secs())))?;
        match answer {
            Err(CallError::Unreachable { source: TransportError::Message(_), .. }) => Ok(()),
            Err(CallError::Unreachable { source, .. }) => Err(unreachable(source.to_string())),
            Ok(()) | Err(CallError::NotLeader(_) | CallError::Refused(_)) => Ok(()),
        }
    }

    /// Removes the record of the manager on `node`, whose raft id is returned.
    async fn forget_record(&self, node: &NodeId) -> ProtoResult<u64> {
        self.change_node(node, |_cluster, node| {
            let record = node.manager.take();
            record
                .map(|record| record.raft_id)
                .ok_or_else(|| Error::not_found("can't find manager in raft memberlist"))
        })
        .await
    }

    /// Changes the cluster and one node together. Repeats `change` if something else has changed them meanwhile.
    async fn change_node<A>(
        &self,
        node: &NodeId,
        change: impl Fn(&mut Cluster, &mut Node) -> ProtoResult<A>,
    ) -> ProtoResult<A> {
        loop {
            let state = self.read().await?;
            let mut cluster = Cluster::clone(state.cluster().ok_or_else(no_leader)?);
            let found = state.nodes().get(node);
            let mut node = Node::clone(
                found.ok_or_else(|| Error::not_found(format!("node {node} not found")))?,
            );
            let answer = change(&mut cluster, &mut node)?;
            let mut transaction = Transaction::new(Timestamp::now());
            if Some(&cluster) != state.cluster().map(AsRef::as_ref) {
                transaction = transaction.with(Op::PutCluster(Box::new(cluster)));
            }
            match self.propose(transaction.with(Op::PutNode(Box::new(node)))).await {
                Err(error) if error.is(Reason::OutOfSequence) => {}
                outcome => return outcome.map(|_version| answer),
            }
        }
    }

    /// As leader: all members.
    pub(crate) fn members_here(&self) -> Option<Vec<MemberStatus>> {
        let leadership = *self.inner.leadership.borrow();
        let contacts = &self.inner.network.contacts;
        let reaches = |id| contacts.age(id).is_some_and(|age| age < REACHABLE_WITHIN);
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow();
        let membership = metrics.membership_config.membership();
        leadership.leader.then(|| statuses(membership, &self.state(), self.raft_id(), reaches))
    }
}

/// Asks `managers` in turn until the leader answers. Gives up after [`NO_LEADER_AFTER`].
async fn ask_to_join<T: Transport>(
    transport: &T,
    addr: SocketAddr,
    managers: &[SocketAddr],
) -> ProtoResult<RaftJoinResponse> {
    let deadline = Instant::now() + NO_LEADER_AFTER;
    let mut why_not = no_leader();
    loop {
        for manager in managers {
            let Ok(answer) = timeout_at(deadline, ask_one(transport, addr, *manager)).await else {
                return Err(why_not);
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(CallError::Refused(error))
                    if error.is(Reason::NoLeader) || error.is(Reason::Starting) =>
                {
                    why_not = error;
                }
                Err(CallError::Refused(error)) => return Err(error),
                Err(CallError::NotLeader(_)) => why_not = no_leader(),
                Err(error @ CallError::Unreachable { .. }) => {
                    why_not = Error::unavailable(chain(&error));
                }
            }
        }
        tracing::info!(error = chain(&why_not), "no manager could let this one in yet");
        sleep(HEARTBEAT).await;
        if Instant::now() > deadline {
            return Err(why_not);
        }
    }
}

/// Asks `manager`, and then whom it says to ask.
async fn ask_one<T: Transport>(
    transport: &T,
    addr: SocketAddr,
    manager: SocketAddr,
) -> Result<RaftJoinResponse, CallError> {
    let request = RaftJoinRequest { addr, versions: Versions::own() };
    match transport.call(manager, rpc::RAFT_JOIN, &request).await {
        Err(CallError::NotLeader(Some(leader))) => {
            transport.call(leader, rpc::RAFT_JOIN, &request).await
        }
        answer => answer,
    }
}
