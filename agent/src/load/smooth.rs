//! Smooths what was measured, so that a short peak decides nothing: a moving average in which what was before fades.

use std::time::Duration;

use swarmlite_proto::load::NodeLoad;
use tokio::time::Instant;

use super::Reading;

/// After this time a third of what was before still counts.
const FADE: Duration = Duration::from_secs(20);

/// What is said is rounded to so many billionths of a core, so that not every reading is news.
const CPUS_STEP: i64 = 10_000_000;

/// The same for bytes of memory.
const MEMORY_STEP: i64 = 1 << 20;

/// The same for thousandths of a task.
const TASKS_STEP: i64 = 10;

/// The load, smoothed.
#[derive(Debug, Default)]
pub(super) struct Smoothed {
    last: Option<(Reading, Instant)>,
    average: Option<Average>,
}

#[derive(Clone, Copy, Debug)]
struct Average {
    nano_cpus: f64,
    memory_bytes: f64,
    milli_tasks: f64,
}

impl Smoothed {
    /// Takes a reading that was made at `now`, with so many tasks on the node. Says nothing at the first, and when no time has passed.
    pub(super) fn take(
        &mut self,
        reading: Reading,
        tasks: usize,
        now: Instant,
    ) -> Option<NodeLoad> {
        let (before, at) = self.last.replace((reading, now))?;
        let elapsed = now.saturating_duration_since(at).as_secs_f64();
        if elapsed <= 0.0 {
            return None;
        }
        // Counters can go back when a processor is taken out.
        let busy = reading.busy.saturating_sub(before.busy).as_secs_f64();
        let fresh = Average {
            nano_cpus: busy / elapsed * 1e9,
            memory_bytes: reading.memory_bytes as f64,
            milli_tasks: tasks as f64 * 1e3,
        };
        let kept = (-elapsed / FADE.as_secs_f64()).exp();
        let average = self.average.map_or(fresh, |average| average.faded(kept, fresh));
        self.average = Some(average);
        Some(average.rounded())
    }
}

impl Average {
    fn faded(self, kept: f64, fresh: Self) -> Self {
        let mix = |old: f64, new: f64| old.mul_add(kept, new * (1.0 - kept));
        Self {
            nano_cpus: mix(self.nano_cpus, fresh.nano_cpus),
            memory_bytes: mix(self.memory_bytes, fresh.memory_bytes),
            milli_tasks: mix(self.milli_tasks, fresh.milli_tasks),
        }
    }

    fn rounded(self) -> NodeLoad {
        let round = |value: f64, step: i64| (value / step as f64).round() as i64 * step;
        NodeLoad {
            nano_cpus: round(self.nano_cpus, CPUS_STEP),
            memory_bytes: round(self.memory_bytes, MEMORY_STEP),
            milli_tasks: round(self.milli_tasks, TASKS_STEP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(5);

    /// What is said after each reading of a machine that is busy with so many cores.
    fn loads(cores: &[u32], tasks: usize) -> Vec<Option<NodeLoad>> {
        let mut smoothed = Smoothed::default();
        let mut now = Instant::now();
        let mut busy = Duration::from_secs(1000);
        cores
            .iter()
            .map(|cores| {
                now += STEP;
                busy += STEP * *cores;
                smoothed.take(Reading { busy, memory_bytes: 5 << 20 }, tasks, now)
            })
            .collect()
    }

    #[test]
    fn the_first_reading_says_nothing_and_the_second_all() {
        let expected =
            NodeLoad { nano_cpus: 2_000_000_000, memory_bytes: 5 << 20, milli_tasks: 3000 };
        assert_eq!(loads(&[0, 2], 3), [None, Some(expected)]);
    }

    #[test]
    fn a_peak_fades_in_and_out() {
        let cpus =
            |cores: &[u32]| loads(cores, 0).last().copied().flatten().expect("is known").nano_cpus;
        assert_eq!(cpus(&[0, 0, 1]), 220_000_000, "a quarter of the time counts for less");
        assert!(cpus(&[0, 0, 1, 1, 1, 1, 1, 1, 1, 1]) > 850_000_000);
        assert!(cpus(&[0, 1, 0, 0, 0, 0, 0, 0, 0]) < 200_000_000);
    }

    #[test]
    fn counters_that_go_back_are_no_load() {
        let mut smoothed = Smoothed::default();
        let now = Instant::now();
        let reading = |busy: u64| Reading { busy: Duration::from_secs(busy), memory_bytes: 0 };
        assert_eq!(smoothed.take(reading(100), 0, now), None);
        assert_eq!(smoothed.take(reading(100), 0, now), None, "no time has passed");
        let load = smoothed.take(reading(40), 0, now + STEP).expect("is known");
        assert_eq!(load.nano_cpus, 0);
    }
}
