//! What decides between nodes that fit, beside their parts, failures and numbers of tasks.

use swarmlite_proto::spec::Strategy;

use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::strategy::binpack;
use crate::state::Reserved;

/// What is for or against a node that fits, the more important first.
pub(super) fn of(group: &Group, candidate: &Candidate<'_>) -> Vec<String> {
    match group.strategy {
        Strategy::Binpack => vec![fullness(group, candidate)],
        // What is drawn follows from all nodes together.
        Strategy::Spread | Strategy::Random => Vec::new(),
    }
}

/// How full the node is, and would be.
fn fullness(group: &Group, candidate: &Candidate<'_>) -> String {
    let percent = |more: &Reserved| {
        binpack::shares(candidate, more).map(|share| share / (binpack::WHOLE / 100))
    };
    let [processor, memory] = percent(&group.reserved);
    let [processor_now, memory_now] = percent(&Reserved::default());
    format!(
        "{processor} % of processors and {memory} % of memory reserved with it, {processor_now} % and {memory_now} % now"
    )
}
