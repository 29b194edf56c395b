//! Time as a value. Decisions take a [`Timestamp`] as an argument; only shells ask [`Timestamp::now`].

pub mod duration;

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use utoipa::ToSchema;

/// Go's zero time, which the Docker API prints for "never": `0001-01-01T00:00:00Z`, in seconds since 1970.
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// A moment of wall-clock time, with nanoseconds. RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// "Never": Go's zero time, smaller than every real moment.
    pub const ZERO: Self = Self(jiff::Timestamp::constant(GO_ZERO_SECONDS, 0));

    /// The start of 1970. Tests count from here.
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// The one place where the project reads the wall clock.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// The moment that many seconds and nanoseconds after the start of 1970; `None` if there is no such moment.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: i32) -> Option<Self> {
        jiff::Timestamp::new(seconds, nanoseconds).ok().map(Self)
    }

    /// Whole seconds since the start of 1970, and the nanoseconds beyond them.
    #[must_use]
    pub fn to_unix(self) -> (i64, i32) {
        (self.0.as_second(), self.0.subsec_nanosecond())
    }

    /// RFC 3339 with all nine digits of the nanoseconds, as Docker writes it in logs (moby `RFC3339NanoFixed`).
    #[must_use]
    pub fn to_fixed(self) -> String {
        format!("{:.9}", self.0)
    }

    /// As web servers write it in their logs, in UTC: `10/Oct/2000:13:55:36 +0000` (Apache `mod_log_config`, `%t`).
    #[must_use]
    pub fn to_common_log(self) -> String {
        self.0.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    /// Time passed since `earlier`; zero if that is in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or(Duration::ZERO)
    }
}

impl Default for Timestamp {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// The moment `by` later; the end of time if that is past it.
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339.
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A length of time as the Docker API writes it: whole nanoseconds. May be negative until validated.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
pub struct Nanoseconds(pub i64);

impl Nanoseconds {
    /// `seconds` as nanoseconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// As a [`Duration`]; zero if negative.
    #[must_use]
    pub fn to_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Whether this is zero, which the Docker API takes as "not set" in most places.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// This, or `default` if this is zero.
    #[must_use]
    pub const fn or(self, default: Self) -> Self {
        if self.is_zero() { default } else { self }
    }
}

impl From<Duration> for Nanoseconds {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_prints_as_go_prints_it() {
        let json = serde_json::to_string(&Timestamp::ZERO).expect("serializes");
        assert_eq!(json, "\"0001-01-01T00:00:00Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("reads back"), Timestamp::ZERO);
    }

    #[test]
    fn web_servers_write_the_month_as_a_word() {
        let time: Timestamp = "2000-10-10T13:55:36.9Z".parse().expect("a time");
        assert_eq!(time.to_common_log(), "10/Oct/2000:13:55:36 +0000");
    }

    #[test]
    fn logs_have_all_nine_digits() {
        let at = Timestamp::from_unix(1_500_000_000, 1_200).expect("a moment");
        assert_eq!(at.to_fixed(), "2017-07-14T02:40:00.000001200Z");
        assert_eq!(at.to_fixed().parse::<Timestamp>().expect("reads back"), at);
        assert_eq!(at.to_unix(), (1_500_000_000, 1_200));
    }

    #[test]
    fn since_never_goes_below_zero() {
        let later = Timestamp::EPOCH + Duration::from_secs(5);
        assert_eq!(later.since(Timestamp::EPOCH), Duration::from_secs(5));
        assert_eq!(Timestamp::EPOCH.since(later), Duration::ZERO);
    }
}
