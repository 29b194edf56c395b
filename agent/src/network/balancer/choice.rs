//! Which balancer a node has: what its operator wants, and what its kernel has.

use std::io;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use swarmlite_proto::balance::Balancer as Kind;

use super::Balancer;
use super::ipvs;
use super::ipvs::IpvsBalancer;
use super::nftables::NftablesBalancer;

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The one that can be relied on everywhere. nftables for now, also where the kernel has IPVS: see the limits in [`ipvs`].
    #[default]
    Auto,
    /// nftables.
    Nftables,
    /// IPVS, or nothing.
    Ipvs,
}

/// The node cannot balance as its operator wants.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The kernel has no IPVS.
    #[error(
        "this kernel has no IPVS, and no module ip_vs that could be loaded: use nftables or auto"
    )]
    NoIpvs,
    /// It is not known whether the kernel has IPVS.
    #[error("cannot ask the kernel whether it has IPVS")]
    Unknown(#[source] io::Error),
}

/// Picks a balancer. Loads the kernel's module where it is wanted and not there.
///
/// # Errors
/// See [`ChoiceError`].
pub fn pick(choice: Choice) -> Result<Kind, ChoiceError> {
    match choice {
        Choice::Auto | Choice::Nftables => Ok(Kind::Nftables),
        Choice::Ipvs => require(available()),
    }
}

/// IPVS, if it is available.
fn require(available: io::Result<bool>) -> Result<Kind, ChoiceError> {
    match available {
        Ok(true) => Ok(Kind::Ipvs),
        Ok(false) => Err(ChoiceError::NoIpvs),
        Err(source) => Err(ChoiceError::Unknown(source)),
    }
}

/// The balancer of a kind.
#[must_use]
pub fn balancer(kind: Kind) -> Arc<dyn Balancer> {
    match kind {
        Kind::Nftables => Arc::new(NftablesBalancer::new()),
        Kind::Ipvs => Arc::new(IpvsBalancer::new()),
    }
}

fn available() -> io::Result<bool> {
    if ipvs::present()? {
        return Ok(true);
    }
    // Whether it is built in, a module or missing, and whether this program exists at all, is answered by asking again.
    let _ = Command::new("/sbin/modprobe")
        .args([
            "--quiet",
            "--all",
            "ip_vs",
            "ip_vs_rr",
            "ip_vs_wrr",
            "ip_vs_lc",
            "ip_vs_mh",
            "ip_vs_sh",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ipvs::present()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipvs_is_taken_only_where_it_is_and_nothing_else_in_its_place() {
        assert!(matches!(require(Ok(true)), Ok(Kind::Ipvs)));
        assert!(matches!(require(Ok(false)), Err(ChoiceError::NoIpvs)));
        let unknown = Err(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(require(unknown), Err(ChoiceError::Unknown(_))));
    }

    #[test]
    fn auto_is_what_can_be_relied_on_everywhere() {
        assert!(matches!(pick(Choice::Auto), Ok(Kind::Nftables)));
    }
}
