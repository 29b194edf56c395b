//! Single changes that take one obstacle away.

use std::fmt;

use super::amount::Round;
use super::amount::amount;

/// A change that takes one obstacle away. What it says of a node is that node's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Let the node have tasks again.
    Activate {
        /// The node.
        node: String,
    },
    /// Make so much of a resource free on the node.
    Free {
        /// The node.
        node: String,
        /// `CPU`, `memory`, or the kind of a generic resource.
        of: String,
        /// How much, in billionths of a core, in bytes, or counted.
        amount: i64,
    },
    /// Stop the task that has the port.
    StopTask {
        /// The node.
        node: String,
        /// The task, as `web.1`.
        task: String,
        /// The port.
        port: u16,
    },
    /// Let one node have so many tasks of the service.
    AllowPerNode(u64),
    /// Ask for no more of a resource than the node has left.
    Reserve {
        /// `CPU`, `memory`, or the kind of a generic resource.
        of: String,
        /// How much, in billionths of a core, in bytes, or counted.
        at_most: i64,
    },
    /// Publish another port than this one.
    PublishAnother(u16),
    /// Leave it to the engine of each node which port it publishes instead of this one.
    LetEngineChoose(u16),
    /// Take this constraint off the service.
    DropConstraint(String),
    /// Take the filter off the service.
    DropFilter,
    /// Take this affinity off the service.
    DropAffinity(String),
    /// Take an anti-affinity off the service, or off another one that keeps away from it.
    DropAntiAffinity {
        /// The rule.
        text: String,
        /// The name of the other service.
        of: Option<String>,
    },
    /// Let tasks be placed without the volumes that those before them had.
    LeaveVolumes,
    /// Give the node the label that the constraint asks for.
    Label {
        /// The node.
        node: String,
        /// The label.
        key: String,
        /// Its value.
        value: String,
    },
    /// Install a driver on the node.
    Install {
        /// The node.
        node: String,
        /// The driver.
        plugin: String,
    },
    /// Use an image that is made for the node.
    UseImageFor {
        /// The operating system and the architecture of the node.
        platform: String,
    },
    /// Bring the node back.
    Revive {
        /// The node.
        node: String,
    },
}

impl Change {
    /// How much is asked of the user: first what leaves the service as it is, then what changes where it runs and what it gets, then
    /// what takes work elsewhere.
    pub(super) const fn weight(&self) -> u8 {
        match self {
            Self::Activate { .. } => 0,
            Self::Free { .. } => 1,
            Self::AllowPerNode(_) => 2,
            Self::DropConstraint(_)
            | Self::DropFilter
            | Self::DropAffinity(_)
            | Self::DropAntiAffinity { of: None, .. } => 3,
            Self::Reserve { .. } => 4,
            Self::PublishAnother(_) | Self::LetEngineChoose(_) => 5,
            Self::StopTask { .. } | Self::DropAntiAffinity { of: Some(_), .. } => 6,
            Self::Label { .. } => 7,
            Self::Install { .. } => 8,
            Self::UseImageFor { .. } => 9,
            Self::Revive { .. } => 10,
            Self::LeaveVolumes => 11,
        }
    }

    /// How large it is among changes of its kind.
    pub(super) const fn size(&self) -> i64 {
        match self {
            Self::Free { amount, .. } => *amount,
            Self::Reserve { at_most, .. } => -*at_most,
            _ => 0,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activate { node } => write!(f, "activate {node}"),
            Self::Free { node, of, amount: freed } => {
                write!(f, "free {} on {node}", amount(of, *freed, Round::Up))
            }
            Self::StopTask { node, task, port } => {
                write!(f, "stop {task} on {node}, which has port {port}")
            }
            Self::AllowPerNode(1) => f.write_str("allow 1 task per node"),
            Self::AllowPerNode(tasks) => write!(f, "allow {tasks} tasks per node"),
            Self::Reserve { of, at_most } => {
                write!(f, "reserve at most {}", amount(of, *at_most, Round::Down))
            }
            Self::PublishAnother(port) => write!(f, "publish another port than {port}"),
            Self::LetEngineChoose(port) => {
                write!(f, "let the engines choose a port instead of {port}")
            }
            Self::DropConstraint(text) => write!(f, "drop constraint {text}"),
            Self::DropFilter => f.write_str("drop the placement filter"),
            Self::DropAffinity(text) => write!(f, "drop affinity {text}"),
            Self::DropAntiAffinity { text, of: None } => write!(f, "drop anti-affinity {text}"),
            Self::DropAntiAffinity { text, of: Some(service) } => {
                write!(f, "drop anti-affinity {text} of {service}")
            }
            Self::Label { node, key, value } => write!(f, "label {node} with {key}={value}"),
            Self::LeaveVolumes => f.write_str("let tasks leave their volumes behind"),
            Self::Install { node, plugin } => write!(f, "install plugin {plugin} on {node}"),
            Self::UseImageFor { platform } => write!(f, "use an image for {platform}"),
            Self::Revive { node } => write!(f, "bring {node} back"),
        }
    }
}
