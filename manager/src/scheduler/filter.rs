//! Which nodes can run a task: one rule per file, each with its reason.

pub(super) mod affinity;
pub(super) mod anti_affinity;
pub(super) mod constraints;
mod expression;
pub(super) mod host_port;
mod max_replicas;
mod platform;
pub(super) mod plugin;
mod ready;
pub(super) mod resources;
mod volumes;

use std::collections::BTreeMap;
use std::fmt;

use super::candidate::Candidate;
use super::candidate::Group;

/// A rule: whether a node can run one more task of a group.
pub(crate) type Filter = fn(&Group, &Candidate<'_>) -> Result<(), Refusal>;

/// All rules, in the order in which swarmkit applies them and then swarmlite's own: the first that refuses gives the reason.
pub(crate) const FILTERS: [Filter; 11] = [
    ready::check,
    resources::check,
    plugin::check,
    constraints::check,
    platform::check,
    host_port::check,
    max_replicas::check,
    expression::check,
    affinity::check,
    anti_affinity::check,
    volumes::check,
];

/// Why a node cannot run a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not ready, or not active.
    NotAvailable,
    /// It has too little left.
    Resources {
        /// Of what: `CPU` in billionths of a core, `memory` in bytes, or the kind of a generic resource.
        of: String,
        /// So much is needed.
        needed: i64,
        /// So much is left.
        left: i64,
    },
    /// It lacks a driver.
    MissingPlugin(String),
    /// It does not meet this constraint.
    Constraint(String),
    /// Its platform is none that the image is made for.
    Platform,
    /// Another task uses this port of it.
    HostPort(u16),
    /// It has as many tasks of the service as it may have.
    MaxReplicas(u64),
    /// The service's own filter does not hold, or this is why that cannot be said.
    Expression(Option<String>),
    /// No task is there that has to be there by this rule.
    Affinity(String),
    /// A task is there that must not be there by this rule.
    AntiAffinity(String),
    /// The volumes of the task are on another node.
    Volumes,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAvailable => f.write_str("not available for new tasks"),
            Self::Resources { of, needed, left } => {
                write!(f, "insufficient resources: {needed} of {of} needed, {left} left")
            }
            Self::MissingPlugin(plugin) => write!(f, "missing plugin {plugin}"),
            Self::Constraint(text) => write!(f, "does not satisfy the constraint {text}"),
            Self::Platform => f.write_str("unsupported platform"),
            Self::HostPort(port) => write!(f, "host-mode port {port} already in use"),
            Self::MaxReplicas(max) => write!(f, "already runs {max} replicas, the maximum"),
            Self::Expression(None) => f.write_str("does not satisfy the placement filter"),
            Self::Expression(Some(why)) => write!(f, "placement filter: {why}"),
            Self::Affinity(text) => write!(f, "does not satisfy the affinity {text}"),
            Self::AntiAffinity(text) => write!(f, "does not satisfy the anti-affinity {text}"),
            Self::Volumes => f.write_str("does not have the volumes of the task"),
        }
    }
}

impl Refusal {
    /// What is printed of it, without the number of nodes: swarmkit's words (`manager/scheduler/filter.go`), as far as it has such a rule.
    const fn summary(&self) -> Summary {
        match self {
            Self::NotAvailable => Summary::NotAvailable,
            Self::Resources { .. } => Summary::Of("insufficient resources on"),
            Self::MissingPlugin(_) => Summary::Of("missing plugin on"),
            Self::Constraint(_) => Summary::Of("scheduling constraints not satisfied on"),
            Self::Platform => Summary::Of("unsupported platform on"),
            Self::HostPort(_) => Summary::Of("host-mode port already in use on"),
            Self::MaxReplicas(_) => Summary::MaxReplicas,
            Self::Expression(_) => Summary::Of("placement filter not satisfied on"),
            Self::Affinity(_) => Summary::Of("affinity not satisfied on"),
            Self::AntiAffinity(_) => Summary::Of("anti-affinity not satisfied on"),
            Self::Volumes => Summary::Of("volumes not on"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Summary {
    NotAvailable,
    Of(&'static str),
    MaxReplicas,
}

impl Summary {
    fn of_nodes(self, nodes: usize) -> String {
        let nodes = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
        match self {
            Self::NotAvailable => format!("{nodes} not available for new tasks"),
            Self::Of(what) => format!("{what} {nodes}"),
            // The mistake is swarmkit's, and clients may look for it.
            Self::MaxReplicas => "max replicas per node limit exceed".to_owned(),
        }
    }
}

/// Applies every rule.
///
/// # Errors
///
/// The reason of the first rule that refuses.
pub(crate) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    FILTERS.iter().try_for_each(|filter| filter(group, candidate))
}

/// What Docker shows of a task that no node can run: the reasons, the most frequent first.
#[must_use]
pub(crate) fn explain<'a>(refusals: impl IntoIterator<Item = &'a Refusal>) -> String {
    let mut counts: BTreeMap<Summary, usize> = BTreeMap::new();
    for refusal in refusals {
        *counts.entry(refusal.summary()).or_default() += 1;
    }
    let mut reasons: Vec<(Summary, usize)> = counts.into_iter().collect();
    reasons.sort_by_key(|(summary, nodes)| (std::cmp::Reverse(*nodes), *summary));
    let reasons: Vec<String> =
        reasons.into_iter().map(|(summary, nodes)| summary.of_nodes(nodes)).collect();
    reasons.join("; ")
}
