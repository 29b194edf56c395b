//! How long to wait for an answer of another manager: as its answers have taken lately, with room for what varies (RFC 6298).
//!
//! A constant is wrong on every machine but one. Where flushes take longer than it, or the processor is taken by others, every answer comes
//! too late and none ever counts, although the other manager is there and does what it is asked. Pure: time is measured by whoever calls.

use std::time::Duration;

/// What is waited for at least: now and then a flush takes that long on any disk.
pub(crate) const FLOOR: Duration = Duration::from_millis(250);

/// What is waited for at most, and as long as nothing is known. Shorter than the shortest election time-out, so that an answer that is waited
/// for can still keep an election away.
pub(crate) const CEILING: Duration = Duration::from_millis(750);

/// What is known of how long one manager takes to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    estimate: Option<Estimate>,
    /// Whether the last answer has not come in time.
    missed: bool,
}

/// RFC 6298 calls them SRTT and RTTVAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Estimate {
    mean: Duration,
    deviation: Duration,
}

impl Latency {
    /// An answer has come, and took so long.
    pub(crate) fn answered(&mut self, took: Duration) {
        let next = self.estimate.map_or(
            Estimate { mean: took, deviation: took / 2 },
            |Estimate { mean, deviation }| Estimate {
                mean: (mean * 7 + took) / 8,
                deviation: (deviation * 3 + mean.abs_diff(took)) / 4,
            },
        );
        *self = Self { estimate: Some(next), missed: false };
    }

    /// An answer has not come in time. How long it would have taken is not known, only that it is longer.
    pub(crate) const fn missed(&mut self) {
        self.missed = true;
    }

    /// How long to wait for the next answer. After one that was missed as long as may be, until one comes: the RFC doubles, and there is
    /// no time for several steps before an election.
    pub(crate) fn patience(&self) -> Duration {
        match self.estimate {
            Some(Estimate { mean, deviation }) if !self.missed => {
                (mean + deviation * 4).clamp(FLOOR, CEILING)
            }
            _ => CEILING,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn after(answers: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        answers.into_iter().for_each(|took| latency.answered(millis(took)));
        latency
    }

    #[test]
    fn as_long_as_nothing_is_known_as_much_is_waited_as_ever() {
        assert_eq!(Latency::default().patience(), CEILING);
    }

    #[test]
    fn the_first_answer_and_those_after_it_count_as_the_rfc_says() {
        assert_eq!(after([100]).patience(), millis(300), "100 + 4 * 50");
        // mean 100 + (180 - 100) / 8, deviation 50 - 50 / 4 + 80 / 4.
        assert_eq!(after([100, 180]).patience(), millis(110) + 4 * Duration::from_micros(57_500));
    }

    #[test]
    fn a_manager_that_is_always_slow_is_waited_for_little_longer_than_it_takes() {
        let patience = after(std::iter::repeat_n(400, 50)).patience();
        assert!(patience >= millis(400) && patience < millis(410), "{patience:?}");
    }

    #[test]
    fn fast_answers_bring_it_back_to_the_floor() {
        let slow_then_fast = std::iter::repeat_n(600, 20).chain(std::iter::repeat_n(2, 60));
        assert_eq!(after(slow_then_fast).patience(), FLOOR);
    }

    #[test]
    fn after_a_miss_as_much_is_waited_as_may_be_until_an_answer_comes() {
        let mut latency = after([2, 2, 2]);
        assert_eq!(latency.patience(), FLOOR);
        latency.missed();
        latency.missed();
        assert_eq!(latency.patience(), CEILING);
        latency.answered(millis(2));
        assert_eq!(latency.patience(), FLOOR);
    }

    proptest! {
        #[test]
        fn it_stays_between_floor_and_ceiling(
            answers in proptest::collection::vec(0_u64..100_000, 0..50),
            missed: bool,
        ) {
            let mut latency = after(answers);
            if missed {
                latency.missed();
            }
            prop_assert!((FLOOR..=CEILING).contains(&latency.patience()));
        }
    }
}
