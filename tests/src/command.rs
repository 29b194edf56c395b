//! Running programs.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use tokio::process::Command;

/// No program that the lab waits for may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs `command` and returns what it printed.
///
/// # Errors
///
/// When it cannot be started, does not end in two minutes, or fails: with all that it printed.
pub async fn run(command: &mut Command) -> anyhow::Result<String> {
    let shown = show(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .with_context(|| format!("`{shown}` did not end within {LIMIT:?}"))?
        .with_context(|| format!("cannot start `{shown}`"))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = format!("{stdout}{stderr}");
        bail!("`{shown}` failed ({}): {}", output.status, said.trim_end());
    }
    Ok(stdout.into_owned())
}

/// Runs the shell command `script`.
pub(crate) async fn shell(script: &str) -> anyhow::Result<String> {
    run(Command::new("sh").args(["-ec", script])).await
}

fn show(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_tells_what_was_run_and_what_it_said() {
        let error = shell("echo out; echo err >&2; exit 3").await.unwrap_err().to_string();
        assert!(error.contains("exit 3` failed (exit status: 3): out\nerr"), "{error}");
        assert_eq!(shell("echo out; echo err >&2").await.unwrap(), "out\n");
    }
}
