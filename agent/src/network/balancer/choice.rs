//! Which balancer a node has: what its operator wants, and what its kernel has.

use std::io;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use swarmlite_proto::balance::Balancer as Kind;

use super::contract::Balancer;
use super::ipvs;
use super::ipvs::IpvsBalancer;
use super::nftables::NftablesBalancer;
use super::takeover::FromIpvs;
use crate::network::nft::own::OwnChanges;

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// IPVS where the kernel has it, nftables elsewhere.
    #[default]
    Auto,
    /// nftables.
    Nftables,
    /// IPVS, or nothing.
    Ipvs,
}

/// What was picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// The balancer.
    pub balancer: Kind,
    /// Why this one, as operators read it.
    pub reason: String,
}

/// The node cannot balance as its operator wants.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The kernel has no IPVS.
    #[error("{NO_IPVS}: use nftables or auto")]
    NoIpvs,
    /// It is not known whether the kernel has IPVS.
    #[error("{UNKNOWN}")]
    Unknown(#[source] io::Error),
}

const NO_IPVS: &str = "this kernel has no IPVS, and no module ip_vs that could be loaded";
const UNKNOWN: &str = "cannot ask the kernel whether it has IPVS";

/// Picks a balancer. Loads the kernel's module where it is wanted and not there.
///
/// # Errors
/// See [`ChoiceError`].
pub fn pick(choice: Choice) -> Result<Picked, ChoiceError> {
    decide(choice, available)
}

/// Picks a balancer; asks whether IPVS is available only where that matters.
fn decide(
    choice: Choice,
    available: impl FnOnce() -> io::Result<bool>,
) -> Result<Picked, ChoiceError> {
    let (balancer, reason) = match choice {
        Choice::Nftables => (Kind::Nftables, "asked for".to_owned()),
        Choice::Ipvs => match available() {
            Ok(true) => (Kind::Ipvs, "asked for".to_owned()),
            Ok(false) => return Err(ChoiceError::NoIpvs),
            Err(source) => return Err(ChoiceError::Unknown(source)),
        },
        Choice::Auto => match available() {
            Ok(true) => (Kind::Ipvs, "this kernel has IPVS".to_owned()),
            Ok(false) => (Kind::Nftables, NO_IPVS.to_owned()),
            Err(error) => (Kind::Nftables, format!("{UNKNOWN}: {error}")),
        },
    };
    Ok(Picked { balancer, reason })
}

/// The balancer of a kind, in namespaces in which this process changes nothing else.
#[must_use]
pub fn balancer(kind: Kind) -> Arc<dyn Balancer> {
    balancer_noting(kind, OwnChanges::default())
}

/// The balancer of a kind, which notes what it changes together with others of this process.
pub(crate) fn balancer_noting(kind: Kind, own: OwnChanges) -> Arc<dyn Balancer> {
    match kind {
        Kind::Nftables => Arc::new(FromIpvs(NftablesBalancer::new(own))),
        Kind::Ipvs => Arc::new(IpvsBalancer::new(own)),
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

    fn refused() -> io::Result<bool> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    #[test]
    fn auto_is_ipvs_where_the_kernel_has_it() {
        let auto = |available: fn() -> io::Result<bool>| {
            decide(Choice::Auto, available).map(|picked| (picked.balancer, picked.reason)).ok()
        };
        let without = "this kernel has no IPVS, and no module ip_vs that could be loaded";
        let unknown = "cannot ask the kernel whether it has IPVS: permission denied";
        assert_eq!(auto(|| Ok(true)), Some((Kind::Ipvs, "this kernel has IPVS".to_owned())));
        assert_eq!(auto(|| Ok(false)), Some((Kind::Nftables, without.to_owned())));
        assert_eq!(auto(refused), Some((Kind::Nftables, unknown.to_owned())));
    }

    #[test]
    fn what_is_asked_for_is_taken_and_nothing_else_in_its_place() {
        let balancer = |choice, available: fn() -> io::Result<bool>| {
            decide(choice, available).map(|picked| picked.balancer)
        };
        assert!(matches!(balancer(Choice::Nftables, || Ok(true)), Ok(Kind::Nftables)));
        assert!(matches!(balancer(Choice::Ipvs, || Ok(true)), Ok(Kind::Ipvs)));
        assert!(matches!(balancer(Choice::Ipvs, || Ok(false)), Err(ChoiceError::NoIpvs)));
        assert!(matches!(balancer(Choice::Ipvs, refused), Err(ChoiceError::Unknown(_))));
    }
}
