//! The data plane against a real kernel, without an engine but for one test: the same tests for every balancer. Needs root.
//!
//! - [`cluster`]: three nodes, with all that the data plane does.
//! - [`conformance`]: what every balancer has to do, on one sandbox.
//! - [`rig`], [`sandbox`], [`engine`], [`namespaces`], [`talk`]: what they stand on.
//!
//! It runs on this machine, and in the virtual machine of the crate `tests`, whose kernel has IPVS. Without root, or without the
//! kernel's part of a balancer, tests are counted as ignored, and that is said.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a rig that cannot be built is a failed test"
)]
#![expect(clippy::print_stderr, reason = "what is not tested is said where the results are read")]

mod balancer_kind;
mod cluster;
mod conformance;
mod engine;
mod namespaces;
mod rig;
mod sandbox;
mod talk;

use std::process::ExitCode;

use futures_util::future::LocalBoxFuture;
use libtest_mimic::Arguments;
use libtest_mimic::Trial;

use self::balancer_kind::BalancerKind;

/// A test, for one balancer. It panics if it fails.
type Case = fn(BalancerKind) -> LocalBoxFuture<'static, ()>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: what one says is its own.
    arguments.test_threads = Some(1);
    let mut trials = Vec::new();
    for kind in BalancerKind::ALL {
        let missing = missing(kind);
        if let (Some(missing), false) = (missing, arguments.list) {
            eprintln!("NOT TESTED: the data plane with {}: {missing}", kind.name());
        }
        for (group, cases) in [("conformance", conformance::CASES), ("cluster", cluster::CASES)] {
            for (name, case) in cases {
                let trial = Trial::test(format!("{}::{group}::{name}", kind.name()), move || {
                    run(*case, kind);
                    Ok(())
                });
                trials.push(trial.with_ignored_flag(missing.is_some()));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What this machine does not have.
fn missing(kind: BalancerKind) -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("this is not root");
    }
    kind.missing()
}

fn run(case: Case, kind: BalancerKind) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(case(kind));
}
