//! Which object a client means: by its id, by its name, by the beginning of its id, in this order (moby `daemon/cluster/helpers.go`).

use std::sync::Arc;

use imbl::OrdMap;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;

use super::State;
use super::document::DocumentKind;

/// A node, by id, host name or beginning of its id.
pub fn node<'a>(state: &'a State, reference: &str) -> Result<&'a Arc<Node>> {
    let named = |node: &&Arc<Node>| {
        node.description.as_ref().is_some_and(|description| description.hostname == reference)
    };
    find(state.nodes(), reference, state.nodes().values().filter(named).collect())
}

/// A service, by id, name or beginning of its id.
pub fn service<'a>(state: &'a State, reference: &str) -> Result<&'a Arc<Service>> {
    find(state.services(), reference, state.service_by_name(reference).into_iter().collect())
}

/// A task, by id or beginning of it.
pub fn task<'a>(state: &'a State, reference: &str) -> Result<&'a Arc<Task>> {
    find(state.tasks(), reference, Vec::new())
}

/// A network of the cluster, by id, name or beginning of its id.
pub fn network<'a>(state: &'a State, reference: &str) -> Result<&'a Arc<Network>> {
    let named = state.network_by_name(reference).into_iter().collect();
    find(state.networks(), reference, named).map_err(|error| Error {
        // Names are unique, so that it can only be the beginning of several ids.
        message: error.message.replace("matches found)", "matches found based on ID prefix)"),
        ..error
    })
}

/// A secret or a config, by id, name or beginning of its id.
pub fn document<'a, K: DocumentKind>(
    state: &'a State,
    reference: &str,
) -> Result<&'a Arc<Document<Id<K>>>> {
    let named = state.document_by_name::<K>(reference).into_iter().collect();
    find(state.documents::<K>(), reference, named)
}

fn find<'a, K: Kind, T>(
    table: &'a OrdMap<Id<K>, Arc<T>>,
    reference: &str,
    named: Vec<&'a Arc<T>>,
) -> Result<&'a Arc<T>> {
    let exact = reference.parse().ok().and_then(|id: Id<K>| table.get(&id));
    if let Some(object) = exact {
        return Ok(object);
    }
    if !named.is_empty() {
        return only_one::<K, T>(&named, reference);
    }
    let begins =
        |(id, _): &(&Id<K>, &Arc<T>)| !reference.is_empty() && id.as_str().starts_with(reference);
    let begun: Vec<&Arc<T>> = table.iter().filter(begins).map(|(_, object)| object).collect();
    only_one::<K, T>(&begun, reference)
}

fn only_one<'a, K: Kind, T>(matches: &[&'a Arc<T>], reference: &str) -> Result<&'a Arc<T>> {
    let kind = K::NAME;
    match matches {
        [object] => Ok(object),
        [] => Err(Error::not_found(format!("{kind} {reference} not found"))),
        several => Err(Error::invalid(format!(
            "{kind} {reference} is ambiguous ({} matches found)",
            several.len()
        ))),
    }
}
