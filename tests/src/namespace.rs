//! Namespaces, each held by one process, and commands that run in them.
//!
//! The process is started with a marker as its last argument. The marker, not a file, is how it is found again: by another process,
//! and after a crash. Nothing outside refers to the namespaces, so they end with their process, which is the first of a process
//! namespace: everything that runs in that ends too.

use std::ffi::OsStr;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::Command;

use crate::wait::eventually;

/// How long the making or the ending of a namespace may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The namespaces of one process.
#[derive(Clone, Debug)]
pub struct Namespace {
    marker: String,
    holder: Pid,
    whole: bool,
}

/// What a namespace has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A network.
    Network,
    /// A network, mounts, processes and a host name: a machine but for its kernel.
    Machine,
}

impl Namespace {
    /// Makes namespaces, runs `setup` in them, and leaves a process behind that holds them. `setup` is a script for bash.
    pub(crate) async fn create(marker: &str, extent: Extent, setup: &str) -> anyhow::Result<Self> {
        let machine: &[&str] = match extent {
            Extent::Network => &[],
            Extent::Machine => &["--mount", "--uts", "--mount-proc"],
        };
        // The holder is the first process of its process namespace and has to reap what others leave behind, which bash does while it
        // waits.
        let script =
            format!("set -e\n{setup}\necho ready\nexec >/dev/null 2>&1\nsleep infinity & wait");
        let mut command = Command::new("unshare");
        command.args(["--net", "--pid", "--fork", "--kill-child"]).args(machine);
        command.args(["bash", "-c", &script, marker]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: an interrupt from the terminal is not for it.
        let child = command.process_group(0).spawn().context("cannot start unshare")?;
        tokio::time::timeout(LIMIT, ready(child))
            .await
            .with_context(|| format!("{marker}: the set-up did not end"))?
            .with_context(|| format!("set up {marker}"))?;
        Self::find(marker, extent)?.with_context(|| format!("{marker} ended at once"))
    }

    /// The namespaces whose holder has `marker`, if it lives.
    pub(crate) fn find(marker: &str, extent: Extent) -> anyhow::Result<Option<Self>> {
        let holder = holders()?.into_iter().find(|(_, name)| name == marker);
        Ok(holder.map(|(holder, marker)| Self { marker, holder, whole: extent == Extent::Machine }))
    }

    /// Kills the holder, and with it all that was started in its process namespace, and waits for the end.
    pub(crate) async fn destroy(&self) -> anyhow::Result<()> {
        match kill(self.holder, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("kill {}", self.marker)),
        }
        eventually(&format!("the end of {}", self.marker), LIMIT, async || {
            match holders()?.iter().any(|(holder, _)| *holder == self.holder) {
                true => bail!("it runs"),
                false => Ok(()),
            }
        })
        .await
    }

    /// `program`, to be run in these namespaces.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.to_string(), "--net"]);
        if self.whole {
            command.args(["--mount", "--uts", "--pid"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Its network, for a thread to enter.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn network(&self) -> anyhow::Result<fs::File> {
        self.open(&format!("/proc/{}/ns/net", self.holder))
    }

    /// The network of a process in these namespaces, by the id that it has in them.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn network_of(&self, process: u32) -> anyhow::Result<fs::File> {
        // The mount of `/proc` in there knows processes by those ids.
        self.open(&format!("/proc/{}/root/proc/{process}/ns/net", self.holder))
    }

    fn open(&self, path: &str) -> anyhow::Result<fs::File> {
        fs::File::open(path).with_context(|| format!("{path} of {}", self.marker))
    }

    /// The holder, for `ip link set ... netns`.
    pub(crate) const fn pid(&self) -> Pid {
        self.holder
    }
}

/// Every holder on this machine, with its marker.
pub(crate) fn holders() -> anyhow::Result<Vec<(Pid, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // The process may have ended meanwhile.
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        if let Some(marker) = marker_of(&line).filter(|_| is_first(&status)) {
            found.push((Pid::from_raw(pid), marker.to_owned()));
        }
    }
    Ok(found)
}

/// The marker in a command line as the kernel gives it: `bash`, `-c`, the script, the marker, each ended by a zero byte.
fn marker_of(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_terminator('\0').collect();
    match words[..] {
        ["bash", "-c", _, marker] if marker.starts_with("swarmlite-lab:") => Some(marker),
        _ => None,
    }
}

/// Whether `status`, as the kernel gives it, is of the first process of a process namespace. A child of a holder looks like the holder
/// for as long as it has not yet become another program.
fn is_first(status: &str) -> bool {
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ids.and_then(|ids| ids.split_whitespace().next_back()) == Some("1")
}

/// Waits until `child` says that it is ready.
async fn ready(mut child: Child) -> anyhow::Result<()> {
    let mut line = String::new();
    let stdout = child.stdout.take().context("no output")?;
    BufReader::new(stdout).read_line(&mut line).await?;
    if line == "ready\n" {
        return Ok(());
    }
    let mut said = String::new();
    child.stderr.take().context("no error output")?.read_to_string(&mut said).await?;
    bail!("{line}{}", said.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_holders_are_taken_for_holders() {
        let holder = "bash\0-c\0set -e\nwait\0swarmlite-lab:a:node1\0";
        assert_eq!(marker_of(holder), Some("swarmlite-lab:a:node1"));
        for line in [
            "",
            "unshare\0--net\0bash\0-c\0wait\0swarmlite-lab:a:node1\0",
            "bash\0-c\0wait\0other\0",
            "vi\0swarmlite-lab:a:node1\0",
        ] {
            assert_eq!(marker_of(line), None, "{line:?}");
        }
        assert!(is_first("Name:\tbash\nNSpid:\t17\t1\nThreads:\t1\n"));
        assert!(!is_first("Name:\tbash\nNSpid:\t18\t2\nThreads:\t1\n"));
    }
}
