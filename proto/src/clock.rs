//! How far the clocks of two nodes are apart, by asking one for its time. Pure.

use std::time::Duration;

use crate::time::Timestamp;

/// The clock of another node, as this node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// By how much the two are apart if the question took as long as the answer.
    pub apart: Duration,
    /// Whether the other one is ahead.
    pub ahead: bool,
    /// How long it took to ask. They may be apart by up to half of this more or less.
    pub round_trip: Duration,
}

impl ClockReading {
    /// This node has asked at `asked`, by its own clock, and the answer, which came after `round_trip`, was `theirs`.
    #[must_use]
    pub fn new(asked: Timestamp, theirs: Timestamp, round_trip: Duration) -> Self {
        let own = asked + round_trip / 2;
        let ahead = theirs > own;
        let apart = if ahead { theirs.since(own) } else { own.since(theirs) };
        Self { apart, ahead, round_trip }
    }

    /// How far they are apart at least, whatever part of the round trip was on the way there.
    #[must_use]
    pub fn at_least(&self) -> Duration {
        self.apart.saturating_sub(self.round_trip / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn half_of_the_round_trip_is_taken_to_be_on_the_way_there() {
        let asked = Timestamp::EPOCH + millis(10_000);
        let read = |theirs| ClockReading::new(asked, Timestamp::EPOCH + millis(theirs), millis(40));
        for (theirs, apart, ahead, at_least) in [
            (10_020, 0, false, 0),
            (10_050, 30, true, 10),
            (9_990, 30, false, 10),
            (12_020, 2_000, true, 1_980),
        ] {
            let reading = read(theirs);
            assert_eq!((reading.apart, reading.ahead), (millis(apart), ahead), "{theirs}");
            assert_eq!(reading.at_least(), millis(at_least), "{theirs}");
        }
    }
}
