//! Only nodes that are alive and active get tasks.

use swarmlite_proto::object::NodeState;
use swarmlite_proto::spec::Availability;

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(_: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    let node = candidate.node;
    if node.status.state == NodeState::Ready && node.spec.availability == Availability::Active {
        Ok(())
    } else {
        Err(Refusal::NotAvailable)
    }
}
