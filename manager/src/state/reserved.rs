//! What tasks set aside on their nodes, and what is left there.

use std::collections::BTreeMap;

use swarmlite_proto::object::Node;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::NamedResource;
use swarmlite_proto::spec::Reservations;

use super::Revision;

/// What processor time is called among resources.
pub(crate) const CPU: &str = "CPU";
/// What memory is called among resources.
pub(crate) const MEMORY: &str = "memory";

/// What tasks have set aside, or have to share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// Processor time, in billionths of a core.
    pub nano_cpus: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
    /// Countable resources, by kind.
    pub generic: BTreeMap<String, i64>,
}

impl Reserved {
    /// What one task of this spec sets aside.
    pub(crate) fn by(revision: &Revision) -> Self {
        let resources = revision.task.resources.as_ref();
        let Some(Reservations { nano_cpus, memory_bytes, generic_resources }) =
            resources.and_then(|resources| resources.reservations.as_ref())
        else {
            return Self::default();
        };
        // No node has a kind of this form: as in Docker, the scheduler hands out counts, and a task that asks for one by its name waits.
        let by_name = |named: &NamedResource| format!("{}={}", named.kind, named.value);
        let generic = count_generic(generic_resources, by_name);
        Self { nano_cpus: *nano_cpus, memory_bytes: *memory_bytes, generic }
    }

    /// What `node` has in all.
    pub(crate) fn total(node: &Node) -> Self {
        node.description.as_ref().map_or_else(Self::default, |known| Self {
            nano_cpus: known.resources.nano_cpus,
            memory_bytes: known.resources.memory_bytes,
            generic: count_generic(&known.resources.generic_resources, |named| named.kind.clone()),
        })
    }

    /// Adds `other`. What has come to nothing is as if it had never been there.
    pub(crate) fn add(&mut self, other: &Self) {
        self.nano_cpus = self.nano_cpus.saturating_add(other.nano_cpus);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        for (kind, count) in &other.generic {
            let sum = self.generic.entry(kind.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.generic.retain(|_, sum| *sum != 0);
    }

    /// Everything of `needed` that is more than there is: of what, how much is needed, and how much is left.
    /// What is not asked for cannot be short, even on a node that has less than its tasks have set aside.
    pub(crate) fn shortages<'n>(
        &self,
        needed: &'n Self,
    ) -> impl Iterator<Item = (&'n str, i64, i64)> {
        let basic = [
            (CPU, needed.nano_cpus, self.nano_cpus),
            (MEMORY, needed.memory_bytes, self.memory_bytes),
        ];
        let generic = needed.generic.iter().map(|(kind, needed)| {
            (kind.as_str(), *needed, self.generic.get(kind).copied().unwrap_or(0))
        });
        basic.into_iter().chain(generic).filter(|(_, needed, left)| *needed > 0 && needed > left)
    }

    /// How much there is of what [`Reserved::shortages`] names.
    pub(crate) fn of(&self, name: &str) -> i64 {
        match name {
            CPU => self.nano_cpus,
            MEMORY => self.memory_bytes,
            kind => self.generic.get(kind).copied().unwrap_or(0),
        }
    }

    /// Takes `other` away.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.nano_cpus = self.nano_cpus.saturating_sub(other.nano_cpus);
        self.memory_bytes = self.memory_bytes.saturating_sub(other.memory_bytes);
        for (kind, count) in &other.generic {
            let left = self.generic.entry(kind.clone()).or_default();
            *left = left.saturating_sub(*count);
        }
        self.generic.retain(|_, left| *left != 0);
    }
}

/// Named resources count one each, as what `kind` makes of them.
fn count_generic(
    resources: &[GenericResource],
    kind: impl Fn(&NamedResource) -> String,
) -> BTreeMap<String, i64> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for resource in resources {
        if let Some(named) = &resource.named_resource_spec {
            *counts.entry(kind(named)).or_default() += 1;
        }
        if let Some(discrete) = &resource.discrete_resource_spec {
            *counts.entry(discrete.kind.clone()).or_default() += discrete.value;
        }
    }
    counts
}
