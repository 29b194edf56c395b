//! Whether nodes are alive: the loop that turns heartbeats, their absence, and what other nodes report, into the state of a node.
//!
//! It writes nothing but a node's status. What becomes of the tasks of a node that is down is for the orchestrators to say.

use std::time::Duration;

use rand::rngs::StdRng;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::time::Timestamp;

use crate::heartbeat::GRACE_PERIODS;
use crate::heartbeat::heartbeat_period;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::NodeReport;
use crate::state::ObjectRef;
use crate::state::Op;

/// After a change of leader, nodes have so many times longer to find the new one (swarmkit `manager/dispatcher/dispatcher.go`).
const UNKNOWN_FACTOR: u32 = 2;

/// Swarmkit's words for why a node has its state.
const MISSED: &str = "heartbeat failure";
const MISSED_UNKNOWN: &str = "heartbeat failure for node in \"unknown\" state";
/// Ours, for what swarmkit does not know of.
const LOST: &str = "other nodes do not reach it, and it does not answer";
const LEADER_CHANGED: &str = "Node moved to \"unknown\" state due to leadership change in cluster";

/// Nodes that are heard of are ready, nodes that are not are down once their time is over.
#[must_use]
pub(crate) fn reconcile(view: &View, now: Timestamp, _: &mut StdRng) -> Plan {
    let period = heartbeat_period(&view.state);
    let mut plan = Plan::default();
    let mut groups = Vec::new();
    for node in view.state.nodes().values() {
        let verdict = judge(view, node, now, period * GRACE_PERIODS);
        if let Some(until) = verdict.until {
            plan.wake_by(until);
        }
        if verdict.state != node.status.state {
            groups.push(report(node, verdict));
        }
    }
    plan.change(now, &[], groups);
    plan
}

/// The state a node should have, why, and until when nothing but news can change that.
#[derive(Clone, Copy)]
struct Verdict {
    state: NodeState,
    message: &'static str,
    until: Option<Timestamp>,
}

/// The verdict on a node that others suspect waits for its answer, and for no heartbeat.
fn judge(view: &View, node: &Node, now: Timestamp, grace: Duration) -> Verdict {
    let heard = judge_silence(view, node, now, grace);
    // What an earlier reign of this manager has asked says nothing now.
    match view.sessions.suspicions.due(&node.id).filter(|due| *due >= view.leader_since) {
        Some(due) if now >= due => Verdict { state: NodeState::Down, message: LOST, until: None },
        Some(due) => {
            Verdict { until: heard.until.map(|until| until.min(due)).or(Some(due)), ..heard }
        }
        None => heard,
    }
}

fn judge_silence(view: &View, node: &Node, now: Timestamp, grace: Duration) -> Verdict {
    if let Some(heard) = view.sessions.last_heard(&node.id) {
        let deadline = heard + grace;
        if now < deadline {
            return Verdict { state: NodeState::Ready, message: "", until: Some(deadline) };
        }
        // What was heard in an earlier reign of this manager says nothing about the time between.
        if heard >= view.leader_since {
            return Verdict { state: NodeState::Down, message: MISSED, until: None };
        }
    }
    let deadline = view.leader_since + grace * UNKNOWN_FACTOR;
    match node.status.state {
        NodeState::Down => Verdict { state: NodeState::Down, message: MISSED, until: None },
        _ if now >= deadline => {
            Verdict { state: NodeState::Down, message: MISSED_UNKNOWN, until: None }
        }
        NodeState::Unknown | NodeState::Ready | NodeState::Disconnected => {
            Verdict { state: NodeState::Unknown, message: LEADER_CHANGED, until: Some(deadline) }
        }
    }
}

/// Only if nobody else has written the node meanwhile, such as its agent that just came back.
fn report(node: &Node, verdict: Verdict) -> Vec<Op> {
    let mut status = node.status.clone();
    status.state = verdict.state;
    verdict.message.clone_into(&mut status.message);
    let report = NodeReport {
        node_id: node.id.clone(),
        status,
        description: None,
        data_path_addr: None,
        versions: None,
    };
    let expected = Op::Expect(ObjectRef::Node(node.id.clone()), node.meta.version);
    vec![expected, Op::ReportNode(Box::new(report))]
}

#[cfg(test)]
mod tests;
