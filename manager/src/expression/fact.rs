//! What expressions can ask about.

use std::borrow::Cow;

use swarmlite_proto::spec::Labels;

use super::Kind;

/// One thing that expressions can ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The id of the node.
    NodeId,
    /// Its host name.
    NodeHostname,
    /// `manager` or `worker`.
    NodeRole,
    /// The address that its agent calls from.
    NodeAddress,
    /// As `linux`.
    NodeOs,
    /// As `x86_64`.
    NodeArch,
    /// The labels of the node.
    NodeLabels,
    /// The labels of its engine.
    EngineLabels,
    /// Its processors.
    NodeCpus,
    /// Its memory, in bytes.
    NodeMemory,
    /// Processors that no task has set aside.
    FreeCpus,
    /// Memory that no task has set aside, in bytes.
    FreeMemory,
    /// Processors that are busy, as measured; 0 if the node has not reported that.
    LoadCpus,
    /// Memory that is in use, as measured, in bytes; 0 if the node has not reported that.
    LoadMemory,
    /// How many tasks it has.
    NodeTasks,
    /// How many of these are of the service.
    TasksOfService,
    /// How often tasks like this one have failed there of late.
    NodeFailures,
    /// The name of the service.
    ServiceName,
    /// The labels of the service.
    ServiceLabels,
    /// The processors that the task sets aside.
    TaskCpus,
    /// The memory that it sets aside, in bytes.
    TaskMemory,
}

/// What a fact is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known<'a> {
    /// Whole or not.
    Number(f64),
    /// Empty if it is not known.
    Text(Cow<'a, str>),
    /// Texts by their names.
    Labels(&'a Labels),
}

/// Who knows what the facts are.
pub(crate) trait Facts: Sync {
    /// What `fact` is.
    fn known(&self, fact: Fact) -> Known<'_>;
}

impl Fact {
    /// All of them, in the order of the documentation.
    pub(crate) const ALL: [Self; 21] = [
        Self::NodeId,
        Self::NodeHostname,
        Self::NodeRole,
        Self::NodeAddress,
        Self::NodeOs,
        Self::NodeArch,
        Self::NodeLabels,
        Self::EngineLabels,
        Self::NodeCpus,
        Self::NodeMemory,
        Self::FreeCpus,
        Self::FreeMemory,
        Self::LoadCpus,
        Self::LoadMemory,
        Self::NodeTasks,
        Self::TasksOfService,
        Self::NodeFailures,
        Self::ServiceName,
        Self::ServiceLabels,
        Self::TaskCpus,
        Self::TaskMemory,
    ];

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NodeId => "node.id",
            Self::NodeHostname => "node.hostname",
            Self::NodeRole => "node.role",
            Self::NodeAddress => "node.address",
            Self::NodeOs => "node.platform.os",
            Self::NodeArch => "node.platform.arch",
            Self::NodeLabels => "node.labels",
            Self::EngineLabels => "node.engine.labels",
            Self::NodeCpus => "node.cpus",
            Self::NodeMemory => "node.memory",
            Self::FreeCpus => "node.free.cpus",
            Self::FreeMemory => "node.free.memory",
            Self::LoadCpus => "node.load.cpus",
            Self::LoadMemory => "node.load.memory",
            Self::NodeTasks => "node.tasks",
            Self::TasksOfService => "node.tasks_of_service",
            Self::NodeFailures => "node.failures",
            Self::ServiceName => "service.name",
            Self::ServiceLabels => "service.labels",
            Self::TaskCpus => "task.cpus",
            Self::TaskMemory => "task.memory",
        }
    }

    /// The one with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.name() == name)
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::NodeId
            | Self::NodeHostname
            | Self::NodeRole
            | Self::NodeAddress
            | Self::NodeOs
            | Self::NodeArch
            | Self::ServiceName => Kind::Text,
            Self::NodeLabels | Self::EngineLabels | Self::ServiceLabels => Kind::Labels,
            Self::NodeCpus
            | Self::NodeMemory
            | Self::FreeCpus
            | Self::FreeMemory
            | Self::LoadCpus
            | Self::LoadMemory
            | Self::NodeTasks
            | Self::TasksOfService
            | Self::NodeFailures
            | Self::TaskCpus
            | Self::TaskMemory => Kind::Double,
        }
    }
}

/// What an expression asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) fact: Fact,
    /// Of labels, the one that it asks for.
    pub(super) label: Option<String>,
}

impl Use {
    /// What it is, for people. Nothing about labels as a whole.
    pub(super) fn text(&self, facts: &dyn Facts) -> Option<String> {
        let name = self.fact.name();
        match (facts.known(self.fact), &self.label) {
            (Known::Number(number), _) => Some(format!("{name} is {number}")),
            (Known::Text(text), _) => Some(format!("{name} is {text:?}")),
            (Known::Labels(labels), Some(label)) => Some(match labels.get(label) {
                Some(value) => format!("{name}.{label} is {value:?}"),
                None => format!("{name}.{label} is not there"),
            }),
            (Known::Labels(_), None) => None,
        }
    }
}
