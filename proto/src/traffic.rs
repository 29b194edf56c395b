//! What a node answers over HTTP, measured, for those who look on.

use std::ops::AddAssign;

use serde::Deserialize;
use serde::Serialize;

use crate::id::ServiceId;
use crate::spec::HttpMatch;

/// What a node has lately answered, by the rules that took the requests. Those that took none are not there.
pub type Traffic = Vec<RuleTraffic>;

/// What has lately become of the requests that a rule has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTraffic {
    /// Whose the rule is.
    pub service_id: ServiceId,
    /// What it asks for, by which it is known among the rules of the service.
    pub asked: HttpMatch,
    /// What became of the requests.
    pub rates: Rates,
}

/// How often something has happened per second, over the last few seconds; in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Answers by the first digit of their status: `1xx`, which are connections that went over to another protocol, to `5xx`.
    pub answers: [u64; 5],
    /// Connections to tasks that could not be opened.
    pub unreachable: u64,
    /// Requests that were refused, as their clients made too many.
    pub limited: u64,
}

impl AddAssign for Rates {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in self.answers.iter_mut().zip(other.answers) {
            *sum = sum.saturating_add(more);
        }
        self.unreachable = self.unreachable.saturating_add(other.unreachable);
        self.limited = self.limited.saturating_add(other.limited);
    }
}
