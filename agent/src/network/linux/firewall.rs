//! The engine's firewall: Docker sets the policy of `FORWARD` to drop, and leaves the chain `DOCKER-USER` to others.
//!
//! The rule is written with `iptables`, as the engine does, so that both use the same of the two backends that it has.

use std::collections::BTreeSet;

use crate::network::error::KernelError;
use crate::network::nft::run;

const CHAIN: &str = "DOCKER-USER";

/// The links that pass in both directions; `None` if the engine has not made its chain.
pub(super) fn observe() -> Result<Option<BTreeSet<String>>, KernelError> {
    let rules = match run("iptables", &["-w", "-S", CHAIN], "") {
        Ok(rules) => rules,
        // No chain, or no iptables at all: then no engine has set up a firewall with it.
        Err(KernelError::Refused { .. } | KernelError::Run { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let links = |flag: &str| -> BTreeSet<String> {
        let start = format!("-A {CHAIN} {flag} ");
        rules
            .lines()
            .filter_map(|line| line.strip_prefix(&start)?.strip_suffix(" -j ACCEPT"))
            .map(str::to_owned)
            .collect()
    };
    Ok(Some(links("-i").intersection(&links("-o")).cloned().collect()))
}

/// Lets the traffic of a link pass, in both directions.
pub(super) fn pass(link: &str) -> Result<(), KernelError> {
    for direction in ["-i", "-o"] {
        // One of the two may be there.
        if run("iptables", &["-w", "-C", CHAIN, direction, link, "-j", "ACCEPT"], "").is_err() {
            run("iptables", &["-w", "-I", CHAIN, direction, link, "-j", "ACCEPT"], "")?;
        }
    }
    Ok(())
}

/// No longer lets it pass.
pub(super) fn unpass(link: &str) -> Result<(), KernelError> {
    for direction in ["-i", "-o"] {
        if run("iptables", &["-w", "-C", CHAIN, direction, link, "-j", "ACCEPT"], "").is_ok() {
            run("iptables", &["-w", "-D", CHAIN, direction, link, "-j", "ACCEPT"], "")?;
        }
    }
    Ok(())
}
