//! Which versions of swarmlite talk to each other.
//!
//! A protocol is all that nodes say to each other: calls, their bodies, and the messages of sessions ([`crate::rpc`], [`crate::agent`],
//! [`crate::logs`]). Its number goes up with every change that a node of the number before would not understand. Each node says in
//! every call, and in every answer, which numbers it speaks ([`HEADER`]); a node that says nothing is older than the numbers and speaks 0.
//!
//! - Two nodes talk if there is a number that both speak. If there is none, the call is refused by a sentence that names both and says
//!   which of the two is to be upgraded. The manager logs it, and `node inspect` shows it as the message of the node that called.
//! - A build speaks at least the number before its newest, so that a cluster is upgraded one node after the other, without a stop.
//! - Within a number, fields may be added to messages if nodes that do not know them can do without: they are ignored. A new variant of an
//!   enum is a new number, and is said only to a node that speaks it.
//!
//! What is stored has a number of its own: [`crate::format`].

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::next;

/// The header of every call and every answer: [`Range`] as `oldest-newest`.
pub const HEADER: &str = "swarmlite-protocol";

/// The first protocol with [`AgentMessage::Lost`](crate::agent::AgentMessage::Lost) and
/// [`ManagerMessage::HeartbeatNow`](crate::agent::ManagerMessage::HeartbeatNow).
pub const LOST_NODES: u16 = 2;

/// The first protocol with [`AgentMessage::Load`](crate::agent::AgentMessage::Load) and [`rpc::NODE_LOADS`](crate::rpc::NODE_LOADS).
pub const LOADS: u16 = 3;

/// The first protocol with [`Assignment::Http`](crate::agent::Assignment::Http).
pub const HTTP: u16 = 4;

/// The first protocol with [`AssignmentSet::differences`](crate::agent::AssignmentSet::differences).
pub const ENDPOINT_DIFFERENCES: u16 = 5;

/// The first protocol with [`Assignment::Acme`](crate::agent::Assignment::Acme).
pub const ACME: u16 = 5;

/// The first protocol with options in [`HttpAssignment`](crate::agent::HttpAssignment).
pub const HTTP_OPTIONS: u16 = 6;

/// The first protocol with [`AgentMessage::Traffic`](crate::agent::AgentMessage::Traffic) and [`rpc::NODE_TRAFFIC`](crate::rpc::NODE_TRAFFIC).
pub const TRAFFIC: u16 = 7;

/// The newest protocol of this version.
const NEWEST: u16 = TRAFFIC;

/// The oldest that this build still speaks.
const OLDEST: u16 = 0;

/// The protocols that a node speaks. The default is that of nodes from before there were numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    oldest: u16,
    newest: u16,
}

/// Two nodes have no protocol in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The caller is too old.
    #[error("the node speaks protocol {caller}, this manager {callee}: upgrade the node")]
    OldCaller {
        /// What the caller speaks.
        caller: Range,
        /// What the callee speaks.
        callee: Range,
    },
    /// The callee is too old.
    #[error("the node speaks protocol {caller}, this manager {callee}: upgrade this manager first")]
    OldCallee {
        /// What the caller speaks.
        caller: Range,
        /// What the callee speaks.
        callee: Range,
    },
}

impl From<Mismatch> for Error {
    fn from(mismatch: Mismatch) -> Self {
        Self::invalid(mismatch.to_string())
    }
}

impl Range {
    /// What this program speaks.
    #[must_use]
    pub fn own() -> Self {
        Self { oldest: OLDEST, newest: NEWEST + u16::from(next::is_played()) }
    }

    /// The newest protocol that `caller` and `callee` both speak.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn common(caller: Self, callee: Self) -> Result<u16, Mismatch> {
        if caller.newest < callee.oldest {
            return Err(Mismatch::OldCaller { caller, callee });
        }
        if callee.newest < caller.oldest {
            return Err(Mismatch::OldCallee { caller, callee });
        }
        Ok(caller.newest.min(callee.newest))
    }

    /// Whether `protocol` is among them.
    #[must_use]
    pub const fn speaks(self, protocol: u16) -> bool {
        self.oldest <= protocol && protocol <= self.newest
    }

    /// What a node speaks whose [`HEADER`] this is. One that cannot be read is taken for none.
    #[must_use]
    pub fn of_header(value: Option<&str>) -> Self {
        value.and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.oldest, self.newest)
    }
}

/// The text is not a range of protocols.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a range of protocols")]
pub struct InvalidRange;

impl From<ParseIntError> for InvalidRange {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl FromStr for Range {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (oldest, newest) = text.split_once('-').ok_or(InvalidRange)?;
        let range = Self { oldest: oldest.parse()?, newest: newest.parse()? };
        if range.oldest > range.newest { Err(InvalidRange) } else { Ok(range) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range {
        text.parse().expect("a range")
    }

    #[test]
    fn those_talk_who_have_a_number_in_common() {
        for (caller, callee, common) in [("0-1", "0-1", 1), ("0-0", "0-2", 0), ("2-3", "0-2", 2)] {
            assert_eq!(Range::common(range(caller), range(callee)), Ok(common));
        }
    }

    #[test]
    fn who_is_too_old_is_told_so() {
        let refused = Range::common(range("0-1"), range("3-4")).expect_err("nothing in common");
        assert_eq!(
            refused.to_string(),
            "the node speaks protocol 0-1, this manager 3-4: upgrade the node"
        );
        let refused = Range::common(range("3-4"), range("0-1")).expect_err("nothing in common");
        assert_eq!(
            refused.to_string(),
            "the node speaks protocol 3-4, this manager 0-1: upgrade this manager first"
        );
    }

    #[test]
    fn a_header_is_read_as_it_is_written() {
        assert_eq!(Range::of_header(Some(&Range::own().to_string())), Range::own());
        for text in [None, Some("1"), Some("2-1"), Some("x-y"), Some("")] {
            assert_eq!(Range::of_header(text), Range::default());
        }
    }

    #[test]
    fn this_build_talks_to_the_one_before() {
        const { assert!(OLDEST < NEWEST) };
    }
}
