//! What rules about the tasks of services have against a node.

use swarmlite_proto::object::Node;
use swarmlite_proto::validate::affinity::Topology;

use super::change::Change;
use super::holder;
use super::name;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::domain::place_of;
use crate::scheduler::rules::Rule;
use crate::state::State;

/// What is missing by the rule that is told as `told`, and what would help.
pub(super) fn not_near(group: &Group, candidate: &Candidate<'_>, told: &str) -> (String, Change) {
    let rule = group.rules.near.iter().find(|rule| rule.told() == told);
    let why = rule.map_or_else(String::new, |rule| {
        let missing = || format!("no such task is {}", place(rule, candidate.node));
        nowhere(rule, candidate.node).unwrap_or_else(missing)
    });
    let text = format!("affinity {told} is not met: {why}");
    (text, Change::DropAffinity(told.to_owned()))
}

/// What is in the way by the rule that is told as `told`, and what would help.
pub(super) fn not_apart(
    state: &State,
    group: &Group,
    candidate: &Candidate<'_>,
    told: &str,
) -> (String, Change) {
    let rule = group.rules.apart.iter().find(|rule| rule.told() == told);
    let why = rule.map_or_else(String::new, |rule| {
        let task = holder::of_rule(state, rule, candidate).map(name::of_task);
        let task = task.as_deref().unwrap_or("such a task");
        let there = || format!("{task} is {}", place(rule, candidate.node));
        nowhere(rule, candidate.node).unwrap_or_else(there)
    });
    let change = Change::DropAntiAffinity {
        text: rule.map_or(told, |rule| &rule.text).to_owned(),
        of: rule.and_then(|rule| rule.asked_by.clone()),
    };
    (format!("anti-affinity {told} is not met: {why}"), change)
}

/// Why no task can be where the node is.
fn nowhere(rule: &Rule, node: &Node) -> Option<String> {
    if rule.services.is_none() {
        return Some("it cannot be read".to_owned());
    }
    match (&rule.over, place_of(&rule.over, node)) {
        (_, Some(_)) => None,
        (Topology::Label(key), None) => Some(format!("the node has no label {key}")),
        (Topology::Node | Topology::Hostname, None) => {
            Some("the host name of the node is not known".to_owned())
        }
    }
}

/// Where the node is, by the rule.
fn place(rule: &Rule, node: &Node) -> String {
    let value = place_of(&rule.over, node).unwrap_or_default();
    match &rule.over {
        Topology::Node => "here".to_owned(),
        Topology::Hostname => format!("where node.hostname is {value:?}"),
        Topology::Label(key) => format!("where node.labels.{key} is {value:?}"),
    }
}
