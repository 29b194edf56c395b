//! Countable resources of a node: which of them a task is given (swarmkit `api/genericresource/resource_management.go`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::object::Node;
use swarmlite_proto::spec::DiscreteResource;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::NamedResource;

/// The resources of a node that have a name each and that no task has, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FreeResources(BTreeMap<String, BTreeSet<String>>);

impl FreeResources {
    /// All that `node` names.
    pub(super) fn of(node: &Node) -> Self {
        let mut free = Self::default();
        let known = node.description.iter().flat_map(|it| &it.resources.generic_resources);
        for named in known.filter_map(|resource| resource.named_resource_spec.as_ref()) {
            free.0.entry(named.kind.clone()).or_default().insert(named.value.clone());
        }
        free
    }

    /// Takes what a task has been given.
    pub(super) fn take(&mut self, given: &[GenericResource]) {
        for named in given.iter().filter_map(|resource| resource.named_resource_spec.as_ref()) {
            if let Some(values) = self.0.get_mut(&named.kind) {
                values.remove(&named.value);
            }
        }
    }

    /// Takes back what a task had been given.
    pub(super) fn put_back(&mut self, given: &[GenericResource]) {
        for named in given.iter().filter_map(|resource| resource.named_resource_spec.as_ref()) {
            // What the node no longer names is gone.
            if let Some(values) = self.0.get_mut(&named.kind) {
                values.insert(named.value.clone());
            }
        }
    }

    /// Gives a task as many of each kind as it needs. That there are so many has been checked before.
    pub(super) fn give(&mut self, needed: &BTreeMap<String, i64>) -> Vec<GenericResource> {
        let mut given = Vec::new();
        for (kind, count) in needed.iter().filter(|(_, count)| **count > 0) {
            let Some(values) = self.0.get(kind) else {
                let counted = DiscreteResource { kind: kind.clone(), value: *count };
                given.push(GenericResource {
                    named_resource_spec: None,
                    discrete_resource_spec: Some(counted),
                });
                continue;
            };
            let count = usize::try_from(*count).unwrap_or(usize::MAX);
            given.extend(values.iter().take(count).map(|value| GenericResource {
                named_resource_spec: Some(NamedResource {
                    kind: kind.clone(),
                    value: value.clone(),
                }),
                discrete_resource_spec: None,
            }));
        }
        self.take(&given);
        given
    }
}
