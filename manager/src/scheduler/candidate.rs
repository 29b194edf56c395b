//! What the scheduler knows of the tasks it has to place, and of a node that may take them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::load::NodeLoad;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::Strategy;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::validate::affinity::Topology;
use swarmlite_proto::validate::constraint::Constraint;
use swarmlite_proto::version::Version;

use super::domain;
use super::domain::Domains;
use super::rules::Rule;
use super::rules::Rules;
use crate::expression::Own;
use crate::placement::home;
use crate::state::NodeUsage;
use crate::state::Reserved;
use crate::state::Revision;
use crate::state::State;
use crate::state::host_ports;

/// Failures older than this say nothing about a node (swarmkit `manager/scheduler/nodeinfo.go`, `monitorFailures`).
const FAILURE_MEMORY: Duration = Duration::from_secs(5 * 60);

/// Identical tasks: of one service, made from one spec.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Their service.
    pub service: ServiceId,
    /// The spec they were made from.
    pub version: Version,
    /// That spec.
    pub revision: Arc<Revision>,
    /// The constraints of it; `None` if one of them cannot be read, which no node can meet then.
    pub constraints: Option<Vec<Constraint>>,
    /// What each of them sets aside.
    pub reserved: Reserved,
    /// The ports that each of them needs on its node.
    pub host_ports: BTreeSet<(PortProtocol, u16)>,
    /// How a node is chosen for each of them. Behind a score it decides what that leaves open.
    pub strategy: Strategy,
    /// The filter and the score of the service's own.
    pub own: Arc<Own>,
    /// What has to be said about the tasks of services where they are.
    pub rules: Rules,
    /// The only node that has their volumes, of a single task that is to stay with them.
    pub home: Option<NodeId>,
}

/// A node, with what its tasks use of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// The node.
    pub node: &'a Node,
    /// What its tasks use of it.
    pub usage: &'a NodeUsage,
    /// What its machine has to do, if it has said so.
    pub load: Option<&'a NodeLoad>,
    /// Where tasks are, for what looks further than this node.
    pub domains: &'a Domains,
    /// When the tasks are placed.
    pub now: Timestamp,
}

impl Group {
    /// The tasks of `service` made from the spec `version`.
    #[must_use]
    pub(crate) fn new(
        state: &State,
        service: &ServiceId,
        version: Version,
        revision: Arc<Revision>,
    ) -> Self {
        let placement = revision.task.placement.as_ref();
        let own = revision.expressions.of(placement);
        // Whoever has a score does not ask for a strategy, and that of the cluster is for those that say nothing.
        let strategy =
            if own.score.is_some() { Strategy::default() } else { strategy(state, placement) };
        let texts = placement.into_iter().flat_map(|placement| &placement.constraints);
        let constraints = texts.map(|text| Constraint::parse(text).ok()).collect();
        let reserved = Reserved::by(&revision);
        let host_ports = host_ports(&revision).collect();
        let rules = Rules::of(state, service, &revision);
        let service = service.clone();
        Self {
            service,
            version,
            revision,
            constraints,
            reserved,
            host_ports,
            strategy,
            own,
            rules,
            home: None,
        }
    }

    /// Those of them that are for `slot`, if it has a node that they are to stay on.
    #[must_use]
    pub(crate) fn at_home(&self, state: &State, slot: u64) -> Option<Self> {
        let home = home(state, &self.service, self.revision.task.placement.as_ref(), slot)?;
        Some(Self { home: Some(home.clone()), ..self.clone() })
    }
}

/// The strategy that is asked for, or that of the cluster. One that only a newer version knows is as if it had not been asked for.
fn strategy(state: &State, placement: Option<&Placement>) -> Strategy {
    let asked = placement.and_then(|placement| placement.strategy.as_deref());
    let cluster = state.cluster();
    let of_cluster = cluster.and_then(|it| it.spec.orchestration.placement_strategy.as_deref());
    asked.into_iter().chain(of_cluster).find_map(|name| name.parse().ok()).unwrap_or_default()
}

impl<'a> Candidate<'a> {
    /// How many tasks of the group's service it should run.
    #[must_use]
    pub(crate) fn tasks_of(&self, group: &Group) -> usize {
        self.usage.tasks_of(&group.service)
    }

    /// How often tasks of the group have failed here of late.
    #[must_use]
    pub(crate) fn failures_of(&self, group: &Group) -> usize {
        let failures = self.usage.failures_of(&group.service, group.version);
        failures.filter(|at| self.now.since(*at) < FAILURE_MEMORY).count()
    }

    /// What it has that is not set aside. Negative if it has shrunk.
    #[must_use]
    pub(crate) fn left(&self) -> Reserved {
        let mut left = Reserved::total(self.node);
        left.subtract(&self.usage.reserved);
        left
    }

    /// Whether tasks that `rule` is about are where the node is. Of a service that wants to be near itself the first task may be anywhere.
    #[must_use]
    pub(crate) fn is_near(&self, rule: &Rule) -> bool {
        let (Some(services), Some(place)) =
            (&rule.services, domain::place_of(&rule.over, self.node))
        else {
            return false;
        };
        let is_first = || services.iter().all(|service| self.domains.tasks_of(service) == 0);
        self.have_tasks_in(services, &rule.over, place) || rule.names_itself && is_first()
    }

    /// Whether no task that `rule` is about is where the node is.
    #[must_use]
    pub(crate) fn is_apart(&self, rule: &Rule) -> bool {
        let Some(services) = &rule.services else { return false };
        let place = domain::place_of(&rule.over, self.node);
        place.is_none_or(|place| !self.have_tasks_in(services, &rule.over, place))
    }

    fn have_tasks_in(&self, services: &BTreeSet<ServiceId>, over: &Topology, place: &str) -> bool {
        services.iter().any(|service| match over {
            Topology::Node => self.usage.tasks_of(service) > 0,
            over => self.domains.tasks_in(service, over, place) > 0,
        })
    }

    /// Its id.
    #[must_use]
    pub(crate) const fn id(&self) -> &'a NodeId {
        &self.node.id
    }
}
