//! The balancers there are.

use std::sync::Arc;

use swarmlite_agent::network::balancer::Balancer;
use swarmlite_agent::network::balancer::nftables::NftablesBalancer;

/// Which balancer a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BalancerKind {
    Nftables,
}

impl BalancerKind {
    pub(crate) const ALL: [Self; 1] = [Self::Nftables];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nftables => "nftables",
        }
    }

    /// A balancer that has programmed nothing yet.
    pub(crate) fn balancer(self) -> Arc<dyn Balancer> {
        match self {
            Self::Nftables => Arc::new(NftablesBalancer::new()),
        }
    }

    /// What the kernel would have to have.
    pub(crate) const fn missing(self) -> Option<&'static str> {
        match self {
            Self::Nftables => None,
        }
    }
}
