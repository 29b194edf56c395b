//! What services ask for about each other's tasks: the rules of affinity that count for tasks of one service, with the services that they mean.
//!
//! Names and labels are looked up when tasks are placed: a service that is not there has no tasks. Which tasks are where is not for this
//! module to know.

use std::collections::BTreeSet;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::validate::affinity::Affinity;
use swarmlite_proto::validate::affinity::Target;
use swarmlite_proto::validate::affinity::Topology;

use crate::state::Revision;
use crate::state::State;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What the user wrote.
    pub text: String,
    /// The name of the service that asks for it, if that is another one.
    pub asked_by: Option<String>,
    /// The services whose tasks it is about; `None` if it cannot be read, which no node can meet then.
    pub services: Option<BTreeSet<ServiceId>>,
    /// How near is together.
    pub over: Topology,
    /// Whether the tasks that are to be placed are among those that it is about.
    pub names_itself: bool,
}

impl Rule {
    /// The rule in words, with whose it is if that does not go without saying.
    pub(crate) fn told(&self) -> String {
        match &self.asked_by {
            Some(service) => format!("{} of {service}", self.text),
            None => self.text.clone(),
        }
    }
}

/// All rules that count for the tasks of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// These tasks have to be where the node is.
    pub near: Vec<Rule>,
    /// These must not be there. Also what other services ask for about this one.
    pub apart: Vec<Rule>,
    /// These should be there.
    pub rather_near: Vec<Rule>,
    /// These should not be there.
    pub rather_apart: Vec<Rule>,
}

impl Rules {
    /// The rules for the tasks of `service` made from `revision`.
    pub(super) fn of(state: &State, service: &ServiceId, revision: &Revision) -> Self {
        let mut rules = Self::default();
        let placement = revision.task.placement.as_ref();
        for text in texts(placement.and_then(|it| it.affinity.as_ref())) {
            let (rule, is_soft) = own(state, service, text);
            let list = if is_soft { &mut rules.rather_near } else { &mut rules.near };
            list.push(rule);
        }
        for text in texts(placement.and_then(|it| it.anti_affinity.as_ref())) {
            let (rule, is_soft) = own(state, service, text);
            let list = if is_soft { &mut rules.rather_apart } else { &mut rules.apart };
            list.push(rule);
        }
        if let Some(named) = state.services().get(service) {
            let others = state.keeping_apart().filter(|other| other.id != *service);
            rules.apart.extend(others.flat_map(|other| of_other(state, other, named)));
        }
        rules
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.near.iter().chain(&self.apart).chain(self.soft())
    }

    /// Those that decide between nodes that fit.
    pub(crate) fn soft(&self) -> impl Iterator<Item = &Rule> {
        self.rather_near.iter().chain(&self.rather_apart)
    }

    /// Whether a task that is placed changes what they say of other nodes than its own.
    pub(super) fn reach_further(&self) -> bool {
        let further = |rule: &Rule| rule.names_itself && rule.over != Topology::Node;
        let mut near = self.near.iter().chain(&self.rather_near);
        near.any(|rule| rule.names_itself) || self.all().any(further)
    }
}

fn texts(list: Option<&Vec<String>>) -> impl Iterator<Item = &String> {
    list.into_iter().flatten()
}

/// A rule that a service asks for itself, and whether it is soft.
fn own(state: &State, service: &ServiceId, text: &str) -> (Rule, bool) {
    let Ok(parsed) = Affinity::parse(text) else {
        let unreadable = Rule {
            text: text.to_owned(),
            asked_by: None,
            services: None,
            over: Topology::Node,
            names_itself: false,
        };
        return (unreadable, false);
    };
    let services = meant(state, &parsed.target);
    let rule = Rule {
        text: text.to_owned(),
        asked_by: None,
        names_itself: services.contains(service),
        services: Some(services),
        over: parsed.over,
    };
    (rule, parsed.is_soft)
}

/// What `other` asks for about the tasks of `named`: who keeps away from it is kept away by it.
fn of_other(state: &State, other: &Service, named: &Service) -> Vec<Rule> {
    let revision = state.revision(&other.id, other.spec_version);
    let placement = revision.and_then(|revision| revision.task.placement.as_ref());
    let texts = texts(placement.and_then(|it: &Placement| it.anti_affinity.as_ref()));
    let rule = |text: &String| {
        let parsed = Affinity::parse(text).ok().filter(|parsed| !parsed.is_soft)?;
        is_meant(state, &parsed.target, named).then(|| Rule {
            text: text.clone(),
            asked_by: Some(other.spec.name.clone()),
            services: Some(BTreeSet::from([other.id.clone()])),
            over: parsed.over,
            names_itself: false,
        })
    };
    texts.filter_map(rule).collect()
}

/// The services that a rule is about.
fn meant(state: &State, target: &Target) -> BTreeSet<ServiceId> {
    match target {
        Target::Service(reference) => named(state, reference).cloned().into_iter().collect(),
        Target::Label { .. } => {
            let services = state.services().values();
            let meant = services.filter(|service| is_meant(state, target, service));
            meant.map(|service| service.id.clone()).collect()
        }
    }
}

fn is_meant(state: &State, target: &Target, service: &Service) -> bool {
    match target {
        Target::Service(reference) => named(state, reference) == Some(&service.id),
        Target::Label { key, value } => service.spec.labels.get(key) == Some(value),
    }
}

/// The service of this id or name.
fn named<'a>(state: &'a State, reference: &str) -> Option<&'a ServiceId> {
    let id = reference.parse().ok().and_then(|id: ServiceId| state.services().get(&id));
    id.or_else(|| state.service_by_name(reference)).map(|service| &service.id)
}
