//! Runs the readiness check of one container, again and again, and tells what comes of it. What it means is decided in
//! [`super::readiness`].

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::header::USER_AGENT;
use hyper_util::rt::TokioIo;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::error::chain;
use swarmlite_proto::spec::Probe;
use swarmlite_proto::spec::ReadinessConfig;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::attach::Attach;
use super::readiness::Outcome;
use super::readiness::Readiness;
use super::runtime::Executed;
use super::runtime::Runtime;
use super::runtime::RuntimeError;

/// What a failed command has said is cut to this many characters.
const MAX_OUTPUT: usize = 100;

/// The checks of one process of a container. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Prober {
    pid: u32,
    says: watch::Receiver<Option<String>>,
    _running: AbortOnDropHandle<()>,
}

/// What is checked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The container, by name.
    pub(crate) container: String,
    /// Its first process, in the node's numbering.
    pub(crate) pid: u32,
    /// Its address in its own network.
    pub(crate) addr: IpAddr,
}

impl Target {
    /// A container of `task`.
    #[must_use]
    pub(crate) fn new(container: String, pid: u32, task: &TaskAssignment) -> Self {
        // A container on no network of the cluster has at least itself.
        let addr = task.attachments.first().map_or(Ipv4Addr::LOCALHOST, |at| at.addr.addr());
        Self { container, pid, addr: addr.into() }
    }
}

impl Prober {
    /// Starts to check. `wake` is notified whenever what is said has changed; at first it is `not_ready`.
    #[must_use]
    pub(crate) fn start<R: Runtime, A: Attach>(
        checks: Checks<R, A>,
        not_ready: Option<String>,
        wake: Arc<Notify>,
    ) -> Self {
        let (tell, says) = watch::channel(not_ready.clone());
        let pid = checks.target.pid;
        let mut readiness = Readiness::new(&checks.config, not_ready);
        let running = tokio::spawn(async move {
            let started = Instant::now();
            let mut late = None;
            loop {
                readiness.take(checks.check(&mut late).await, started.elapsed());
                let changed = tell.send_if_modified(|told| {
                    let changed = told.as_deref() != readiness.not_ready();
                    *told = readiness.not_ready().map(str::to_owned);
                    changed
                });
                if changed {
                    wake.notify_one();
                }
                sleep(readiness.pause()).await;
            }
        });
        Self { pid, says, _running: AbortOnDropHandle::new(running) }
    }

    /// Which process is checked.
    #[must_use]
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Why the task is not ready; none if it is.
    #[must_use]
    pub(crate) fn not_ready(&self) -> Option<String> {
        self.says.borrow().clone()
    }
}

/// A command that runs in a container, also while nobody looks: it is killed when its time is over.
type Running = AbortOnDropHandle<Result<Executed, RuntimeError>>;

/// How checks are made.
#[derive(Debug)]
pub(crate) struct Checks<R, A> {
    /// Runs commands.
    pub(crate) runtime: Arc<R>,
    /// Makes connections.
    pub(crate) attach: A,
    /// What is checked.
    pub(crate) target: Target,
    /// How.
    pub(crate) config: ReadinessConfig,
}

impl<R: Runtime, A: Attach> Checks<R, A> {
    /// One check. A command that has taken too long is killed; until it has ended, which may need time, or more than that, it is kept in `late`
    /// and no other is started.
    async fn check(&self, late: &mut Option<Running>) -> Outcome {
        let limit = self.config.timeout().to_duration();
        if let Some(running) = late {
            match timeout(limit, running).await {
                Ok(_) => *late = None,
                Err(_elapsed) => return slow(limit),
            }
        }
        let command = match self.config.probe() {
            Ok(Probe::Command(command)) => command.to_vec(),
            Ok(Probe::Shell(command)) => ["/bin/sh", "-c", command].map(str::to_owned).to_vec(),
            Ok(Probe::Http { port, path }) => {
                let asked = timeout(limit, self.get(port, path, limit)).await;
                return asked.unwrap_or_else(|_elapsed| slow(limit));
            }
            Ok(Probe::Tcp(port)) => {
                return match timeout(limit, self.dial(port, limit)).await {
                    Ok(Ok(_connected)) => Outcome::Passed,
                    Ok(Err(error)) => Outcome::Failed(error.to_string()),
                    Err(_elapsed) => slow(limit),
                };
            }
            // No manager takes such a spec.
            Err(unknown) => return Outcome::Failed(unknown.to_string()),
        };
        let (runtime, container) = (Arc::clone(&self.runtime), self.target.container.clone());
        let mut running: Running = AbortOnDropHandle::new(tokio::spawn(async move {
            runtime.execute(&container, command, limit).await
        }));
        match timeout(limit, &mut running).await {
            Ok(Ok(executed)) => outcome(executed, limit),
            // It has panicked, which says nothing about the task.
            Ok(Err(_)) => Outcome::Unknown,
            Err(_elapsed) => {
                *late = Some(running);
                slow(limit)
            }
        }
    }

    async fn dial(&self, port: u16, limit: Duration) -> io::Result<TcpStream> {
        let addr = SocketAddr::new(self.target.addr, port);
        self.attach.dial(self.target.pid, addr, limit).await
    }

    async fn get(&self, port: u16, path: &str, limit: Duration) -> Outcome {
        let asked = async {
            let stream = self.dial(port, limit).await.map_err(|error| error.to_string())?;
            let text = |error: hyper::Error| chain(&error);
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
            let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
            let request = Request::get(format!("/{path}"))
                .header(HOST, SocketAddr::new(self.target.addr, port).to_string())
                .header(USER_AGENT, "swarmlite")
                .body(Empty::<Bytes>::new())
                .map_err(|error| error.to_string())?;
            let response = sender.send_request(request).await.map_err(text)?;
            Ok::<_, String>(response.status())
        };
        match asked.await {
            Ok(status) if status.is_success() || status.is_redirection() => Outcome::Passed,
            Ok(status) => Outcome::Failed(format!("HTTP status {}", status.as_u16())),
            Err(reason) => Outcome::Failed(reason),
        }
    }
}

fn slow(limit: Duration) -> Outcome {
    Outcome::Failed(format!("no answer within {limit:?}"))
}

fn outcome(executed: Result<Executed, RuntimeError>, limit: Duration) -> Outcome {
    match executed {
        Ok(Executed::Exited { exit_code: 0, .. }) => Outcome::Passed,
        Ok(Executed::Killed) => slow(limit),
        Ok(Executed::Exited { exit_code, output }) => {
            let said: String = output.trim().chars().take(MAX_OUTPUT).collect();
            let separator = if said.is_empty() { "" } else { ": " };
            Outcome::Failed(format!("exit code {exit_code}{separator}{said}"))
        }
        Err(RuntimeError::Refused(reason)) => Outcome::Failed(reason),
        Err(RuntimeError::Unavailable(_)) => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests;
