//! Placement constraints: `node.labels.disk==ssd` (swarmkit `manager/constraint/constraint.go`).
//!
//! Validation parses them too, so that the same text is refused with the same words everywhere.

use std::net::IpAddr;
use std::net::SocketAddr;

use ipnet::IpNet;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::Placement;

/// One condition on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    key: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
}

/// Why a text is not a constraint, in swarmkit's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConstraint {
    /// It has no operator.
    #[error("constraint expected one operator from ==, !=")]
    NoOperator,
    /// What stands before the operator cannot be a key.
    #[error("key '{0}' is invalid")]
    Key(String),
    /// What stands behind the operator cannot be a value.
    #[error("value '{0}' is invalid")]
    Value(String),
}

impl std::str::FromStr for Constraint {
    type Err = InvalidConstraint;

    fn from_str(text: &str) -> Result<Self, InvalidConstraint> {
        let (key, operator, value) = if let Some((key, value)) = text.split_once("==") {
            (key.trim(), Operator::Equal, value.trim())
        } else if let Some((key, value)) = text.split_once("!=") {
            (key.trim(), Operator::NotEqual, value.trim())
        } else {
            return Err(InvalidConstraint::NoOperator);
        };
        if !is_key(key) {
            return Err(InvalidConstraint::Key(key.to_owned()));
        }
        if !is_value(value) {
            return Err(InvalidConstraint::Value(value.to_owned()));
        }
        Ok(Self { key: key.to_owned(), operator, value: value.to_owned() })
    }
}

impl Constraint {
    /// Whether `node` meets it. An unknown key is met by no node, whatever the operator.
    #[must_use]
    pub fn matches(&self, node: &Node) -> bool {
        let description = node.description.as_ref();
        if let Some(label) = strip_prefix(&self.key, "node.labels.") {
            return self.compare(label_of(Some(&node.spec.labels), label));
        }
        if let Some(label) = strip_prefix(&self.key, "engine.labels.") {
            return self.compare(label_of(description.map(|known| &known.engine.labels), label));
        }
        match self.key.to_ascii_lowercase().as_str() {
            "node.id" => self.compare(node.id.as_str()),
            "node.hostname" => self.compare(description.map_or("", |known| &known.hostname)),
            "node.ip" => self.compare_address(&node.status.addr),
            // The role that the node has, not the one it should get.
            "node.role" => self.compare(node.role.as_str()),
            "node.platform.os" => self.compare(description.map_or("", |known| &known.platform.os)),
            "node.platform.arch" => {
                self.compare(description.map_or("", |known| &known.platform.architecture))
            }
            _ => false,
        }
    }

    fn compare(&self, actual: &str) -> bool {
        self.holds(actual.to_lowercase() == self.value.to_lowercase())
    }

    /// The value is an address or a subnet; anything else is met by no node.
    fn compare_address(&self, actual: &str) -> bool {
        let socket = actual.parse::<SocketAddr>().map(|socket| socket.ip());
        let Ok(actual) = actual.parse::<IpAddr>().or(socket) else {
            return self.holds(false);
        };
        if let Ok(address) = self.value.parse::<IpAddr>() {
            return self.holds(address == actual);
        }
        self.value.parse::<IpNet>().is_ok_and(|subnet| self.holds(subnet.contains(&actual)))
    }

    const fn holds(&self, equal: bool) -> bool {
        match self.operator {
            Operator::Equal => equal,
            Operator::NotEqual => !equal,
        }
    }
}

/// Whether `node` meets every constraint of `placement`. A text that is not a constraint is met by no node.
#[must_use]
pub fn all_match(placement: Option<&Placement>, node: &Node) -> bool {
    let mut texts = placement.into_iter().flat_map(|placement| &placement.constraints);
    texts.all(|text| text.parse::<Constraint>().is_ok_and(|constraint| constraint.matches(node)))
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

/// swarmkit: `^(?i)[a-z_][a-z0-9\-_.]+$`.
fn is_key(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && text.len() > 1 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// swarmkit: `^(?i)[a-z0-9:\-_\s\.\*\(\)\?\+\[\]\\\^\$\|\/]+$`.
fn is_value(text: &str) -> bool {
    let allowed = |c: char| {
        c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || r":-_.*()?+[]\^$|/".contains(c)
    };
    !text.is_empty() && text.chars().all(allowed)
}
