//! Which events of the cluster a client wants (moby `daemon/events/filter.go`).

use swarmlite_manager::events::Event;

use crate::filters::Filters;

/// What can be asked for.
pub(super) const FILTERS: &[&str] = &[
    "config",
    "container",
    "daemon",
    "event",
    "image",
    "label",
    "network",
    "node",
    "plugin",
    "scope",
    "secret",
    "service",
    "type",
    "volume",
];

/// The filters that an id or a name begins with. Docker asks that of events of every type, whatever the filter is called.
const BEGINNINGS: [&str; 9] =
    ["config", "container", "daemon", "network", "node", "plugin", "secret", "service", "volume"];

/// Whether a client with these filters wants `event`.
pub(super) fn matches(filters: &Filters, event: &Event) -> bool {
    let attributes = &event.actor.attributes;
    let names = [Some(event.actor.id.as_str()), attributes.get("name").map(String::as_str)];
    let begins = |key: &&str| {
        filters.any(key, |value| names.iter().flatten().any(|name| name.starts_with(value)))
    };
    filters.any("type", |value| value == event.kind)
        && filters.any("event", |value| value == event.action)
        && filters.any("scope", |value| value == event.scope)
        // Images have no part in any of them.
        && filters.any("image", |value| value == event.actor.id)
        && filters.labels("label", attributes)
        && BEGINNINGS.iter().all(begins)
}
