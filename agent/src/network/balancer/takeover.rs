//! nftables in the place of IPVS, on a node that had its connections balanced by IPVS before.
//!
//! From the first change on they are balanced by nftables alone: new ones go on without a gap, and those that IPVS had are
//! closed. In the other direction there is nothing to do here: IPVS has a table of the same name (see [`super::tables`]), which
//! takes the place of the one of nftables, and connections live on.

use std::collections::BTreeMap;

use super::contract::Balancer;
use super::ipvs;
use super::service::Frontend;
use super::service::VirtualServices;
use super::statistics::Statistics;
use crate::network::error::KernelError;
use crate::network::held::Held;
use crate::network::netns::Netns;

/// A balancer that takes away what IPVS has, once it balances by itself.
#[derive(Debug)]
pub(super) struct FromIpvs<B>(pub(super) B);

impl<B: Balancer> Balancer for FromIpvs<B> {
    fn observe(&self, netns: &Netns) -> Result<Held<VirtualServices>, KernelError> {
        if ipvs::in_use(netns)? { Ok(Held::Absent) } else { self.0.observe(netns) }
    }

    fn program(&self, netns: &Netns, services: &VirtualServices) -> Result<(), KernelError> {
        self.0.program(netns, services)?;
        if ipvs::in_use(netns)? { ipvs::clear(netns) } else { Ok(()) }
    }

    fn statistics(
        &self,
        netns: &Netns,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError> {
        self.0.statistics(netns, services)
    }

    fn forget(&self, netns: &Netns) {
        self.0.forget(netns);
    }
}
