//! The boundary to what balances in the kernel.

use std::collections::BTreeMap;
use std::fmt;

use super::service::Frontend;
use super::service::VirtualServices;
use super::statistics::Statistics;
use crate::network::error::KernelError;
use crate::network::held::Held;
use crate::network::netns::Netns;

/// Makes the kernel balance. Called on a thread that is inside the namespace in question.
pub trait Balancer: fmt::Debug + Send + Sync + 'static {
    /// What the namespace balances now.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn observe(&self, netns: &Netns) -> Result<Held<VirtualServices>, KernelError>;

    /// Makes the namespace balance exactly this, without a moment in which it balances less.
    ///
    /// # Errors
    /// If the kernel refuses. What has changed by then is seen by the next [`Self::observe`].
    fn program(&self, netns: &Netns, services: &VirtualServices) -> Result<(), KernelError>;

    /// What was counted of these services, as the namespace balances them. One that it does not balance is left out, and
    /// so may be one that nobody has asked yet. IPVS adds up every two seconds.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn statistics(
        &self,
        netns: &Netns,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError>;

    /// Drops what is remembered of a namespace that is being removed.
    fn forget(&self, netns: &Netns);
}
