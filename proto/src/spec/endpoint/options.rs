//! How the connections of a service are spread, as a user asks for it: names with values, each of which is checked when it is read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::balance::Balancing;
use crate::balance::Scheduler;
use crate::balance::UnknownScheduler;
use crate::time::duration;

/// What a user asks of the balancing of a service. In JSON an object of strings, as options are in Docker's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct EndpointOptions {
    /// How the next connection finds its task. Absent: in turn.
    pub scheduler: Option<Scheduler>,
    /// For how long a client comes back to the same task. Absent: not at all.
    pub sticky: Option<Sticky>,
}

/// The name of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointOption {
    /// [`EndpointOptions::scheduler`].
    Scheduler,
    /// [`EndpointOptions::sticky`].
    Sticky,
}

impl EndpointOption {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Scheduler, Self::Sticky];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Sticky => "sticky",
        }
    }
}

impl FromStr for EndpointOption {
    type Err = EndpointOptionError;

    fn from_str(name: &str) -> Result<Self, EndpointOptionError> {
        let found = Self::ALL.into_iter().find(|option| option.as_str() == name);
        found.ok_or_else(|| EndpointOptionError::UnknownOption(name.to_owned()))
    }
}

/// An option that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointOptionError {
    /// There is no such option.
    #[error("unknown endpoint option {0:?}: scheduler and sticky are known")]
    UnknownOption(String),
    /// There is no such scheduler.
    #[error(transparent)]
    UnknownScheduler(#[from] UnknownScheduler),
    /// It is no length of time that a balancer can remember clients for.
    #[error("invalid sticky {0:?}: whole seconds from 1s to 744h are possible, such as 10m")]
    Sticky(String),
}

impl EndpointOptions {
    /// Takes the value of an option as it is written.
    ///
    /// # Errors
    ///
    /// See [`EndpointOptionError`].
    pub fn set(&mut self, option: EndpointOption, value: &str) -> Result<(), EndpointOptionError> {
        match option {
            EndpointOption::Scheduler => self.scheduler = Some(value.parse()?),
            EndpointOption::Sticky => self.sticky = Some(value.parse()?),
        }
        Ok(())
    }

    /// Takes an option back.
    pub const fn clear(&mut self, option: EndpointOption) {
        match option {
            EndpointOption::Scheduler => self.scheduler = None,
            EndpointOption::Sticky => self.sticky = None,
        }
    }

    /// The value of an option as it is written, if it is asked for.
    #[must_use]
    pub fn get(self, option: EndpointOption) -> Option<String> {
        match option {
            EndpointOption::Scheduler => self.scheduler.map(|scheduler| scheduler.to_string()),
            EndpointOption::Sticky => self.sticky.map(|sticky| sticky.to_string()),
        }
    }

    /// The options that are asked for, with their values.
    pub fn entries(self) -> impl Iterator<Item = (EndpointOption, String)> {
        EndpointOption::ALL
            .into_iter()
            .filter_map(move |option| self.get(option).map(|value| (option, value)))
    }

    /// What a balancer is to do.
    #[must_use]
    pub fn balancing(self) -> Balancing {
        Balancing {
            scheduler: self.scheduler.unwrap_or_default(),
            sticky: self.sticky.map(Sticky::seconds),
        }
    }
}

impl TryFrom<BTreeMap<String, String>> for EndpointOptions {
    type Error = EndpointOptionError;

    fn try_from(values: BTreeMap<String, String>) -> Result<Self, EndpointOptionError> {
        let mut options = Self::default();
        for (name, value) in values {
            options.set(name.parse()?, &value)?;
        }
        Ok(options)
    }
}

impl From<EndpointOptions> for BTreeMap<String, String> {
    fn from(options: EndpointOptions) -> Self {
        options.entries().map(|(option, value)| (option.as_str().to_owned(), value)).collect()
    }
}

/// For how long after its last connection has ended a client comes back to the same task. Written as `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Sticky(u32);

impl Sticky {
    /// The longest, in seconds: 31 days, `MAX_TIMEOUT` of ipvsadm. The kernel counts in ticks, which overflow after 49 days.
    const MAX_SECONDS: u32 = 31 * 24 * 60 * 60;

    /// In seconds, which is what the kernel takes.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for Sticky {
    type Err = EndpointOptionError;

    fn from_str(text: &str) -> Result<Self, EndpointOptionError> {
        const SECOND: i64 = 1_000_000_000;
        let whole = duration::parse(text).ok().filter(|time| time.0 % SECOND == 0);
        let seconds = whole.and_then(|time| u32::try_from(time.0 / SECOND).ok());
        let possible = seconds.filter(|seconds| (1..=Self::MAX_SECONDS).contains(seconds));
        possible.map(Self).ok_or_else(|| EndpointOptionError::Sticky(text.to_owned()))
    }
}

impl TryFrom<String> for Sticky {
    type Error = EndpointOptionError;

    fn try_from(text: String) -> Result<Self, EndpointOptionError> {
        text.parse()
    }
}

impl From<Sticky> for String {
    fn from(sticky: Sticky) -> Self {
        sticky.to_string()
    }
}

impl fmt::Display for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.0 / 3600, 'h'), (self.0 / 60 % 60, 'm'), (self.0 % 60, 's')];
        parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for (text, seconds) in
            [("1s", 1), ("10m", 600), ("1h30m", 5400), ("744h", 2_678_400), ("1h0m5s", 3605)]
        {
            let sticky: Sticky = text.parse().expect(text);
            assert_eq!(sticky.seconds(), seconds);
            assert_eq!(sticky.to_string().parse(), Ok(sticky), "{sticky}");
        }
        assert_eq!("90s".parse::<Sticky>().expect("a time").to_string(), "1m30s");
    }

    #[test]
    fn times_that_no_kernel_remembers_are_refused() {
        for text in ["", "0", "0s", "600", "-5s", "1.5s", "744h1s", "200000h", "soon"] {
            assert_eq!(text.parse::<Sticky>(), Err(EndpointOptionError::Sticky(text.to_owned())));
        }
    }

    #[test]
    fn options_are_what_is_asked_for_and_no_more() {
        let mut options = EndpointOptions::default();
        assert_eq!(options.balancing(), Balancing::default());
        options.set(EndpointOption::Scheduler, "sh").expect("is known");
        options.set(EndpointOption::Sticky, "10m").expect("is possible");
        assert_eq!(options.balancing(), Balancing { scheduler: Scheduler::Sh, sticky: Some(600) });
        let written = BTreeMap::from(options);
        let expected = [("scheduler", "sh"), ("sticky", "10m")];
        assert_eq!(
            written,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        );
        assert_eq!(EndpointOptions::try_from(written), Ok(options));
        options.clear(EndpointOption::Scheduler);
        options.clear(EndpointOption::Sticky);
        assert_eq!(options, EndpointOptions::default());
    }
}
