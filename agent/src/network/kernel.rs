//! The boundary to the kernel: look, and carry out operations. [`super::linux`] is the real one.

use std::future::Future;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::error::KernelError;
use super::op::Op;
use super::state::NodeState;

/// A node's kernel.
pub trait Kernel: Send + Sync + 'static {
    /// Everything of the data plane that is there.
    ///
    /// # Errors
    /// If the kernel cannot be asked. Then nothing is known.
    fn observe(&self) -> impl Future<Output = Result<Observed, KernelError>> + Send;

    /// Carries out operations in order. One that fails does not keep the others from being tried.
    fn apply(&self, ops: &[Op]) -> impl Future<Output = Vec<KernelError>> + Send;

    /// How the container with this process is connected.
    ///
    /// # Errors
    /// If there is no such process, or the kernel cannot be asked.
    fn container(
        &self,
        pid: u32,
    ) -> impl Future<Output = Result<ContainerLinks, KernelError>> + Send;
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Everything of the data plane.
    pub state: NodeState,
    /// The MTU in bytes of the link with the node's underlay address; `None` if no link has it.
    pub underlay_mtu: Option<u32>,
    /// Whether the engine has set up its firewall (chain `DOCKER-USER`). Until then there is nothing to let pass.
    pub firewall: bool,
}

/// How a container is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerLinks {
    /// Its addresses, by link.
    pub addresses: Vec<(String, Ipv4Net)>,
    /// The address it has on the link of its default route.
    pub default_source: Option<Ipv4Addr>,
}

#[cfg(test)]
pub(crate) mod fake;
