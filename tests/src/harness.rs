//! The harness of tests that need root: they run one after the other, and without root they are left out, loudly.

use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use libtest_mimic::Arguments;
use libtest_mimic::Conclusion;
use libtest_mimic::Failed;
use libtest_mimic::Trial;
use tokio::time::Instant;

/// Tests that take longer are named in the end, so that it is seen where the time goes.
const LONG: Duration = Duration::from_secs(15);

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
    let long = Arc::new(Mutex::new(Vec::new()));
    let trials = cases.into_iter().map(|(name, case)| {
        let (run, long, name) = (run.clone(), Arc::clone(&long), name.into());
        let timed = {
            let name = name.clone();
            move || {
                let start = Instant::now();
                let outcome = run(case);
                if start.elapsed() > LONG {
                    let entry = (start.elapsed(), name);
                    long.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                }
                outcome
            }
        };
        Trial::test(name, timed).with_ignored_flag(!is_root)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let mut long = long.lock().unwrap_or_else(PoisonError::into_inner);
    long.sort_unstable_by(|one, other| other.cmp(one));
    let mut out = std::io::stdout();
    for (took, name) in long.iter() {
        writeln!(out, "{:>5} s  {name}", took.as_secs())?;
    }
    Ok(conclusion)
}
