//! A node, for people.

use std::collections::BTreeMap;

use swarmlite_proto::api::Node;
use swarmlite_proto::api::Reachability;

use crate::output::pretty::Page;
use crate::output::pretty::bytes;
use crate::output::template::pretty;

/// What `node inspect --pretty` prints.
pub(super) fn node(node: &Node) -> String {
    let mut page = Page::default();
    page.entry("ID", node.id.as_str());
    page.entry_unless_empty("Name", &node.spec.name);
    page.labels("Labels", &node.spec.labels);
    page.entry("Hostname", &node.description.hostname);
    page.entry("Joined at", &node.created_at.to_string());
    page.section("Status");
    page.entry("State", &pretty(node.status.state.as_str()));
    page.entry_unless_empty("Message", &pretty(&node.status.message));
    page.entry("Availability", &pretty(node.spec.availability.as_str()));
    page.entry_unless_empty("Address", &node.status.addr);
    if let Some(manager) = &node.manager_status {
        page.section("Manager Status");
        page.entry("Address", &manager.addr);
        page.entry(
            "Raft Status",
            match manager.reachability {
                Reachability::Unknown => "Unknown",
                Reachability::Unreachable => "Unreachable",
                Reachability::Reachable => "Reachable",
            },
        );
        page.entry("Leader", if manager.leader { "Yes" } else { "No" });
    }
    page.section("Platform");
    page.entry("Operating System", &node.description.platform.os);
    page.entry("Architecture", &node.description.platform.architecture);
    page.section("Resources");
    page.entry("CPUs", &(node.description.resources.nano_cpus / 1_000_000_000).to_string());
    page.entry("Memory", &bytes(node.description.resources.memory_bytes));
    plugins(node, &mut page);
    page.top();
    page.entry("Engine Version", &node.description.engine.engine_version);
    page.labels("Engine Labels", &node.description.engine.labels);
    page.entry_unless_empty("Data plane", &node.description.dataplane);
    page.finish()
}

fn plugins(node: &Node, page: &mut Page) {
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for plugin in &node.description.engine.plugins {
        by_kind.entry(&plugin.kind).or_default().push(&plugin.name);
    }
    if !by_kind.is_empty() {
        page.section("Plugins");
        for (kind, names) in by_kind {
            page.entry(kind, &names.join(", "));
        }
    }
}
