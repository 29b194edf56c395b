//! Commands in containers. The engine has no call that ends one, so that the end of one that takes too long is made here, as the engine itself
//! does with health checks: its process is killed (moby `daemon/exec.go`), and whatever it has started with it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::Stream;
use futures_util::TryStreamExt;
use nix::errno::Errno;
use nix::sys::signal;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use swarmlite_proto::error::chain;
use tokio::time::Instant;
use tokio::time::timeout_at;

use super::answer::failure;
use super::engine::DockerRuntime;
use crate::task::runtime::Executed;
use crate::task::runtime::RuntimeError;

/// How much is kept of what a command says, in bytes.
const MAX_OUTPUT: usize = 4096;

/// A command that takes too long could not be killed.
#[derive(Debug, thiserror::Error)]
enum KillError {
    #[error("cannot ask the engine for its process")]
    Engine(#[source] EngineError),
    #[error("cannot look at process {pid}")]
    Look { pid: i32, source: io::Error },
    #[error("process {0} is not in the container, as this node numbers its processes")]
    Elsewhere(i32),
    #[error("cannot kill process {pid}")]
    Signal { pid: i32, source: Errno },
}

impl DockerRuntime {
    /// Runs a command in a container, for at most `limit` unless it cannot be killed. It is read to the end, as that is the end of the command.
    pub(super) async fn run_command(
        &self,
        container: &str,
        command: Vec<String>,
        limit: Duration,
    ) -> Result<Executed, RuntimeError> {
        let deadline = Instant::now() + limit;
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command),
            ..ExecConfig::default()
        };
        let exec = self.docker.create_exec(container, config).await.map_err(failure)?.id;
        let started = self.docker.start_exec(&exec, None).await.map_err(failure)?;
        let mut text = Vec::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            // Cancel-safe: what has been read is in `text`.
            if let Ok(read) = timeout_at(deadline, read(&mut output, &mut text)).await {
                read?;
            } else {
                if let Err(error) = self.kill(container, &exec).await {
                    tracing::warn!(
                        container,
                        error = chain(&error),
                        "a command that takes too long goes on"
                    );
                }
                read(&mut output, &mut text).await?;
                return Ok(Executed::Killed);
            }
        }
        let inspected = self.docker.inspect_exec(&exec).await.map_err(failure)?;
        Ok(Executed::Exited {
            exit_code: inspected.exit_code.unwrap_or(-1),
            output: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// Kills the command of an exec. One that has ended is no error.
    async fn kill(&self, container: &str, exec: &str) -> Result<(), KillError> {
        let holder = self.docker.inspect_container(container, None).await;
        let first = holder.map_err(KillError::Engine)?.state.and_then(|state| state.pid);
        let exec = self.docker.inspect_exec(exec).await.map_err(KillError::Engine)?;
        let number = |pid: Option<i64>| pid.and_then(|pid| i32::try_from(pid).ok());
        match (number(first), number(exec.pid)) {
            (Some(first), Some(pid)) if exec.running == Some(true) && first > 0 && pid > 0 => {
                ensure_inside(pid, first)?;
                kill_group(pid)
            }
            _ => Ok(()),
        }
    }
}

/// Reads to the end; keeps the beginning.
async fn read(
    output: &mut (impl Stream<Item = Result<LogOutput, EngineError>> + Unpin),
    text: &mut Vec<u8>,
) -> Result<(), RuntimeError> {
    while let Some(part) = output.try_next().await.map_err(failure)? {
        let part = part.into_bytes();
        let rest = MAX_OUTPUT.saturating_sub(text.len()).min(part.len());
        text.extend_from_slice(&part[..rest]);
    }
    Ok(())
}

/// Ensures that a process is in the container whose first process is `first`. With some runtimes containers are virtual machines, and what the
/// engine tells is no number of this node; and what has ended may have passed its number on.
fn ensure_inside(pid: i32, first: i32) -> Result<(), KillError> {
    let mounts = |pid: i32, process: &str| -> Result<PathBuf, KillError> {
        fs::read_link(format!("/proc/{process}/ns/mnt"))
            .map_err(|source| KillError::Look { pid, source })
    };
    let of_container = mounts(first, &first.to_string())?;
    let of_command = mounts(pid, &pid.to_string())?;
    let is_inside = of_command == of_container && of_container != mounts(pid, "self")?;
    if is_inside { Ok(()) } else { Err(KillError::Elsewhere(pid)) }
}

/// Kills a process and its group. An OCI runtime makes each command the leader of a session, so that what the command starts is in
/// its group unless it has taken care not to be.
fn kill_group(pid: i32) -> Result<(), KillError> {
    let pid = Pid::from_raw(pid);
    let killed = match signal::killpg(pid, Signal::SIGKILL) {
        // It leads no group.
        Err(Errno::ESRCH) => signal::kill(pid, Signal::SIGKILL),
        other => other,
    };
    match killed {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(source) => Err(KillError::Signal { pid: pid.as_raw(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn what_a_command_has_started_is_killed_with_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo started; sleep 1000"]).stdout(Stdio::piped());
        let mut running = command.process_group(0).spawn().expect("there is a shell");
        let mut output = running.stdout.take().expect("it is piped");
        let mut said = [0; 8];
        output.read_exact(&mut said).expect("both run");
        let pid = i32::try_from(running.id()).expect("a number");
        kill_group(pid).expect("kills");
        let mut rest = Vec::new();
        // The end comes when nobody is left who could write.
        output.read_to_end(&mut rest).expect("reads");
        let status = running.wait().expect("ends");
        assert_eq!((status.signal(), rest), (Some(9), Vec::new()));
        kill_group(pid).expect("it has ended already");
    }

    #[test]
    fn processes_of_the_node_are_not_killed() {
        let own = i32::try_from(std::process::id()).expect("a number");
        assert!(matches!(ensure_inside(own, own), Err(KillError::Elsewhere(pid)) if pid == own));
        assert!(matches!(ensure_inside(i32::MAX, own), Err(KillError::Look { .. })));
    }
}
