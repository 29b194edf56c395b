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
    /// IPVS where the kernel has it, nftables elsewhere.
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
        Choice::Nftables => Ok(Kind::Nftables),
        Choice::Auto | Choice::Ipvs => decide(choice, available()),
    }
}

/// The decision, from whether IPVS is available.
fn decide(choice: Choice, available: io::Result<bool>) -> Result<Kind, ChoiceError> {
    match (choice, available) {
        (Choice::Auto | Choice::Ipvs, Ok(true)) => Ok(Kind::Ipvs),
        (Choice::Ipvs, Ok(false)) => Err(ChoiceError::NoIpvs),
        (Choice::Ipvs, Err(source)) => Err(ChoiceError::Unknown(source)),
        (Choice::Auto | Choice::Nftables, _) => Ok(Kind::Nftables),
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
    fn auto_takes_the_best_there_is_and_ipvs_takes_nothing_else() {
        assert!(matches!(decide(Choice::Auto, Ok(true)), Ok(Kind::Ipvs)));
        assert!(matches!(decide(Choice::Auto, Ok(false)), Ok(Kind::Nftables)));
        let unknown = || Err(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(decide(Choice::Auto, unknown()), Ok(Kind::Nftables)));
        assert!(matches!(decide(Choice::Ipvs, Ok(true)), Ok(Kind::Ipvs)));
        assert!(matches!(decide(Choice::Ipvs, Ok(false)), Err(ChoiceError::NoIpvs)));
        assert!(matches!(decide(Choice::Ipvs, unknown()), Err(ChoiceError::Unknown(_))));
    }
}
