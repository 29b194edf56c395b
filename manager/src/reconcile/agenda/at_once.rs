//! What a loop has to do next that follows every change.
//!
//! It knows which state the last pass has seen, so that the next one need only look at what is different; when a pass wanted to look
//! at something again; and what a pass has decided that was not carried out, which has to be decided once more.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::time::Timestamp;

use crate::reconcile::Plan;
use crate::reconcile::Scope;
use crate::reconcile::scope::Item;
use crate::reconcile::scope::Touched;
use crate::state::State;

/// What such a loop has to do next. A new one begins with everything.
#[derive(Clone, Debug)]
pub(crate) struct AtOnce {
    seen: Option<State>,
    /// What passes have looked at whose plans were not carried out.
    owed: Scope,
    /// When to look at some things again, and the same in the order of time.
    wakes: BTreeMap<Item, Timestamp>,
    due: BTreeSet<(Timestamp, Item)>,
    /// When to look again at whatever there is.
    wake_at: Option<Timestamp>,
}

impl Default for AtOnce {
    fn default() -> Self {
        Self {
            seen: None,
            owed: Scope::Only(Touched::default()),
            wakes: BTreeMap::new(),
            due: BTreeSet::new(),
            wake_at: None,
        }
    }
}

impl AtOnce {
    /// That of a loop for which there was nothing to do when the state was `seen`.
    pub(super) fn since(seen: State) -> Self {
        Self { seen: Some(seen), ..Self::default() }
    }

    /// What a pass over `state` has to look at `now`. [`AtOnce::end`] has to follow.
    pub(super) fn begin(&mut self, state: &State, now: Timestamp) -> Scope {
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
    pub(super) fn end(&mut self, scope: Scope, plan: &Plan, done: bool) {
        self.forget(&scope);
        for (item, at) in &plan.wakes {
            // A pass may look at more than its scope, and so at what waits for a moment already.
            if let Some(before) = self.wakes.insert(item.clone(), *at) {
                self.due.remove(&(before, item.clone()));
            }
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

    /// The state that the last pass has seen.
    pub(super) const fn seen(&self) -> Option<&State> {
        self.seen.as_ref()
    }

    /// When to look again even if nothing changes until then.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = self.due.first().map(|(at, _)| *at);
        first.into_iter().chain(self.wake_at).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::state::fixture::service;

    #[test]
    fn a_wake_takes_the_place_of_the_one_before_also_for_what_is_not_in_scope() {
        let at = |seconds| Timestamp::EPOCH + Duration::from_secs(seconds);
        let item = Item::Service(service(1, "web").id);
        let mut agenda = AtOnce::since(State::default());
        for wake in [5, 9] {
            let scope = agenda.begin(&State::default(), at(1));
            let plan = Plan { wakes: vec![(item.clone(), at(wake))], ..Plan::default() };
            agenda.end(scope, &plan, true);
        }
        assert_eq!(agenda.next(), Some(at(9)));
        let scope = agenda.begin(&State::default(), at(9));
        agenda.end(scope, &Plan::default(), true);
        assert_eq!(agenda.next(), None, "nothing is left that would be due for ever");
    }
}
