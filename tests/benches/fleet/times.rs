//! How long things took.

use std::time::Duration;

use crate::format;

/// So many times, of which the middle and the long ones are worth telling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// One more.
    pub(crate) fn note(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The one that `percent` of all are not longer than; nothing if there are none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// The middle one and the one that 99 of 100 are not longer than.
    pub(crate) fn summary(&self) -> String {
        format!("{} / {}", format::time(self.percentile(50)), format::time(self.percentile(99)))
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        Self(times.into_iter().collect())
    }
}
