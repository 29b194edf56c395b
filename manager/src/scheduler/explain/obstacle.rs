//! Everything that keeps a task away from one node, and what would take it away.

use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::validate::constraint::Constraint;

use super::amount::Round;
use super::amount::amount;
use super::amount::number;
use super::change::Change;
use super::holder;
use super::name;
use super::rule;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;
use crate::scheduler::facts::Seen;
use crate::scheduler::filter::FILTERS;
use crate::scheduler::filter::Refusal;
use crate::scheduler::filter::affinity;
use crate::scheduler::filter::anti_affinity;
use crate::scheduler::filter::constraints;
use crate::scheduler::filter::host_port;
use crate::scheduler::filter::plugin;
use crate::scheduler::filter::resources;
use crate::state::Reserved;
use crate::state::State;

/// One rule about nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Whether the node takes tasks at all.
    Ready,
    /// Whether it has enough left.
    Resources,
    /// Whether it has the drivers.
    Plugin,
    /// Whether it is what the constraints ask for.
    Constraint,
    /// Whether the image is made for it.
    Platform,
    /// Whether its ports are free.
    Port,
    /// Whether it may have one more task of the service.
    MaxReplicas,
    /// Whether the service's own filter holds.
    Filter,
    /// Whether tasks are there that the service wants to be near.
    Affinity,
    /// Whether no tasks are there that keep away from the service, or the service from them.
    AntiAffinity,
    /// Whether it has the volumes that the task is to stay with.
    Volumes,
}

impl Check {
    /// All, in the order in which they are applied.
    pub const ALL: [Self; 11] = [
        Self::Ready,
        Self::Resources,
        Self::Plugin,
        Self::Constraint,
        Self::Platform,
        Self::Port,
        Self::MaxReplicas,
        Self::Filter,
        Self::Affinity,
        Self::AntiAffinity,
        Self::Volumes,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Resources => "resources",
            Self::Plugin => "plugin",
            Self::Constraint => "constraint",
            Self::Platform => "platform",
            Self::Port => "port",
            Self::MaxReplicas => "max-replicas",
            Self::Filter => "filter",
            Self::Affinity => "affinity",
            Self::AntiAffinity => "anti-affinity",
            Self::Volumes => "volumes",
        }
    }
}

/// How much there is too little of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// `CPU` in billionths of a core, `memory` in bytes, or the kind of a generic resource.
    pub of: String,
    /// So much is needed.
    pub needed: i64,
    /// So much is left.
    pub left: i64,
}

/// One thing that keeps a task away from a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// The rule.
    pub check: Check,
    /// What it says, for people.
    pub text: String,
    /// How much is missing, if the rule counts.
    pub missing: Option<Missing>,
    /// What would take it away, the smallest first; any one is enough. Empty if no single change does.
    pub changes: Vec<Change>,
}

/// All that keeps a task of `group` away from the node.
pub(super) fn all(state: &State, group: &Group, candidate: &Candidate<'_>) -> Vec<Obstacle> {
    let refusals = FILTERS.iter().filter_map(|filter| filter(group, candidate).err());
    let every = refusals.flat_map(|first| match first {
        // Rules that can refuse for several reasons at once.
        Refusal::Resources { .. } => resources::short(group, candidate),
        Refusal::MissingPlugin(_) => plugin::missing(group, candidate).collect(),
        Refusal::Constraint(_) => constraints::violated(group, candidate).collect(),
        Refusal::HostPort(_) => host_port::taken(group, candidate).collect(),
        Refusal::Affinity(_) => affinity::unmet(group, candidate).collect(),
        Refusal::AntiAffinity(_) => anti_affinity::unmet(group, candidate).collect(),
        only @ (Refusal::NotAvailable
        | Refusal::Platform
        | Refusal::MaxReplicas(_)
        | Refusal::Expression(_)
        | Refusal::Volumes) => vec![only],
    });
    every.flat_map(|refusal| obstacles(state, group, candidate, refusal)).collect()
}

/// What one refusal means on this node.
fn obstacles(
    state: &State,
    group: &Group,
    candidate: &Candidate<'_>,
    refusal: Refusal,
) -> Vec<Obstacle> {
    let node = candidate.node;
    let host = name::of_node(node);
    match refusal {
        Refusal::NotAvailable => not_available(node),
        Refusal::Resources { of, needed, left } => {
            vec![resources(node, Missing { of, needed, left })]
        }
        Refusal::MissingPlugin(plugin) => {
            let text = format!("plugin {plugin} is not installed");
            vec![obstacle(Check::Plugin, text, [Change::Install { node: host, plugin }])]
        }
        Refusal::Constraint(text) => vec![constraint(group, candidate, &text)],
        Refusal::Platform => vec![platform(node)],
        Refusal::HostPort(port) => vec![host_port(state, group, candidate, port)],
        Refusal::MaxReplicas(max) => {
            let here = candidate.tasks_of(group);
            let are = if here == 1 { "is" } else { "are" };
            let text = format!("{here} of the service {are} here, and no more than {max} may be");
            let allowed = Change::AllowPerNode(here as u64 + 1);
            vec![obstacle(Check::MaxReplicas, text, [allowed])]
        }
        Refusal::Expression(why) => vec![filter(group, candidate, why)],
        Refusal::Affinity(told) => {
            let (text, change) = rule::not_near(group, candidate, &told);
            vec![obstacle(Check::Affinity, text, [change])]
        }
        Refusal::AntiAffinity(told) => {
            let (text, change) = rule::not_apart(state, group, candidate, &told);
            vec![obstacle(Check::AntiAffinity, text, [change])]
        }
        Refusal::Volumes => {
            let home = group.home.as_ref().and_then(|home| state.nodes().get(home));
            let home = home.map_or_else(String::new, |home| name::of_node(home));
            let text = format!("the volumes of the task are on {home}");
            vec![obstacle(Check::Volumes, text, [Change::LeaveVolumes])]
        }
    }
}

fn obstacle(check: Check, text: String, changes: impl IntoIterator<Item = Change>) -> Obstacle {
    Obstacle { check, text, missing: None, changes: changes.into_iter().collect() }
}

fn not_available(node: &Node) -> Vec<Obstacle> {
    let state = match node.status.state {
        NodeState::Ready => None,
        NodeState::Down => Some("it is down"),
        NodeState::Disconnected => Some("it is looking for another manager"),
        NodeState::Unknown => Some("it was not heard of since the leader changed"),
    };
    let availability = match node.spec.availability {
        Availability::Active => None,
        Availability::Pause => Some("it is paused"),
        Availability::Drain => Some("it is drained"),
    };
    let state = state.map(|text| (text, Change::Revive { node: name::of_node(node) }));
    let availability =
        availability.map(|text| (text, Change::Activate { node: name::of_node(node) }));
    let both = state.into_iter().chain(availability);
    both.map(|(text, change)| obstacle(Check::Ready, text.to_owned(), [change])).collect()
}

fn resources(node: &Node, missing: Missing) -> Obstacle {
    let Missing { of, needed, left } = &missing;
    let short = needed - left;
    let text = format!(
        "{} short: {} needed, {} left",
        amount(of, short, Round::Up),
        number(of, *needed, Round::Up),
        number(of, *left, Round::Down)
    );
    let mut changes = Vec::new();
    // Of what the node does not have there is nothing to be freed.
    if Reserved::total(node).of(of) >= *needed {
        changes.push(Change::Free { node: name::of_node(node), of: of.clone(), amount: short });
    }
    if *left > 0 {
        changes.push(Change::Reserve { of: of.clone(), at_most: *left });
    }
    Obstacle { check: Check::Resources, text, missing: Some(missing), changes }
}

fn constraint(group: &Group, candidate: &Candidate<'_>, text: &str) -> Obstacle {
    let mut changes = vec![Change::DropConstraint(text.to_owned())];
    let parsed = Constraint::parse(text).ok().filter(|constraint| constraint.equal);
    let label = parsed.and_then(|constraint| {
        let key = constraint.key.strip_prefix("node.labels.")?.to_owned();
        let value = constraint.value;
        let node = name::of_node(candidate.node);
        would_help(group, candidate, &key, &value).then_some(Change::Label { node, key, value })
    });
    changes.extend(label);
    obstacle(Check::Constraint, format!("constraint {text} is not met"), changes)
}

/// Whether the node would meet one more constraint with this label, and nothing less than now.
fn would_help(group: &Group, candidate: &Candidate<'_>, key: &str, value: &str) -> bool {
    let mut node = candidate.node.clone();
    node.spec.labels.insert(key.to_owned(), value.to_owned());
    let changed = Candidate { node: &node, ..*candidate };
    let mut filters = FILTERS.iter();
    let violated = |candidate| constraints::violated(group, candidate).count();
    violated(&changed) < violated(candidate)
        && filters
            .all(|filter| filter(group, candidate).is_err() || filter(group, &changed).is_ok())
}

fn platform(node: &Node) -> Obstacle {
    let platform = node.description.as_ref().map(|description| &description.platform);
    let Some(platform) = platform.filter(|known| **known != Platform::default()) else {
        let text = "the image is made for certain platforms, and its own is not known".to_owned();
        return obstacle(Check::Platform, text, []);
    };
    let platform = format!("{}/{}", platform.os, platform.architecture);
    let text = format!("the image is not made for {platform}");
    obstacle(Check::Platform, text, [Change::UseImageFor { platform }])
}

fn filter(group: &Group, candidate: &Candidate<'_>, why: Option<String>) -> Obstacle {
    let here = group.own.filter.iter().flatten().map(|it| it.facts(&Seen { group, candidate }));
    let here: String =
        here.filter(|here| !here.is_empty()).map(|here| format!(": {here}")).collect();
    let text = match why {
        Some(why) => format!("the placement filter cannot be told: {why}"),
        None => format!("the placement filter does not hold{here}"),
    };
    obstacle(Check::Filter, text, [Change::DropFilter])
}

fn host_port(state: &State, group: &Group, candidate: &Candidate<'_>, port: u16) -> Obstacle {
    let Some(task) = holder::of_port(state, candidate, port) else {
        let text = format!("port {port} is taken");
        return obstacle(Check::Port, text, [Change::PublishAnother(port)]);
    };
    let text = format!("port {port} is taken by {}", name::of_task(task));
    if task.service_id == group.service {
        // Whatever the number is, the service's own tasks would meet there again.
        return obstacle(Check::Port, text, [Change::LetEngineChoose(port)]);
    }
    let stop =
        Change::StopTask { node: name::of_node(candidate.node), task: name::of_task(task), port };
    obstacle(Check::Port, text, [Change::PublishAnother(port), stop])
}
