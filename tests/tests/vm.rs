//! The data plane in a kernel that has IPVS: the tests of the agent's program `dataplane`, in a virtual machine.
//!
//! Each of its tests is a test here, of the same name. The machine runs once, for all that are asked for.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use libtest_mimic::Arguments;
use libtest_mimic::Failed;
use swarmlite_lab::Outcome;
use swarmlite_lab::Report;
use swarmlite_lab::run_as_root;
use swarmlite_lab::run_in_machine;
use tokio::runtime::Runtime;

/// How long the machine may run. It takes some minutes, and several times as many where others use the processor.
const LIMIT: Duration = Duration::from_secs(1740);

/// What is not run where the processor is emulated: a Docker Engine starts too slowly there, and the others run on the machine itself.
const LEFT_OUT: [&str; 3] = ["engine", "fake::", "nftables::"];

fn main() -> anyhow::Result<ExitCode> {
    let program = std::env::var_os("SWARMLITE_LAB_DATAPLANE").map(PathBuf::from);
    let program = program.context("SWARMLITE_LAB_DATAPLANE is not set: use tests/run.sh")?;
    let names = names(&program)?;
    writeln!(std::io::stderr(), "NOT TESTED in the virtual machine: {}", LEFT_OUT.join(", "))?;
    let cases = names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
    let machine = Arc::new(OnceLock::new());
    let filter = Arguments::from_args().filter;
    let run = move |at: usize| {
        let report = machine.get_or_init(|| run_all(&program, filter.as_deref()));
        let report = report.as_ref().map_err(|error| Failed::from(format!("{error:#}")))?;
        match report.outcome(&names[at]) {
            Some(Outcome::Passed(said)) => {
                // For the eye: what the kernel's own tools say.
                if !said.is_empty() {
                    writeln!(std::io::stderr(), "\n{said}")?;
                }
                Ok(())
            }
            Some(Outcome::Failed(said)) => Err(said.into()),
            Some(Outcome::Ignored) => Err("left out in the virtual machine".into()),
            None => Err(format!("not run; the console:\n{}", report.console()).into()),
        }
    };
    Ok(run_as_root("tests in the virtual machine", cases, run)?.exit_code())
}

/// The names of the program's tests.
fn names(program: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(program).arg("--list").output();
    let output = output.with_context(|| format!("run {}", program.display()))?;
    let listed = String::from_utf8(output.stdout)?;
    let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names
        .filter(|name| !LEFT_OUT.iter().any(|part| name.contains(part)))
        .map(str::to_owned)
        .collect())
}

fn run_all(program: &Path, filter: Option<&str>) -> anyhow::Result<Report> {
    let mut arguments = vec!["--format=json".to_owned()];
    arguments.extend(LEFT_OUT.map(|part| format!("--skip={part}")));
    arguments.extend(filter.map(str::to_owned));
    Runtime::new()?.block_on(run_in_machine(program, &arguments, LIMIT))
}
