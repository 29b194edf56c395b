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
use crate::network::place::Place;

/// A balancer that takes away what IPVS has, once it balances by itself.
#[derive(Debug)]
pub(super) struct FromIpvs<B>(pub(super) B);

impl<B: Balancer> Balancer for FromIpvs<B> {
    fn observe(&self, place: &Place) -> Result<Held<VirtualServices>, KernelError> {
        if ipvs::in_use(place)? { Ok(Held::Absent) } else { self.0.observe(place) }
    }

    fn program(&self, place: &Place, services: &VirtualServices) -> Result<(), KernelError> {
        self.0.program(place, services)?;
        if ipvs::in_use(place)? { ipvs::clear(place) } else { Ok(()) }
    }

    fn statistics(
        &self,
        place: &Place,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError> {
        self.0.statistics(place, services)
    }

    fn forget(&self, place: &Place) {
        self.0.forget(place);
    }
}
