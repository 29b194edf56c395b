//! Who the managers are, and what turns workers into managers and back.
//!
//! An operator sets `spec.role` of a node. [`plan`] says which step is next: a manager that is to be a worker first leaves
//! raft, so that nobody waits for its vote, and only then gets its new role. The node's agent is told of the role, renews the
//! certificate, and starts or stops the manager.

use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use tokio::time::timeout;

use crate::raft::MemberStatus;
use crate::raft::RaftStore;
use crate::raft::Transport;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::store::Store;

/// When a step that failed is tried again (swarmkit `manager/role_manager.go`, `removalTimeout`).
const RETRY: Duration = Duration::from_secs(5);

/// Where managers can be reached, in the order of their node ids.
#[must_use]
pub(crate) fn manager_addresses(state: &State) -> Vec<SocketAddr> {
    state.nodes().values().filter_map(|node| node.manager).map(|manager| manager.addr).collect()
}

/// A step towards the roles that the operator wants.
#[derive(Clone, Debug, PartialEq)]
enum RoleChange {
    /// The manager on this node leaves raft.
    LeaveRaft(NodeId),
    /// The node, with its new role.
    Assume(Box<Node>),
}

/// The nodes that have another role than they should.
fn unsettled(state: &State) -> impl Iterator<Item = &Node> {
    state.nodes().values().map(AsRef::as_ref).filter(|node| node.role != node.spec.role)
}

/// The next steps. `members` is who takes part in raft.
fn plan(state: &State, members: &[MemberStatus]) -> Vec<RoleChange> {
    // A member that the state does not know any more has been told to go and has not gone yet. It may be any of these nodes.
    let leaving = members.iter().any(|member| member.node_id.is_none());
    let step = |node: &Node| match node.spec.role {
        NodeRole::Worker if node.manager.is_some() => Some(RoleChange::LeaveRaft(node.id.clone())),
        NodeRole::Worker if leaving => None,
        role @ (NodeRole::Worker | NodeRole::Manager) => {
            Some(RoleChange::Assume(Box::new(Node { role, ..node.clone() })))
        }
    };
    unsettled(state).filter_map(step).collect()
}

/// Gives nodes their roles whenever this manager leads. Ends when the store does.
pub(crate) async fn run<T: Transport>(store: RaftStore<T>) {
    let (mut leadership, mut states) = (store.leadership(), store.watch());
    while leadership.wait_for(|leadership| leadership.leader).await.is_ok() {
        let state = states.borrow_and_update().clone();
        if unsettled(&state).next().is_none() {
            // Cancel-safe: both lose nothing when dropped.
            let changed = tokio::select! {
                changed = states.changed() => changed,
                changed = leadership.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        } else if let Err(error) = settle(&store, &state).await
            && !error.is(Reason::OutOfSequence)
        {
            tracing::warn!(error = chain(&error), "a node does not have its role yet");
            let _sooner = timeout(RETRY, leadership.changed()).await;
        }
    }
}

/// Carries out the next steps.
async fn settle<T: Transport>(store: &RaftStore<T>, state: &State) -> Result<()> {
    let steps = plan(state, &store.members().await?);
    if steps.is_empty() {
        // Raft tells nobody but the leader's own task when a member has gone.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for step in steps {
        tracing::info!(?step, "role changes");
        match step {
            RoleChange::LeaveRaft(node) => store.remove_member(&node).await?,
            RoleChange::Assume(node) => {
                let transaction = Transaction::new(Timestamp::now()).with(Op::PutNode(node));
                store.propose(transaction).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use swarmlite_proto::api::Reachability;
    use swarmlite_proto::object::ManagerRecord;

    use super::*;
    use crate::state::fixture::commit;
    use crate::state::fixture::node;

    fn addr(number: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, number))
    }

    /// Node `number`, which has one role and should have another.
    fn between(number: u16, role: NodeRole, wanted: NodeRole, takes_part: bool) -> Node {
        let mut node = node(u64::from(number), number);
        (node.role, node.spec.role) = (role, wanted);
        let record = ManagerRecord { raft_id: u64::from(number), addr: addr(number) };
        node.manager = takes_part.then_some(record);
        node
    }

    fn state(nodes: &[Node]) -> State {
        let mut state = State::default();
        let ops = nodes.iter().map(|node| Op::PutNode(Box::new(node.clone())));
        commit(&mut state, ops.collect()).expect("are different");
        state
    }

    fn member(number: u16, node_id: Option<NodeId>) -> MemberStatus {
        MemberStatus {
            node_id,
            raft_id: u64::from(number),
            addr: addr(number),
            voter: true,
            leader: false,
            reachability: Reachability::Reachable,
            witness: false,
        }
    }

    #[test]
    fn who_has_the_role_it_should_have_is_left_alone() {
        let settled = [
            between(1, NodeRole::Manager, NodeRole::Manager, true),
            between(2, NodeRole::Manager, NodeRole::Manager, false),
            between(3, NodeRole::Worker, NodeRole::Worker, false),
        ];
        assert_eq!(plan(&state(&settled), &[]), []);
    }

    #[test]
    fn a_worker_becomes_a_manager_at_once() {
        let state = state(&[between(1, NodeRole::Worker, NodeRole::Manager, false)]);
        let [RoleChange::Assume(node)] = &plan(&state, &[])[..] else { panic!("no promotion") };
        assert_eq!(node.role, NodeRole::Manager);
        assert_eq!(node.meta.version, state.nodes()[&node.id].meta.version);
    }

    #[test]
    fn a_manager_leaves_raft_before_it_becomes_a_worker() {
        let member_of = between(1, NodeRole::Manager, NodeRole::Worker, true);
        let members = [member(1, Some(member_of.id.clone()))];
        let steps = plan(&state(std::slice::from_ref(&member_of)), &members);
        assert_eq!(steps, [RoleChange::LeaveRaft(member_of.id)]);
        let forgotten = state(&[between(1, NodeRole::Manager, NodeRole::Worker, false)]);
        assert_eq!(plan(&forgotten, &[member(1, None)]), []);
        let [RoleChange::Assume(node)] = &plan(&forgotten, &[])[..] else { panic!("no demotion") };
        assert_eq!(node.role, NodeRole::Worker);
    }
}
