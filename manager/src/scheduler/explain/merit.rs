//! What decides between nodes that fit, beside their parts, failures and numbers of tasks.

use swarmlite_proto::spec::Strategy;

use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::strategy::binpack;
use crate::scheduler::strategy::own;
use crate::scheduler::strategy::percent;
use crate::scheduler::strategy::usage;
use crate::state::Reserved;

/// What is for or against a node that fits, the more important first.
pub(super) fn of(group: &Group, candidate: &Candidate<'_>) -> Vec<String> {
    let near = group.rules.rather_near.iter();
    let near = near.map(|rule| met("affinity", &rule.text, candidate.is_near(rule)));
    let apart = group.rules.rather_apart.iter();
    let apart = apart.map(|rule| met("anti-affinity", &rule.text, candidate.is_apart(rule)));
    let by_strategy = match group.strategy {
        Strategy::Binpack => Some(fullness(group, candidate)),
        Strategy::Usage => Some(use_of(group, candidate)),
        // What is drawn follows from all nodes together.
        Strategy::Spread | Strategy::Random => None,
    };
    let score = own::score(group, candidate).map(|score| match score {
        Ok(score) => format!("score {score}"),
        Err(why) => format!("its score cannot be told: {why}"),
    });
    near.chain(apart).chain(score).chain(by_strategy).collect()
}

fn met(what: &str, text: &str, is_met: bool) -> String {
    let verb = if is_met { "meets" } else { "does not meet" };
    format!("{verb} {what} {text}")
}

/// How full the node is, and would be.
fn fullness(group: &Group, candidate: &Candidate<'_>) -> String {
    let percent = |more: &Reserved| binpack::shares(candidate, more).map(percent);
    let [processor, memory] = percent(&group.reserved);
    let [processor_now, memory_now] = percent(&Reserved::default());
    format!(
        "{processor} % of processors and {memory} % of memory reserved with it, {processor_now} % and {memory_now} % now"
    )
}

/// How much of the node is in use, and would be.
fn use_of(group: &Group, candidate: &Candidate<'_>) -> String {
    let percent = |more: i64| usage::shares(group, candidate, more).map(percent);
    let ([processor, memory], [processor_now, memory_now]) = (percent(1), percent(0));
    let known = if candidate.load.is_some() {
        ""
    } else {
        ", guessed from its tasks, as it has not reported its load"
    };
    format!(
        "{processor} % of processors and {memory} % of memory in use with it, {processor_now} % and {memory_now} % now{known}"
    )
}
