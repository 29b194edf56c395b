//! Whether a node meets placement constraints such as `node.labels.disk==ssd` (swarmkit `manager/constraint/constraint.go`).

use std::net::IpAddr;
use std::net::SocketAddr;

use ipnet::IpNet;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::validate::constraint::Constraint;

/// Whether `node` meets `constraint`. An unknown key is met by no node, whatever the operator.
#[must_use]
pub(crate) fn matches(constraint: &Constraint, node: &Node) -> bool {
    let description = node.description.as_ref();
    let compare = |actual: &str| {
        constraint.equal == (actual.to_lowercase() == constraint.value.to_lowercase())
    };
    if let Some(label) = strip_prefix(&constraint.key, "node.labels.") {
        return compare(label_of(Some(&node.spec.labels), label));
    }
    if let Some(label) = strip_prefix(&constraint.key, "engine.labels.") {
        return compare(label_of(description.map(|known| &known.engine.labels), label));
    }
    match constraint.key.to_ascii_lowercase().as_str() {
        "node.id" => compare(node.id.as_str()),
        "node.hostname" => compare(description.map_or("", |known| &known.hostname)),
        "node.ip" => compare_address(constraint, &node.status.addr),
        // The role that the node has, not the one it should get.
        "node.role" => compare(node.role.as_str()),
        "node.platform.os" => compare(description.map_or("", |known| &known.platform.os)),
        "node.platform.arch" => {
            compare(description.map_or("", |known| &known.platform.architecture))
        }
        _ => false,
    }
}

/// Whether `node` meets every constraint of `placement`. A text that is not a constraint is met by no node.
#[must_use]
pub(crate) fn all_match(placement: Option<&Placement>, node: &Node) -> bool {
    let mut texts = placement.into_iter().flat_map(|placement| &placement.constraints);
    texts.all(|text| Constraint::parse(text).is_ok_and(|constraint| matches(&constraint, node)))
}

/// The value is an address or a subnet; anything else is met by no node.
fn compare_address(constraint: &Constraint, actual: &str) -> bool {
    let socket = actual.parse::<SocketAddr>().map(|socket| socket.ip());
    let actual = actual.parse::<IpAddr>().or(socket).ok();
    if let Ok(address) = constraint.value.parse::<IpAddr>() {
        return constraint.equal == (actual == Some(address));
    }
    constraint.value.parse::<IpNet>().is_ok_and(|subnet| {
        constraint.equal == actual.is_some_and(|actual| subnet.contains(&actual))
    })
}

/// A label that is not there is compared as an empty value.
fn label_of<'a>(labels: Option<&'a Labels>, label: &str) -> &'a str {
    labels.and_then(|labels| labels.get(label)).map_or("", String::as_str)
}

/// What follows `prefix`, whose case does not count. Labels keep theirs.
fn strip_prefix<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = key.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests;
