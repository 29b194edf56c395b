//! Values as the types of the engine have them.

use std::collections::HashMap;

use swarmlite_proto::spec::Labels;

/// A text, unless it is empty: the engine takes that for something else than nothing.
pub(super) fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A list, unless it is empty.
pub(super) fn some_list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// Labels, as the engine's types have them.
pub(super) fn to_map(labels: &Labels) -> HashMap<String, String> {
    labels.clone().into_iter().collect()
}
