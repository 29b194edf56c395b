//! The two long-running programs of a node.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;

use crate::command::run;
use crate::node::Node;

/// What daemons log: all of the project's own, and of libraries what they find worth telling.
const LOG_FILTER: &str =
    "info,swarmlite=debug,swarmlite_agent=debug,swarmlite_manager=debug,swarmlite_rpc=debug";

/// A long-running program of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `dockerd`, with a containerd of its own.
    Engine,
    /// `swarmlite daemon`.
    Daemon,
}

impl Service {
    /// Its name in messages and in the names of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "dockerd",
            Self::Daemon => "swarmlite",
        }
    }

    /// The socket on which it answers.
    pub(crate) fn socket(self, node: &Node) -> PathBuf {
        match self {
            Self::Engine => node.engine_socket(),
            Self::Daemon => node.socket(),
        }
    }

    /// Where it logs to.
    pub(crate) fn log(self, node: &Node) -> PathBuf {
        node.dir.join(format!("{}.log", self.name()))
    }

    /// Its process id, as the node's own processes see it. On the node's own `/run`, so that it does not survive the node.
    fn pid_file(self) -> String {
        format!("/run/lab-{}.pid", self.name())
    }

    /// Starts it in the background, with `further` options.
    pub(crate) fn spawn(self, node: &Node, further: &[&str]) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log(node))?;
        let mut command = node.namespace()?.command("sh");
        let script = format!(r#"echo $$ >{}; exec "$@""#, self.pid_file());
        command.args(["-ec", &script, "sh"]).arg(self.program(node));
        command.args(self.options(node).split_whitespace()).args(further);
        command.env("RUST_BACKTRACE", "1");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: an interrupt from the terminal is not for it.
        command.process_group(0).spawn().with_context(|| format!("start {}", self.name()))?;
        Ok(())
    }

    fn program(self, node: &Node) -> &OsStr {
        match self {
            Self::Engine => OsStr::new("dockerd"),
            Self::Daemon => node.programs.swarmlite.as_os_str(),
        }
    }

    /// Its options, separated by spaces: no path in them has any.
    fn options(self, node: &Node) -> String {
        let Node { name, dir, cgroup, .. } = node;
        let dir = dir.display();
        match self {
            Self::Engine => format!(
                "--data-root {dir}/data --pidfile /run/dockerd.pid --host unix://{dir}/docker.sock \
                 --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent {cgroup}"
            ),
            Self::Daemon => format!(
                "daemon --state-dir {dir}/state --socket unix://{dir}/swarmlite.sock \
                 --docker unix://{dir}/docker.sock --plugin-dir {dir}/plugins --hostname {name} \
                 --log {LOG_FILTER}"
            ),
        }
    }

    /// Whether it runs.
    pub(crate) async fn is_running(self, node: &Node) -> anyhow::Result<bool> {
        // A process that has ended and was not yet waited for can do nothing any more, unless one of its threads is still about to end: then
        // its sockets are open.
        let script = format!(
            "read -r pid <{} && read -r _ _ state _ </proc/$pid/stat \
             && {{ [ $state != Z ] || [ \"$(echo /proc/$pid/task/*)\" != /proc/$pid/task/$pid ]; }} \
             && echo running || true",
            self.pid_file()
        );
        let said = run(node.namespace()?.command("sh").args(["-c", &script])).await?;
        Ok(said == "running\n")
    }

    /// Sends it a signal, unless it does not run.
    pub(crate) async fn signal(self, node: &Node, signal: &str) -> anyhow::Result<()> {
        if !self.is_running(node).await? {
            return Ok(());
        }
        let script = format!("kill -{signal} $(cat {})", self.pid_file());
        run(node.namespace()?.command("sh").args(["-c", &script])).await?;
        Ok(())
    }
}
