//! The data plane against a real kernel, without an engine but for one test: the same tests for every balancer. Needs root.
//!
//! - [`cluster`]: three nodes, with all that the data plane does.
//! - [`conformance`]: what every balancer has to do. The [`fake`] one, which is only in memory, runs the same cases.
//! - [`ipvs`], [`nftables`]: what is asked of one of them alone.
//! - [`rig`], [`sandbox`], [`subject`], [`engine`], [`namespaces`], [`talk`]: what they stand on.
//!
//! It runs on this machine, and in the virtual machine of the crate `tests`, whose kernel has IPVS. Without root, or without the
//! kernel's part of a balancer, tests are counted as ignored, and that is said.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a rig that cannot be built is a failed test"
)]
#![expect(clippy::print_stderr, reason = "what is not tested is said where the results are read")]

mod cluster;
mod conformance;
mod engine;
mod fake;
mod ipvs;
mod namespaces;
mod nftables;
mod rig;
mod sandbox;
mod subject;
mod talk;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::OnceLock;

use libtest_mimic::Arguments;
use libtest_mimic::Trial;
use swarmlite_agent::testing::balancer::choice;
use swarmlite_agent::testing::balancer::choice::Choice;
use swarmlite_proto::balance::Balancer as Kind;

use self::fake::Fake;
use self::sandbox::Sandbox;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: what one says is its own.
    arguments.test_threads = Some(1);
    let mut trials: Vec<Trial> = conformance::cases()
        .map(|(name, _, case)| {
            Trial::test(format!("fake::conformance::{name}"), move || {
                conformance::run(case, &Fake::new());
                Ok(())
            })
        })
        .collect();
    for kind in [Kind::Nftables, Kind::Ipvs] {
        let missing = missing(kind);
        if let (Some(missing), false) = (&missing, arguments.list) {
            eprintln!("NOT TESTED: the data plane with {kind}: {missing}");
        }
        // One sandbox for all tests of a balancer, gone with the last of them.
        let sandbox = Arc::new(OnceLock::new());
        let mut add = |name: String, run: Box<dyn FnOnce() + Send>| {
            let name = format!("{kind}::{name}");
            let trial = Trial::test(name, move || {
                run();
                Ok(())
            });
            trials.push(trial.with_ignored_flag(missing.is_some()));
        };
        for (name, feature, case) in conformance::cases() {
            let sandbox = Arc::clone(&sandbox);
            let (name, case) = match feature.of(kind) {
                true => (name.to_owned(), case),
                false => (format!("{name} (not supported by {kind})"), feature.instead()),
            };
            let run = move || conformance::run(case, sandbox.get_or_init(|| Sandbox::new(kind)));
            add(format!("conformance::{name}"), Box::new(run));
        }
        let of_kind = match kind {
            Kind::Nftables => nftables::CASES,
            Kind::Ipvs => ipvs::CASES,
        };
        for (name, case) in of_kind {
            let sandbox = Arc::clone(&sandbox);
            let run = move || case(sandbox.get_or_init(|| Sandbox::new(kind)));
            add(format!("kernel::{name}"), Box::new(run));
        }
        let with_both = cluster::WITH_BOTH.iter().filter(|_| kind == Kind::Ipvs);
        for (name, case) in cluster::CASES.iter().chain(with_both) {
            add(format!("cluster::{name}"), Box::new(move || cluster::run(*case, kind)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What this machine does not have. Loads the kernel's module, if there is one.
fn missing(kind: Kind) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("this is not root".to_owned());
    }
    let choice = match kind {
        Kind::Nftables => Choice::Nftables,
        Kind::Ipvs => Choice::Ipvs,
    };
    choice::pick(choice).err().map(|error| error.to_string())
}
