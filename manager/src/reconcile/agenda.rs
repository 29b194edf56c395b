//! What a loop has to do next: kept beside the loop, which keeps nothing itself.
//!
//! - `at_once`: of a loop that follows every change; it looks at what has changed.
//! - `paced`: of one that looks at everything, and not too often.

mod at_once;
mod paced;

use std::time::Duration;

use swarmlite_proto::time::Timestamp;

use self::at_once::AtOnce;
use self::paced::Paced;
use super::Plan;
use super::Scope;
use crate::state::State;

/// What a loop has to do next. A new one begins with everything.
#[derive(Clone, Debug)]
pub(crate) enum Agenda {
    /// It follows every change.
    AtOnce(AtOnce),
    /// It has a pace of its own.
    Paced(Paced),
}

impl Agenda {
    /// That of a loop with this pace; without one it follows every change.
    pub(crate) fn new(pace: Option<Duration>) -> Self {
        match pace {
            None => Self::AtOnce(AtOnce::default()),
            Some(pace) => Self::Paced(Paced::new(pace)),
        }
    }

    /// What a pass over `state` has to look at `now`. [`Agenda::end`] has to follow.
    pub(crate) fn begin(&mut self, state: &State, now: Timestamp) -> Scope {
        match self {
            Self::AtOnce(agenda) => agenda.begin(state, now),
            Self::Paced(agenda) => agenda.begin(state, now),
        }
    }

    /// Takes note of what a pass over `scope` has planned, and whether it was carried out.
    pub(crate) fn end(&mut self, scope: Scope, plan: &Plan, done: bool) {
        match self {
            Self::AtOnce(agenda) => agenda.end(scope, plan, done),
            Self::Paced(agenda) => agenda.end(scope, plan, done),
        }
    }

    /// When to look again even if nothing changes until then.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        match self {
            Self::AtOnce(agenda) => agenda.next(),
            Self::Paced(agenda) => agenda.next(),
        }
    }
}
