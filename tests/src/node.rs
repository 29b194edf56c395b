//! One machine of the lab: its namespaces, its engine, its daemon.
//!
//! All files of a node are in one folder, named the same inside and outside the node's namespaces.

mod kernel;
mod service;

use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use hyper::Method;
use tokio::process::Command;

use crate::answer::Answer;
use crate::command::run;
use crate::http;
use crate::http::Reply;
use crate::image;
use crate::namespace::Extent;
use crate::namespace::Namespace;
pub use crate::node::service::Service;
use crate::wait::eventually;

/// How long an engine or a daemon may take to answer after its start. An engine that has containers to start on networks of the cluster waits most
/// of a minute for the driver if it is started before the daemon.
const START_LIMIT: Duration = Duration::from_secs(120);

/// The programs of a lab.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) swarmlite: PathBuf,
    pub(crate) whoami: PathBuf,
}

/// One machine of the lab.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) dir: PathBuf,
    /// The parent of the control groups of its containers.
    pub(crate) cgroup: String,
    /// The holder of its namespaces.
    pub(crate) marker: String,
    pub(crate) programs: Programs,
}

impl Node {
    /// Its name, which is its host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the switch.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The folder of all its files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder where its daemon keeps what must survive a restart.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// The socket of its daemon.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("swarmlite.sock")
    }

    /// The socket of its engine.
    #[must_use]
    pub fn engine_socket(&self) -> PathBuf {
        self.dir.join("docker.sock")
    }

    /// Its namespaces.
    ///
    /// # Errors
    ///
    /// When its power is off.
    pub fn namespace(&self) -> anyhow::Result<Namespace> {
        Namespace::find(&self.marker, Extent::Machine)?
            .with_context(|| format!("{} is off", self.name))
    }

    /// The same node with another `swarmlite` program, for daemons that are started from now on and for clients.
    #[must_use]
    pub fn with_swarmlite(&self, swarmlite: PathBuf) -> Self {
        Self { programs: Programs { swarmlite, ..self.programs.clone() }, ..self.clone() }
    }

    /// Makes the namespaces of this node, its network not yet plugged in.
    pub(crate) async fn make_namespace(&self) -> anyhow::Result<Namespace> {
        for folder in ["plugins", "etc-docker", "state"] {
            tokio::fs::create_dir_all(self.dir.join(folder)).await?;
        }
        let setup = format!(
            "cd {dir}\n\
             echo {name} >/proc/sys/kernel/hostname\n\
             mount -t tmpfs tmpfs /run\n\
             mkdir -p /run/docker/plugins /run/lock /run/netns /etc/docker\n\
             mount --bind plugins /run/docker/plugins\n\
             mount --bind etc-docker /etc/docker\n\
             conf=$(readlink -m /etc/resolv.conf)\n\
             mkdir -p ${{conf%/*}}\n\
             [ -e $conf ] || touch $conf\n\
             mount --bind ../resolv.conf $conf\n\
             ip link set lo up",
            dir = self.dir.display(),
            name = self.name,
        );
        Namespace::create(&self.marker, Extent::Machine, &setup).await
    }

    /// Imports the workload's image from `archive` into the node's engine.
    pub(crate) async fn import(&self, archive: &Path) -> anyhow::Result<()> {
        let archive = archive.display().to_string();
        let changes = ["--change", r#"ENTRYPOINT ["/whoami"]"#, "--change", "EXPOSE 8000"];
        let mut args = vec!["import"];
        args.extend(changes);
        args.extend([archive.as_str(), image::NAME]);
        self.docker(&args).await?;
        Ok(())
    }

    /// Writes the engine's configuration file, a JSON document (`/etc/docker/daemon.json`), and restarts the engine with it.
    ///
    /// # Errors
    ///
    /// As [`Node::restart`].
    pub async fn set_engine_options(&self, options: &str) -> anyhow::Result<()> {
        tokio::fs::write(self.dir.join("etc-docker/daemon.json"), options).await?;
        self.restart(Service::Engine).await
    }

    /// Runs the `swarmlite` client against this node's daemon, and returns what it printed.
    ///
    /// # Errors
    ///
    /// When it fails, with what it said.
    pub async fn swarmlite(&self, args: &[&str]) -> anyhow::Result<String> {
        let host = format!("unix://{}", self.socket().display());
        let mut command = Command::new(&self.programs.swarmlite);
        run(command.args(args).env("SWARMLITE_HOST", host)).await
    }

    /// Runs the `docker` client against this node's own engine, and returns what it printed.
    ///
    /// # Errors
    ///
    /// When it fails, with what it said.
    pub async fn docker(&self, args: &[&str]) -> anyhow::Result<String> {
        let host = format!("unix://{}", self.engine_socket().display());
        run(Command::new("docker").args(args).env("DOCKER_HOST", host)).await
    }

    /// Sends one request to this node's daemon.
    ///
    /// # Errors
    ///
    /// When there is no whole answer.
    pub async fn api(&self, method: Method, path: &str, body: &str) -> anyhow::Result<Reply> {
        http::request(&self.socket(), method, path, body).await
    }

    /// Runs the workload's client (`get`, `udp` or `lookup`) on this node, outside any container.
    ///
    /// # Errors
    ///
    /// When it fails, with what it said.
    pub async fn whoami(&self, args: &[&str]) -> anyhow::Result<String> {
        run(self.namespace()?.command(&self.programs.whoami).args(args)).await
    }

    /// Asks `url` `count` times from this node, each time over a new connection.
    ///
    /// # Errors
    ///
    /// When a request fails or its answer is not one of the workload.
    pub async fn get(&self, url: &str, count: u32) -> anyhow::Result<Vec<Answer>> {
        Answer::parse_all(&self.whoami(&["get", url, "-n", &count.to_string()]).await?)
    }

    /// Whether `service` runs.
    ///
    /// # Errors
    ///
    /// When the power of the node is off.
    pub async fn is_running(&self, service: Service) -> anyhow::Result<bool> {
        service.is_running(self).await
    }

    /// Starts `service` and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it runs already, ends, or does not answer in a minute: with the end of its log.
    pub async fn start(&self, service: Service) -> anyhow::Result<()> {
        self.start_with(service, &[]).await
    }

    /// The same, with further options.
    ///
    /// # Errors
    ///
    /// As [`Node::start`].
    pub async fn start_with(&self, service: Service, options: &[&str]) -> anyhow::Result<()> {
        ensure!(!service.is_running(self).await?, "{} of {} runs", service.name(), self.name);
        service.spawn(self, options)?;
        let socket = service.socket(self);
        let what = format!("an answer of {} on {}", service.name(), self.name);
        let answers = eventually(&what, START_LIMIT, async || {
            let reply = http::request(&socket, Method::GET, "/_ping", "").await?;
            ensure!(reply.status == 200, "status {}", reply.status);
            Ok(())
        });
        match answers.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.log_end(service, 20))),
        }
    }

    /// Starts `service`, which is to end by itself, and returns what it has logged.
    ///
    /// # Errors
    ///
    /// When it runs already, or still runs after a minute.
    pub async fn start_in_vain(&self, service: Service) -> anyhow::Result<String> {
        ensure!(!service.is_running(self).await?, "{} of {} runs", service.name(), self.name);
        let path = service.log(self);
        let before = std::fs::read(&path)?.len();
        service.spawn(self, &[])?;
        let what = format!("the end of {} on {}", service.name(), self.name);
        eventually(&what, START_LIMIT, async || {
            // It is known to run before it says anything.
            ensure!(std::fs::read(&path)?.len() > before, "it says nothing");
            ensure!(!service.is_running(self).await?, "it runs");
            // Read again: what it says last it may have said in between.
            Ok(String::from_utf8_lossy(&std::fs::read(&path)?[before..]).into_owned())
        })
        .await
    }

    /// Sends a signal such as `STOP` to `service`. One that does not run is no error.
    ///
    /// # Errors
    ///
    /// When the node is off.
    pub async fn signal(&self, service: Service, signal: &str) -> anyhow::Result<()> {
        service.signal(self, signal).await
    }

    /// Sends a signal such as `KILL` to `service`, and waits until it has ended. One that does not run is no error.
    ///
    /// # Errors
    ///
    /// When it does not end in a minute.
    pub async fn kill(&self, service: Service, signal: &str) -> anyhow::Result<()> {
        service.signal(self, signal).await?;
        let what = format!("the end of {} on {}", service.name(), self.name);
        eventually(&what, START_LIMIT, async || {
            ensure!(!service.is_running(self).await?, "it runs");
            Ok(())
        })
        .await
    }

    /// Asks `service` to end, waits, and starts it again.
    ///
    /// # Errors
    ///
    /// As [`Node::kill`] and [`Node::start`].
    pub async fn restart(&self, service: Service) -> anyhow::Result<()> {
        self.kill(service, "TERM").await?;
        self.start(service).await
    }

    /// The last `lines` of the log of `service`.
    #[must_use]
    pub fn log_end(&self, service: Service, lines: usize) -> String {
        let path = service.log(self);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        let end = all[all.len().saturating_sub(lines)..].join("\n");
        format!("--- the end of {}\n{end}", path.display())
    }

    /// What the kernel and the engine of this node hold, as lines of text that are the same whenever nothing has changed.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn kernel_state(&self) -> anyhow::Result<String> {
        kernel::dump(self).await
    }
}
