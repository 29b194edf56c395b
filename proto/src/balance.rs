//! How connections are spread over the tasks of a service, and which balancer can do what.
//!
//! Only names and rules: what makes a kernel balance is the agent's.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// How the next connection finds its task. The names are those of IPVS (`ipvsadm --scheduler`).
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
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    /// Round robin: each in turn.
    #[default]
    Rr,
    /// Weighted round robin: each in turn, as often as its weight says.
    Wrr,
    /// Least connection: the one with the fewest connections.
    Lc,
    /// Maglev hashing of the client's address: few clients move when tasks come and go.
    Mh,
    /// Source hashing: by the client's address.
    Sh,
}

impl Scheduler {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rr, Self::Wrr, Self::Lc, Self::Mh, Self::Sh];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Mh => "mh",
            Self::Sh => "sh",
        }
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such scheduler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scheduler {0:?}: rr, wrr, lc, mh and sh are known")]
pub struct UnknownScheduler(String);

impl FromStr for Scheduler {
    type Err = UnknownScheduler;

    fn from_str(name: &str) -> Result<Self, UnknownScheduler> {
        let found = Self::ALL.into_iter().find(|scheduler| scheduler.as_str() == name);
        found.ok_or_else(|| UnknownScheduler(name.to_owned()))
    }
}

/// How the connections of one service are spread.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Balancing {
    /// How the next connection finds its task.
    pub scheduler: Scheduler,
    /// For how many seconds after its last connection has ended a client comes back to the same task. `None`: not at all.
    pub sticky: Option<u32>,
}

/// What balances connections on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Balancer {
    /// nftables: maps with a counter or a hash.
    Nftables,
    /// IPVS, the kernel's load balancer.
    Ipvs,
}

impl Balancer {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Nftables, Self::Ipvs];

    /// Its name, as a node's description has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nftables => "nftables",
            Self::Ipvs => "ipvs",
        }
    }

    /// Whether it can spread connections like this. nftables counts no connections, so it has no least one, and its hash
    /// moves most clients when tasks come and go, which is what `mh` promises not to do. Stickiness is a hash of the
    /// client's address there: a client stays for as long as the tasks stay, whatever the time says.
    #[must_use]
    pub const fn supports(self, balancing: Balancing) -> bool {
        match self {
            Self::Ipvs => true,
            Self::Nftables => {
                matches!(balancing.scheduler, Scheduler::Rr | Scheduler::Wrr | Scheduler::Sh)
            }
        }
    }

    /// The nearest that it can do. A client's address still decides where it decided before; otherwise tasks take turns.
    #[must_use]
    pub const fn nearest(self, asked: Balancing) -> Balancing {
        if self.supports(asked) {
            return asked;
        }
        let scheduler = match asked.scheduler {
            Scheduler::Mh | Scheduler::Sh => Scheduler::Sh,
            Scheduler::Rr | Scheduler::Wrr | Scheduler::Lc => Scheduler::Rr,
        };
        Balancing { scheduler, sticky: asked.sticky }
    }
}

impl fmt::Display for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such balancer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown data plane {0:?}: nftables and ipvs are known")]
pub struct UnknownBalancer(String);

impl FromStr for Balancer {
    type Err = UnknownBalancer;

    fn from_str(name: &str) -> Result<Self, UnknownBalancer> {
        let found = Self::ALL.into_iter().find(|balancer| balancer.as_str() == name);
        found.ok_or_else(|| UnknownBalancer(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedulers_are_read_as_they_are_printed() {
        for scheduler in Scheduler::ALL {
            assert_eq!(scheduler.to_string().parse(), Ok(scheduler));
        }
        let refused = "wlc".parse::<Scheduler>().map_err(|error| error.to_string());
        assert_eq!(
            refused,
            Err("unknown scheduler \"wlc\": rr, wrr, lc, mh and sh are known".to_owned())
        );
    }

    #[test]
    fn nftables_cannot_count_connections() {
        let by = |scheduler| Balancing { scheduler, sticky: Some(60) };
        assert!(Balancer::Nftables.supports(by(Scheduler::Rr)));
        assert!(!Balancer::Nftables.supports(by(Scheduler::Lc)));
        assert!(!Balancer::Nftables.supports(by(Scheduler::Mh)));
        assert!(Scheduler::ALL.into_iter().all(|scheduler| Balancer::Ipvs.supports(by(scheduler))));
    }

    #[test]
    fn what_cannot_be_done_has_something_near_that_can() {
        for balancer in Balancer::ALL {
            assert_eq!(balancer.to_string().parse(), Ok(balancer));
            for scheduler in Scheduler::ALL {
                let asked = Balancing { scheduler, sticky: Some(60) };
                let nearest = balancer.nearest(asked);
                assert!(balancer.supports(nearest), "{balancer} {scheduler}");
                assert_eq!(nearest == asked, balancer.supports(asked), "{balancer} {scheduler}");
                assert_eq!(nearest.sticky, asked.sticky);
            }
        }
        let hashed = Balancing { scheduler: Scheduler::Mh, sticky: None };
        assert_eq!(Balancer::Nftables.nearest(hashed).scheduler, Scheduler::Sh);
    }
}
