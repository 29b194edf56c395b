//! What a loop has to do next that compares much and is in no hurry: all of it, with a pause after each pass.
//!
//! Only as long as there is something for it in the cluster. Until then it is asked about whatever changes whether that is for it, which is cheap.

use std::time::Duration;

use swarmlite_proto::time::Timestamp;

use super::at_once::AtOnce;
use crate::reconcile::Plan;
use crate::reconcile::Scope;
use crate::reconcile::scope::Touched;
use crate::state::State;

/// What such a loop has to do next.
#[derive(Clone, Debug)]
pub(crate) struct Paced {
    /// How long one pass comes after another at least.
    pace: Duration,
    interest: Interest,
}

/// Whether there is something for the loop in the cluster: then it has asked for another pass.
#[derive(Clone, Debug)]
enum Interest {
    None(AtOnce),
    Some(Asked),
}

/// When a loop looks again.
#[derive(Clone, Debug)]
struct Asked {
    /// The state that the last pass has seen.
    seen: State,
    /// Before this there is no pass.
    not_before: Timestamp,
    /// When there is one if nothing changes until then.
    wake_at: Timestamp,
}

impl Paced {
    pub(super) fn new(pace: Duration) -> Self {
        Self { pace, interest: Interest::None(AtOnce::default()) }
    }

    /// What a pass over `state` has to look at `now`: nothing if it is too early. [`Paced::end`] has to follow.
    pub(super) fn begin(&mut self, state: &State, now: Timestamp) -> Scope {
        let asked = match &mut self.interest {
            Interest::None(any) => return any.begin(state, now),
            Interest::Some(asked) => asked,
        };
        let is_due = asked.seen.applied() != state.applied() || asked.wake_at <= now;
        if is_due && now >= asked.not_before {
            (asked.seen, asked.not_before) = (state.clone(), now + self.pace);
            return Scope::Everything;
        }
        if is_due {
            asked.wake_at = asked.not_before;
        }
        Scope::Only(Touched::default())
    }

    /// Takes note of what a pass over `scope` has planned, and whether it was carried out.
    pub(super) fn end(&mut self, scope: Scope, plan: &Plan, done: bool) {
        match (&mut self.interest, plan.wake_at) {
            (Interest::None(any), None) => any.end(scope, plan, done),
            (Interest::None(any), Some(wake_at)) => {
                let seen = any.seen().cloned().unwrap_or_default();
                // What was not carried out is looked at again at once.
                let wake_at = if done { wake_at } else { Timestamp::ZERO };
                self.interest =
                    Interest::Some(Asked { seen, not_before: Timestamp::ZERO, wake_at });
            }
            (Interest::Some(_), _) if scope != Scope::Everything => {}
            (Interest::Some(asked), _) if !done => asked.wake_at = asked.not_before,
            (Interest::Some(asked), Some(wake_at)) => asked.wake_at = wake_at,
            (Interest::Some(asked), None) => {
                self.interest = Interest::None(AtOnce::since(asked.seen.clone()));
            }
        }
    }

    /// When to look again even if nothing changes until then.
    pub(super) fn next(&self) -> Option<Timestamp> {
        match &self.interest {
            Interest::None(any) => any.next(),
            Interest::Some(asked) => Some(asked.wake_at),
        }
    }
}
