//! What a loop has to do next: kept beside the loop, which keeps nothing itself.
//!
//! It knows which state the last pass has seen, so that the next one need only look at what is different; when a pass wanted to look
//! at something again; and what a pass has decided that was not carried out, which has to be decided once more.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use swarmlite_proto::time::Timestamp;

use super::Plan;
use super::Scope;
use super::scope::Item;
use super::scope::Touched;
use crate::state::State;

/// What a loop has to do next. A new one begins with everything.
#[derive(Clone, Debug)]
pub(crate) struct Agenda {
    seen: Option<State>,
    /// What passes have looked at whose plans were not carried out.
    owed: Scope,
    /// When to look at some things again, and the same in the order of time.
    wakes: BTreeMap<Item, Timestamp>,
    due: BTreeSet<(Timestamp, Item)>,
    /// When to look again at whatever there is.
    wake_at: Option<Timestamp>,
    /// How long one pass comes after another at least; each is then over everything.
    pace: Option<Duration>,
    /// With a pace: before this there is no pass.
    not_before: Timestamp,
}

impl Agenda {
    /// That of a loop with this pace.
    pub(crate) fn new(pace: Option<Duration>) -> Self {
        Self {
            pace,
            not_before: Timestamp::ZERO,
            seen: None,
            owed: Scope::Only(Touched::default()),
            wakes: BTreeMap::new(),
            due: BTreeSet::new(),
            wake_at: None,
        }
    }

    /// What a pass over `state` has to look at `now`. [`Agenda::end`] has to follow.
    pub(crate) fn begin(&mut self, state: &State, now: Timestamp) -> Scope {
        match self.pace {
            Some(pace) => self.begin_paced(pace, state, now),
            None => self.begin_at_once(state, now),
        }
    }

    /// Everything or nothing, but for a loop that has not asked for another pass.
    fn begin_paced(&mut self, pace: Duration, state: &State, now: Timestamp) -> Scope {
        if self.wake_at.is_none() {
            // Nothing there is of interest to the loop: what has changed may be.
            return self.begin_at_once(state, now);
        }
        let is_same = |seen: &State| seen.applied() == state.applied();
        let has_changed = !self.seen.as_ref().is_some_and(is_same);
        let is_due = has_changed || self.wake_at.is_some_and(|at| at <= now);
        if is_due && now >= self.not_before {
            (self.seen, self.not_before) = (Some(state.clone()), now + pace);
            return Scope::Everything;
        }
        if is_due {
            self.wake_at = Some(self.not_before);
        }
        Scope::Only(Touched::default())
    }

    fn begin_at_once(&mut self, state: &State, now: Timestamp) -> Scope {
        let mut scope = match &self.seen {
            Some(seen) => Scope::of(&state.changes_since(seen), state),
            None => Scope::Everything,
        };
        self.seen = Some(state.clone());
        scope.extend(std::mem::replace(&mut self.owed, Scope::Only(Touched::default())));
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        due.for_each(|(_, item)| scope.add(item.clone()));
        scope
    }

    /// Takes note of what a pass over `scope` has planned, and whether it was carried out.
    pub(crate) fn end(&mut self, scope: Scope, plan: &Plan, done: bool) {
        if self.pace.is_some() {
            if scope == Scope::Everything || plan.wake_at.is_some() {
                self.wake_at = if done { plan.wake_at } else { Some(self.not_before) };
            }
            return;
        }
        self.forget(&scope);
        for (item, at) in &plan.wakes {
            self.wakes.insert(item.clone(), *at);
            self.due.insert((*at, item.clone()));
        }
        self.wake_at = plan.wake_at;
        if !done {
            self.owed = scope;
        }
    }

    /// Forgets when what has been looked at was to be looked at.
    fn forget(&mut self, scope: &Scope) {
        match scope {
            Scope::Everything => {
                self.wakes.clear();
                self.due.clear();
            }
            Scope::Only(touched) => {
                for item in touched.items() {
                    if let Some(at) = self.wakes.remove(&item) {
                        self.due.remove(&(at, item));
                    }
                }
            }
        }
    }

    /// When to look again even if nothing changes until then.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let first = self.due.first().map(|(at, _)| *at);
        first.into_iter().chain(self.wake_at).min()
    }
}
