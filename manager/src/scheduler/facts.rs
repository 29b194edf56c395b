//! What the expressions of a group can ask about a node.

use std::borrow::Cow;
use std::net::SocketAddr;

use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::spec::Labels;

use super::candidate::Candidate;
use super::candidate::Group;
use crate::expression::Fact;
use crate::expression::Facts;
use crate::expression::Known;
use crate::state::Reserved;

/// Nanoseconds of processor time in a second.
const CORE: f64 = 1e9;

/// A node as the next task of a group sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) group: &'a Group,
    pub(super) candidate: &'a Candidate<'a>,
}

impl Facts for Seen<'_> {
    fn known(&self, fact: Fact) -> Known<'_> {
        let Self { group, candidate } = self;
        let node = candidate.node;
        let load = candidate.load.copied().unwrap_or_default();
        match fact {
            Fact::NodeId => text(node.id.as_str()),
            Fact::NodeHostname => text(self.described(|it| &it.hostname)),
            // The role that the node has, not the one it should get.
            Fact::NodeRole => text(node.role.as_str()),
            Fact::NodeAddress => Known::Text(address(&node.status.addr)),
            Fact::NodeOs => text(self.described(|it| &it.platform.os)),
            Fact::NodeArch => text(self.described(|it| &it.platform.architecture)),
            Fact::NodeLabels => Known::Labels(&node.spec.labels),
            Fact::EngineLabels => Known::Labels(self.engine_labels()),
            Fact::NodeCpus => cpus(&Reserved::total(node)),
            Fact::NodeMemory => memory(&Reserved::total(node)),
            Fact::FreeCpus => cpus(&candidate.left()),
            Fact::FreeMemory => memory(&candidate.left()),
            Fact::LoadCpus => Known::Number(load.nano_cpus as f64 / CORE),
            Fact::LoadMemory => Known::Number(load.memory_bytes as f64),
            Fact::NodeTasks => count(candidate.usage.tasks),
            Fact::TasksOfService => count(candidate.tasks_of(group)),
            Fact::NodeFailures => count(candidate.failures_of(group)),
            Fact::ServiceName => text(&group.revision.service.name),
            Fact::ServiceLabels => Known::Labels(&group.revision.service.labels),
            Fact::TaskCpus => cpus(&group.reserved),
            Fact::TaskMemory => memory(&group.reserved),
        }
    }
}

impl Seen<'_> {
    /// What the node says of itself; empty if it has not said anything yet.
    fn described(&self, part: impl FnOnce(&NodeDescription) -> &String) -> &str {
        self.candidate.node.description.as_ref().map_or("", |known| part(known))
    }

    fn engine_labels(&self) -> &Labels {
        static NONE: Labels = Labels::new();
        self.candidate.node.description.as_ref().map_or(&NONE, |known| &known.engine.labels)
    }
}

const fn text(text: &str) -> Known<'_> {
    Known::Text(Cow::Borrowed(text))
}

fn cpus(of: &Reserved) -> Known<'static> {
    Known::Number(of.nano_cpus as f64 / CORE)
}

const fn memory(of: &Reserved) -> Known<'static> {
    Known::Number(of.memory_bytes as f64)
}

const fn count(tasks: usize) -> Known<'static> {
    Known::Number(tasks as f64)
}

/// The address without the port.
fn address(text: &str) -> Cow<'_, str> {
    match text.parse::<SocketAddr>() {
        Ok(socket) => Cow::Owned(socket.ip().to_string()),
        Err(_) => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
