//! Countable resources of a node: which of them a task is given (swarmkit `api/genericresource/resource_management.go`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::spec::DiscreteResource;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::NamedResource;

use super::candidate::Candidate;

/// Gives a task as many of each kind as it needs. That there are so many has been checked before.
pub(super) fn give(
    candidate: &Candidate<'_>,
    needed: &BTreeMap<String, i64>,
) -> Vec<GenericResource> {
    let mut given = Vec::new();
    for (kind, count) in needed.iter().filter(|(_, count)| **count > 0) {
        let names = names(candidate, kind);
        if names.is_empty() {
            let counted = DiscreteResource { kind: kind.clone(), value: *count };
            given.push(GenericResource {
                named_resource_spec: None,
                discrete_resource_spec: Some(counted),
            });
            continue;
        }
        let free = names.into_iter().filter(|name| {
            let key = (kind.clone(), (*name).to_owned());
            !candidate.usage.given.contains_key(&key)
        });
        let count = usize::try_from(*count).unwrap_or(usize::MAX);
        given.extend(free.take(count).map(|name| GenericResource {
            named_resource_spec: Some(NamedResource { kind: kind.clone(), value: name.to_owned() }),
            discrete_resource_spec: None,
        }));
    }
    given
}

/// The names that the resources of a kind have on a node, each once; none if they are only counted there.
fn names<'a>(candidate: &Candidate<'a>, kind: &str) -> BTreeSet<&'a str> {
    let known = candidate.node.description.iter().flat_map(|it| &it.resources.generic_resources);
    let named = known.filter_map(|resource| resource.named_resource_spec.as_ref());
    named.filter(|named| named.kind == kind).map(|named| named.value.as_str()).collect()
}
