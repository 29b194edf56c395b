//! Why the kernel did not do something.

use std::io;
use std::path::PathBuf;

use super::netns::Netns;

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
    #[error("cannot {what} in {netns}")]
    Netlink {
        /// What was tried.
        what: String,
        /// In which namespace.
        netns: Netns,
        /// The kernel's answer.
        #[source]
        source: Box<rtnetlink::Error>,
    },
    /// IPVS refused a request.
    #[error("ipvs in {netns}: cannot {what}")]
    Ipvs {
        /// What was tried.
        what: String,
        /// In which namespace.
        netns: Netns,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A netlink socket could not be used.
    #[error("cannot talk netlink in {netns}")]
    Socket {
        /// In which namespace.
        netns: Netns,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is no such link.
    #[error("no link {link} in {netns}")]
    NoLink {
        /// Its name.
        link: String,
        /// In which namespace.
        netns: Netns,
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
    /// nftables has no such object.
    #[error("nftables has no such object")]
    Absent,
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
