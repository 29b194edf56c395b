//! What a loop of the leader is.
//!
//! A loop is a pure function of what there is and of the time: [`Reconcile`]. It reads no clock, does no I/O, logs nothing and keeps
//! nothing between two passes. What it wants done is in the [`Plan`] it returns. No loop calls another: they meet in the state, and
//! start-up, failover and steady state are the same path. [`crate::loops`] lists and drives them.
//!
//! A pass need not look at what is as it was when the last one found nothing to do there: the [`Scope`] in the view says what is left, which
//! an [`Agenda`] keeps for each loop. A pass over everything plans the same.

mod agenda;
mod plan;
mod scope;
mod view;

use rand::rngs::StdRng;
use swarmlite_proto::time::Timestamp;

pub(crate) use self::agenda::Agenda;
#[cfg(test)]
pub(crate) use self::plan::MAX_OPS;
pub(crate) use self::plan::Plan;
pub(crate) use self::scope::Item;
pub(crate) use self::scope::Scope;
pub(crate) use self::view::Programmed;
pub(crate) use self::view::View;

/// One pass of a loop. The generator is for the ids of what it makes: the same seed gives the same plan.
pub(crate) type Reconcile = fn(&View, Timestamp, &mut StdRng) -> Plan;
