//! How many requests a client may make for a rule of HTTP routing.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_default;
use crate::time::Nanoseconds;

/// How many requests a client may make, on each node: so many in a time, one after the other, and so many more at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpRate {
    /// The requests in `Per`.
    pub requests: u32,
    /// A second, a minute or an hour. Zero: a second.
    pub per: Nanoseconds,
    /// How many requests may come before their time. Who has used them up gets them back at the rate.
    #[serde(skip_serializing_if = "is_default")]
    pub burst: u32,
}

impl HttpRate {
    /// The most requests that can be asked for, in whichever time, and the largest burst.
    pub const MAX: u32 = 1_000_000;

    /// The times that there are, by the letters for them.
    pub const TIMES: [(&str, Nanoseconds); 3] = [
        ("s", Nanoseconds::from_secs(1)),
        ("m", Nanoseconds::from_secs(60)),
        ("h", Nanoseconds::from_secs(3600)),
    ];

    /// The time from one request to the next.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.per.to_duration() / self.requests.max(1)
    }

    /// The same with the time that is meant.
    #[must_use]
    pub fn canonical(self) -> Self {
        Self { per: self.per.or(Nanoseconds::from_secs(1)), ..self }
    }
}
