//! The harness of tests that need root: they run one after the other, and without root they are left out, loudly.

use std::io::Write;

use libtest_mimic::Arguments;
use libtest_mimic::Conclusion;
use libtest_mimic::Failed;
use libtest_mimic::Trial;

/// Runs `cases`, each a name and what it stands for, as the command line asks. `what` completes the sentence "not run: ...".
///
/// # Errors
///
/// When nothing can be written.
pub fn run_as_root<C: Copy + Send + 'static>(
    what: &str,
    cases: Vec<(impl Into<String>, C)>,
    run: impl Fn(C) -> Result<(), Failed> + Clone + Send + 'static,
) -> std::io::Result<Conclusion> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        // What is left out can be asked for, but cannot work.
        arguments.include_ignored = false;
        arguments.ignored = false;
        let count = cases.len();
        writeln!(std::io::stderr(), "\n*** NOT RUN, as this is not root: {count} {what} ***")?;
    }
    let trials = cases.into_iter().map(|(name, case)| {
        let run = run.clone();
        Trial::test(name, move || run(case)).with_ignored_flag(!is_root)
    });
    Ok(libtest_mimic::run(&arguments, trials.collect()))
}
