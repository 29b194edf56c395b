//! The boundary to the kernel: look, and carry out operations. [`super::linux`] is the real one.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;

use super::plan::Op;
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

/// The kernel could not be asked, or refused.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A network namespace could not be made, entered or removed.
    #[error("cannot {what} network namespace {}", path.display())]
    Namespace {
        /// What was tried.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Netlink refused a request.
    #[error("cannot {what} in {place}")]
    Netlink {
        /// What was tried.
        what: String,
        /// In which namespace.
        place: String,
        /// The kernel's answer.
        #[source]
        source: Box<rtnetlink::Error>,
    },
    /// IPVS refused a request.
    #[error("ipvs in {place}: cannot {what}")]
    Ipvs {
        /// What was tried.
        what: String,
        /// In which namespace.
        place: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A netlink socket could not be used.
    #[error("cannot talk netlink in {place}")]
    Socket {
        /// In which namespace.
        place: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is no such link.
    #[error("no link {link} in {place}")]
    NoLink {
        /// Its name.
        link: String,
        /// In which namespace.
        place: String,
    },
    /// A setting could not be written.
    #[error("cannot set {key}")]
    Sysctl {
        /// Which one, below `/proc/sys/net`.
        key: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program could not be run.
    #[error("cannot run {program}")]
    Run {
        /// Which one.
        program: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program refused.
    #[error("{program}: {message}")]
    Refused {
        /// Which one.
        program: &'static str,
        /// What it said.
        message: String,
    },
    /// Operations that belong to no namespace were asked for in one, or the reverse.
    #[error("{0}")]
    Misplaced(String),
}

#[cfg(test)]
pub(crate) mod fake;
