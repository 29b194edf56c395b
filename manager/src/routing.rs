//! Routing generations: whether the nodes send a task traffic, as far as they have confirmed it.
//!
//! A task that runs enters the tables that nodes are told to hold; it is *routed* when every live node concerned has confirmed tables
//! that hold it, and only then do updates go on. A task that is to end leaves those tables first; it is *drained* when
//! every live node concerned has confirmed tables without it, and only then is its agent told to stop it. In between it is *draining*.
//!
//! A node that is down is not waited for: it lost its lease, and when it returns it gets whole tables before anything else. No wait is
//! longer than [`View::routing_patience`]. This loop writes nothing but [`Routing`], and never whether a task should run.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Task;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::Op;
use crate::state::State;

/// How long nodes are waited for unless a manager is told otherwise. Longer than the lease of a node, also of one that has to find a new leader first, so that a node that is
/// not waited for any more is one that is alive and cannot program its tables.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Moves every task on whose tables the nodes have confirmed.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, _: &mut StdRng) -> Plan {
    let mut plan = Plan::default();
    let mut groups = Vec::new();
    let mut reached = BTreeMap::new();
    for task in view.state.unconfirmed_tasks() {
        let confirmed_by_all = is_confirmed(view, task, &mut reached);
        let deadline = task.meta.updated_at + view.routing_patience;
        if !confirmed_by_all && now < deadline {
            plan.wake_by(deadline);
            continue;
        }
        let behind = (!confirmed_by_all).then(|| nodes_behind(view, task));
        for node in behind.into_iter().flatten() {
            plan.note(format!(
                "node {node} has not confirmed its tables for task {} in {} s: going on without it",
                task.id,
                view.routing_patience.as_secs()
            ));
        }
        groups.push(vec![confirmed(task, now)]);
    }
    plan.change(now, &[], groups);
    plan
}

fn confirmed(task: &Task, at: Timestamp) -> Op {
    let routing = match task.routing {
        Routing::Unrouted | Routing::Routed { .. } => Routing::Routed { at },
        Routing::Draining { .. } | Routing::Drained { .. } => Routing::Drained { at },
    };
    Op::PutTask(Box::new(Task { routing, ..task.clone() }))
}

/// What every live node on a network has confirmed; `None` without such nodes.
type Reached<'a> = BTreeMap<&'a NetworkId, Option<Generation>>;

/// Whether all live nodes that are to hold tables with or without `task` have confirmed those. Notes in `reached` what it finds out of networks:
/// thousands of tasks may wait for the same nodes.
///
/// A task that has ended has no traffic to lose. A node that comes to one of its networks only later gets the newest tables at once.
fn is_confirmed<'a>(view: &View, task: &'a Task, reached: &mut Reached<'a>) -> bool {
    let since = since(task);
    let mut networks = task.attachments.iter().map(|attachment| &attachment.network_id);
    task.status.state.is_terminal()
        || networks.all(|network| {
            let reached = reached.entry(network).or_insert_with(|| reached_on(view, network));
            reached.is_none_or(|reached| reached >= since)
        })
}

fn reached_on(view: &View, network: &NetworkId) -> Option<Generation> {
    let nodes = nodes_on(&view.state, network).into_iter().filter(|node| routes(node));
    nodes.map(|node| view.programmed.get(&node.id).copied().unwrap_or_default()).min()
}

/// The live nodes that are to hold tables with or without `task`, and have not confirmed those yet.
fn nodes_behind<'a>(view: &'a View, task: &Task) -> BTreeSet<&'a NodeId> {
    let networks = task.attachments.iter().map(|attachment| &attachment.network_id);
    let nodes = networks.flat_map(|network| nodes_on(&view.state, network));
    let concerned = nodes.filter(|node| routes(node)).map(|node| &node.id);
    let is_behind = |node: &&NodeId| {
        view.programmed.get(*node).is_none_or(|programmed| *programmed < since(task))
    };
    concerned.filter(is_behind).collect()
}

/// The state from which on the tables are as they are to be for `task`.
const fn since(task: &Task) -> Generation {
    Generation(task.meta.version.index)
}

/// The nodes on a network: on the ingress network all, as each answers on published ports.
fn nodes_on<'a>(state: &'a State, network: &NetworkId) -> Vec<&'a Node> {
    if state.networks().get(network).is_some_and(|network| network.spec.ingress) {
        return state.nodes().values().map(AsRef::as_ref).collect();
    }
    state.nodes_on(network).map(AsRef::as_ref).collect()
}

/// Whether a node routes: it has a place in the data plane, and is not known to be down.
fn routes(node: &Node) -> bool {
    node.data_path_addr.is_some() && node.status.state != NodeState::Down
}

#[cfg(test)]
mod tests;
