//! The engine's firewall: Docker sets the policy of `FORWARD` to drop, and leaves the chain `DOCKER-USER` to others.
//!
//! The rule is written with `iptables`, as the engine does, so that both use the same of the two backends that it has. With the backend nftables the
//! kernel tells by a number whether anything has changed, and what was seen before is not asked for again.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use crate::network::error::KernelError;
use crate::network::netns::Netns;
use crate::network::nft::generation;
use crate::network::nft::generation::RulesetGeneration;
use crate::network::nft::run;

const CHAIN: &str = "DOCKER-USER";

/// The links that pass in both directions; `None` if the engine has not made its chain.
type Passed = Option<BTreeSet<String>>;

/// The firewall of the node, and what was seen of it last.
#[derive(Debug, Default)]
pub(super) struct Firewall {
    /// Whether `iptables` writes to nftables.
    by_nftables: OnceLock<bool>,
    /// Not that there is no chain: `iptables` may just have failed.
    seen: Mutex<Option<(RulesetGeneration, BTreeSet<String>)>>,
}

impl Firewall {
    /// What passes by now. The calling thread is in the namespace of the node.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    pub(super) fn observe(&self) -> Result<Passed, KernelError> {
        if !*self.by_nftables.get_or_init(writes_to_nftables) {
            return list();
        }
        // Before it is listed: what changes meanwhile is seen the next time.
        let now = generation::current(&Netns::Host)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &*seen {
            Some((then, passed)) if *then == now => Ok(Some(passed.clone())),
            _ => {
                let passed = list()?;
                *seen = passed.clone().map(|passed| (now, passed));
                Ok(passed)
            }
        }
    }
}

/// As it says itself: `iptables v1.8.9 (nf_tables)`.
fn writes_to_nftables() -> bool {
    run("iptables", &["-V"], "").is_ok_and(|version| version.contains("(nf_tables)"))
}

fn list() -> Result<Passed, KernelError> {
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
