//! A node, for people.

use std::collections::BTreeMap;

use swarmlite_proto::api::ManagerStatus;
use swarmlite_proto::api::Node;
use swarmlite_proto::api::NodeDescription;
use swarmlite_proto::api::PluginDescription;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::Labels;

use crate::output::pretty::Page;
use crate::output::pretty::bytes;
use crate::output::template::pretty;

/// What `node inspect --pretty` prints.
pub(super) fn node(node: &Node) -> String {
    let description = &node.description;
    let mut page = Page::default();
    page.entry("ID:\t\t\t", &node.id);
    page.entry_unless_empty("Name:\t\t\t", &node.spec.name);
    page.section("Labels:", labels(&node.spec.labels));
    page.entry("Hostname:              \t", &description.hostname);
    page.entry("Joined at:             \t", joined_at(node));
    page.line("Status:");
    page.entry(" State:\t\t\t", pretty(node.status.state.as_str()));
    page.entry_unless_empty(" Message:              \t", &pretty(&node.status.message));
    page.entry(" Availability:         \t", pretty(node.spec.availability.as_str()));
    page.entry_unless_empty(" Address:\t\t", &node.status.addr);
    if let Some(status) = &node.manager_status {
        manager(status, &mut page);
    }
    page.line("Platform:");
    page.entry(" Operating System:\t", &description.platform.os);
    page.entry(" Architecture:\t\t", &description.platform.architecture);
    page.line("Resources:");
    page.entry(" CPUs:\t\t\t", description.resources.nano_cpus / 1_000_000_000);
    page.entry(" Memory:\t\t", bytes(description.resources.memory_bytes));
    page.section(" Generic Resources:", generic(&description.resources.generic_resources));
    page.section("Plugins:", plugins(&description.engine.plugins));
    page.entry("Engine Version:\t\t", &description.engine.engine_version);
    page.section("Engine Labels:", labels(&description.engine.labels));
    page.entry_unless_empty("Data Plane:\t\t", &dataplane(description));
    if !description.tls_info.trust_root.is_empty() {
        page.line("TLS Info:");
        page.line(" TrustRoot:");
        page.line(&description.tls_info.trust_root);
        page.entry(" Issuer Subject:\t", &description.tls_info.cert_issuer_subject);
        page.entry(" Issuer Public Key:\t", &description.tls_info.cert_issuer_public_key);
    }
    page.finish()
}

/// A time as Go prints it, in the small letters of everything here.
fn joined_at(node: &Node) -> String {
    node.created_at.to_string().replace('T', " ").replace('Z', " +0000 utc")
}

/// What the node has that is countable, as its operator declares it.
fn generic(resources: &[GenericResource]) -> impl Iterator<Item = String> {
    resources.iter().filter_map(|resource| {
        let named = resource.named_resource_spec.as_ref();
        let counted = resource.discrete_resource_spec.as_ref();
        let named = named.map(|it| format!("  {}={}", it.kind, it.value));
        named.or_else(|| counted.map(|it| format!("  {}={}", it.kind, it.value)))
    })
}

/// What balances connections, and why.
fn dataplane(description: &NodeDescription) -> String {
    match (description.dataplane.as_str(), description.dataplane_reason.as_str()) {
        (dataplane, "") => dataplane.to_owned(),
        (dataplane, reason) => format!("{dataplane} ({reason})"),
    }
}

fn manager(status: &ManagerStatus, page: &mut Page) {
    let reachability = match status.reachability {
        Reachability::Unknown => "Unknown",
        Reachability::Unreachable => "Unreachable",
        Reachability::Reachable => "Reachable",
    };
    page.line("Manager Status:");
    page.entry(" Address:\t\t", &status.addr);
    page.entry(" Raft Status:\t\t", reachability);
    page.entry(" Leader:\t\t", if status.leader { "Yes" } else { "No" });
}

fn labels(labels: &Labels) -> impl Iterator<Item = String> {
    labels.iter().map(|(key, value)| {
        let equals = if value.is_empty() { "" } else { "=" };
        format!(" - {key}{equals}{value}")
    })
}

/// One line for each kind of plugin.
fn plugins(plugins: &[PluginDescription]) -> impl Iterator<Item = String> {
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for plugin in plugins {
        by_kind.entry(&plugin.kind).or_default().push(&plugin.name);
    }
    by_kind.into_iter().map(|(kind, names)| format!(" {kind}:\t\t{}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::nodes;

    #[test]
    fn the_data_plane_comes_with_its_reason() {
        let mut described = nodes()[0].clone();
        described.description.dataplane = "ipvs".to_owned();
        described.description.dataplane_reason = "this kernel has IPVS".to_owned();
        let page = node(&described);
        assert!(page.contains("Data Plane:\t\tipvs (this kernel has IPVS)\n"), "{page}");
    }

    #[test]
    fn the_page_is_dockers() {
        insta::assert_snapshot!(node(&nodes()[0]), @r"
        ID:			node000000000000000000001
        Hostname:              	node1
        Joined at:             	1970-01-01 00:00:00 +0000 utc
        Status:
         State:			Ready
         Availability:         	Active
         Address:		10.0.0.1
        Manager Status:
         Address:		10.0.0.1:2377
         Raft Status:		Reachable
         Leader:		Yes
        Platform:
         Operating System:	
         Architecture:		
        Resources:
         CPUs:			0
         Memory:		0B
        Engine Version:		20.10.24
        ");
    }
}
