//! Rules about where tasks of other services run, such as `service==db` or `soft:service.labels.tier==front over node.labels.zone`.

use super::constraint::is_key;
use super::constraint::is_value_char;
use crate::error::Error;
use crate::error::Result;

/// What stands before a rule that need not hold.
const SOFT: &str = "soft:";

/// What stands before the key of a label of services.
const SERVICE_LABELS: &str = "service.labels.";

/// What stands before the key of a label of nodes.
const NODE_LABELS: &str = "node.labels.";

/// One rule, taken apart. Whether it is for being together or for being apart is not said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affinity {
    /// Whether nodes that do not meet it may take the task all the same, if no better one is left.
    pub is_soft: bool,
    /// Whose tasks it is about.
    pub target: Target,
    /// How near is together.
    pub over: Topology,
}

/// Whose tasks a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Those of the service with this name or id.
    Service(String),
    /// Those of all services with this label.
    Label {
        /// The key of the label.
        key: String,
        /// Its value.
        value: String,
    },
}

/// What makes two nodes one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topology {
    /// Each node is a place of its own.
    Node,
    /// The host name.
    Hostname,
    /// The value of this label. Nodes without it are nowhere.
    Label(String),
}

impl Affinity {
    /// Takes `text` apart.
    ///
    /// # Errors
    ///
    /// When it does not have the form that the message says.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of(text).ok_or_else(|| {
            Error::invalid(format!(
                "invalid affinity {text:?}: it is [soft:]service==NAME or [soft:]service.labels.KEY==VALUE, and may end with over node.labels.KEY, over node.hostname or over node.id"
            ))
        })
    }

    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let (is_soft, text) = match text.strip_prefix(SOFT) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (who, over) = match text.rsplit_once(" over ") {
            Some((who, over)) => (who, topology(over.trim())?),
            None => (text, Topology::Node),
        };
        let (key, value) = who.split_once("==")?;
        Some(Self { is_soft, target: target(key.trim(), value.trim())?, over })
    }
}

fn target(key: &str, value: &str) -> Option<Target> {
    if key == "service" {
        let is_named = !value.is_empty() && value.bytes().all(is_name_byte);
        return is_named.then(|| Target::Service(value.to_owned()));
    }
    let key = key.strip_prefix(SERVICE_LABELS).filter(|key| is_key(key))?;
    let is_value = !value.is_empty() && value.chars().all(is_value_char);
    is_value.then(|| Target::Label { key: key.to_owned(), value: value.to_owned() })
}

fn topology(text: &str) -> Option<Topology> {
    match text {
        "node.id" => Some(Topology::Node),
        "node.hostname" => Some(Topology::Hostname),
        label => {
            let key = label.strip_prefix(NODE_LABELS).filter(|key| is_key(key))?;
            Some(Topology::Label(key.to_owned()))
        }
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_taken_apart() {
        let service = |name: &str| Target::Service(name.to_owned());
        let tier = |value: &str| Target::Label { key: "tier".to_owned(), value: value.to_owned() };
        let zone = || Topology::Label("zone".to_owned());
        for (text, is_soft, target, over) in [
            ("service==db", false, service("db"), Topology::Node),
            (" soft:service == db ", true, service("db"), Topology::Node),
            ("service==shop_db over node.labels.zone", false, service("shop_db"), zone()),
            ("service==db over node.id", false, service("db"), Topology::Node),
            ("service.labels.tier==front", false, tier("front"), Topology::Node),
            (
                "soft:service.labels.tier==a b  over  node.hostname",
                true,
                tier("a b"),
                Topology::Hostname,
            ),
        ] {
            assert_eq!(Affinity::parse(text), Ok(Affinity { is_soft, target, over }), "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_form_it_should_have() {
        for text in [
            "",
            "db",
            "service=db",
            "service!=db",
            "service==",
            "service==a b",
            "hard:service==db",
            "node.id==x",
            "service.labels.==x",
            "service.labels.tier==",
            "service.labels.tier==a,b",
            "service==db over",
            "service==db over zone",
            "service==db over node.labels.",
            "service==db over engine.labels.zone",
        ] {
            let refused = Affinity::parse(text).expect_err(text);
            let form = "it is [soft:]service==NAME or [soft:]service.labels.KEY==VALUE, and may end with over node.labels.KEY, over node.hostname or over node.id";
            assert_eq!(refused, Error::invalid(format!("invalid affinity {text:?}: {form}")));
        }
    }
}
