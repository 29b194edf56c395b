//! Which manager to try next, and how long to wait after a round of failures. Pure.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_proto::backoff::doubled;
use swarmlite_proto::backoff::jittered;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(8);

/// How often managers may point to one another in one round before it counts as a failure.
const MAX_HINTS: usize = 4;

/// The managers to try in one round.
#[derive(Debug)]
pub(super) struct Candidates {
    queue: VecDeque<SocketAddr>,
    hints: usize,
}

impl Candidates {
    /// All `managers`, beginning at a place that `start` chooses, so that thousands of agents do not all ask the same one.
    pub(super) fn new(managers: &[SocketAddr], start: usize) -> Self {
        let mut queue: VecDeque<SocketAddr> = managers.iter().copied().collect();
        if !queue.is_empty() {
            queue.rotate_left(start % managers.len());
        }
        Self { queue, hints: 0 }
    }

    /// Tries `leader` next, also if it was tried before or is not among the known managers.
    pub(super) fn prefer(&mut self, leader: Option<SocketAddr>) {
        let Some(leader) = leader else { return };
        if self.hints < MAX_HINTS {
            self.hints += 1;
            self.queue.retain(|addr| *addr != leader);
            self.queue.push_front(leader);
        }
    }

    /// The next to try; `None` at the end of the round.
    pub(super) fn next(&mut self) -> Option<SocketAddr> {
        self.queue.pop_front()
    }
}

/// How long to wait after `failures` rounds, doubled each time. `jitter` (0 to 1) takes away up to half, so that agents that lost the same
/// leader do not return in step.
pub(super) fn backoff(failures: u32, jitter: f64) -> Duration {
    jittered(doubled(FIRST, failures, LONGEST), Duration::ZERO, jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn all(mut candidates: Candidates) -> Vec<u16> {
        std::iter::from_fn(|| candidates.next()).map(|addr| addr.port()).collect()
    }

    #[test]
    fn everybody_is_asked_once_and_the_leader_next() {
        let managers = [addr(1), addr(2), addr(3)];
        assert_eq!(all(Candidates::new(&managers, 0)), [1, 2, 3]);
        assert_eq!(all(Candidates::new(&managers, 5)), [3, 1, 2]);
        assert_eq!(all(Candidates::new(&[], 7)), Vec::<u16>::new());
        for (leader, order) in [(3, vec![3, 2]), (9, vec![9, 2, 3]), (1, vec![1, 2, 3])] {
            let mut candidates = Candidates::new(&managers, 0);
            candidates.next();
            candidates.prefer(Some(addr(leader)));
            assert_eq!(all(candidates), order);
        }
    }

    #[test]
    fn managers_that_point_to_one_another_do_not_keep_the_round_going() {
        let mut candidates = Candidates::new(&[addr(1)], 0);
        let mut asked = 0;
        while let Some(next) = candidates.next() {
            asked += 1;
            candidates.prefer(Some(addr(3 - next.port())));
        }
        assert_eq!(asked, 1 + MAX_HINTS);
    }

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        let waits: Vec<u128> = (0..9).map(|failures| backoff(failures, 0.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000]);
        assert_eq!(backoff(u32::MAX, 1.0).as_millis(), 4000);
    }
}
