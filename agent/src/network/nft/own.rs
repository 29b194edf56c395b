//! Which changes of nftables were this process's own.
//!
//! Every transaction gives the nftables of a namespace the next number. As long as one own transaction follows the other, each table is as it was
//! written, without a look at it. Anybody else's leaves a gap.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::generation::RulesetGeneration;
use crate::network::netns::Netns;

/// The own changes in every namespace. Clones note together.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnChanges(Arc<Mutex<HashMap<Netns, Unbroken>>>);

/// Numbers between which there was nobody else.
#[derive(Clone, Copy, Debug)]
struct Unbroken {
    first: RulesetGeneration,
    last: RulesetGeneration,
}

impl OwnChanges {
    /// Notes an own transaction: the numbers right before it and right after it. Returns whether it was the only one in between.
    pub(crate) fn note(
        &self,
        netns: &Netns,
        (before, after): (RulesetGeneration, RulesetGeneration),
    ) -> bool {
        let mut all = self.all();
        if before.next() != after {
            all.remove(netns);
            return false;
        }
        let known = all.get(netns).filter(|known| known.last == before);
        let first = known.map_or(before, |known| known.first);
        all.insert(netns.clone(), Unbroken { first, last: after });
        true
    }

    /// Whether what was in a namespace at `then` is there `now`, but for what this process has changed itself.
    pub(crate) fn are_all(
        &self,
        netns: &Netns,
        (then, now): (RulesetGeneration, RulesetGeneration),
    ) -> bool {
        let all = self.all();
        let unbroken = all.get(netns).filter(|known| known.last == now);
        then == now || unbroken.is_some_and(|known| then.is_within(known.first, known.last))
    }

    /// Drops what is remembered of a namespace that is being removed.
    pub(crate) fn forget(&self, netns: &Netns) {
        self.all().remove(netns);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Netns, Unbroken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number that follows that of a new namespace so many times.
    fn number(count: u32) -> RulesetGeneration {
        (0..count).fold(RulesetGeneration::first(), |number, _| number.next())
    }

    fn note(own: &OwnChanges, before: u32, after: u32) -> bool {
        own.note(&Netns::Host, (number(before), number(after)))
    }

    fn are_all(own: &OwnChanges, then: u32, now: u32) -> bool {
        own.are_all(&Netns::Host, (number(then), number(now)))
    }

    #[test]
    fn own_changes_follow_each_other_until_somebody_else_makes_one() {
        let own = OwnChanges::default();
        assert!(are_all(&own, 3, 3), "nothing has changed");
        assert!(note(&own, 3, 4) && note(&own, 4, 5));
        assert!(are_all(&own, 3, 5) && are_all(&own, 4, 5) && are_all(&own, 5, 5));
        assert!(!are_all(&own, 2, 5), "that was before");
        assert!(!are_all(&own, 3, 6), "the last was somebody else's");
        assert!(note(&own, 6, 7));
        assert!(are_all(&own, 6, 7) && !are_all(&own, 5, 7));
        assert!(!own.are_all(&Netns::Process(7), (number(6), number(7))), "another namespace");
    }

    #[test]
    fn a_change_that_was_not_alone_is_no_own_change() {
        let own = OwnChanges::default();
        assert!(note(&own, 1, 2));
        assert!(!note(&own, 2, 4));
        assert!(!are_all(&own, 1, 4) && !are_all(&own, 2, 4));
    }
}
