//! How many tasks of services are in parts of the cluster, for rules that look further than one node: counted once, and kept as tasks are placed.

use std::collections::BTreeMap;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Node;
use swarmlite_proto::validate::affinity::Topology;

use super::rules::Rule;
use super::rules::Rules;

/// How many tasks are where, of the services that somebody has asked about.
#[derive(Debug, Default)]
pub(crate) struct Domains {
    of: BTreeMap<ServiceId, Counts>,
}

/// Where the tasks of one service are.
#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by: BTreeMap<Topology, BTreeMap<String, usize>>,
}

impl Domains {
    /// What has to be counted so that `rules` can be applied.
    pub(super) fn missing(&self, rules: &Rules) -> Vec<(ServiceId, Topology)> {
        let mut missing = Vec::new();
        for rule in rules.all().filter(|rule| looks_further(rule)) {
            let services = rule.services.iter().flatten();
            let unknown = services.filter(|service| !self.knows(service, &rule.over));
            missing.extend(unknown.map(|service| (service.clone(), rule.over.clone())));
        }
        missing
    }

    fn knows(&self, service: &ServiceId, over: &Topology) -> bool {
        self.of.get(service).is_some_and(|counts| counts.by.contains_key(over))
    }

    /// Counts the tasks of a service, of which nodes have so many each.
    pub(super) fn count<'n>(
        &mut self,
        service: ServiceId,
        over: Topology,
        tasks: impl Iterator<Item = (&'n Node, usize)>,
    ) {
        let (mut total, mut places) = (0, BTreeMap::new());
        for (node, tasks) in tasks.filter(|(_, tasks)| *tasks > 0) {
            total += tasks;
            if let Some(place) = place_of(&over, node) {
                *places.entry(place.to_owned()).or_default() += tasks;
            }
        }
        let counts = self.of.entry(service).or_default();
        counts.total = total;
        counts.by.insert(over, places);
    }

    /// A node that had `before` tasks of a service has `after`.
    pub(super) fn change(&mut self, node: &Node, service: &ServiceId, before: usize, after: usize) {
        let Some(counts) = self.of.get_mut(service) else { return };
        counts.total = (counts.total + after).saturating_sub(before);
        for (over, places) in &mut counts.by {
            let Some(place) = place_of(over, node) else { continue };
            let tasks = places.entry(place.to_owned()).or_default();
            *tasks = (*tasks + after).saturating_sub(before);
        }
    }

    /// How many tasks of a service are in one place.
    pub(super) fn tasks_in(&self, service: &ServiceId, over: &Topology, place: &str) -> usize {
        let places = self.of.get(service).and_then(|counts| counts.by.get(over));
        places.and_then(|places| places.get(place)).copied().unwrap_or(0)
    }

    /// How many tasks of a service there are at all.
    pub(super) fn tasks_of(&self, service: &ServiceId) -> usize {
        self.of.get(service).map_or(0, |counts| counts.total)
    }
}

/// Whether what the node itself has is not all that a rule looks at. One that a service has about itself looks for the first task everywhere.
fn looks_further(rule: &Rule) -> bool {
    rule.names_itself || rule.over != Topology::Node
}

/// Which place a node is in. `None`: in none.
pub(super) fn place_of<'a>(over: &Topology, node: &'a Node) -> Option<&'a str> {
    match over {
        Topology::Node => Some(node.id.as_str()),
        Topology::Hostname => {
            let known = node.description.as_ref().map(|description| description.hostname.as_str());
            known.filter(|name| !name.is_empty())
        }
        Topology::Label(key) => node.spec.labels.get(key).map(String::as_str),
    }
}
