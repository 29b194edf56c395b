//! A manager's process, as the fleet sees it.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use hyper::Method;
use serde_json::Value;
use swarmlite_lab::http;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStdin;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::manager;
use crate::manager::Question;
use crate::manager::Word;
use crate::standing::Standing;

/// How long a manager may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Clock ticks in a second: what `/proc` counts processor time in (`proc(5)`; Linux has no other on the platforms that it is built for here).
const TICKS: f64 = 100.0;

/// The states that a manager has applied, and when.
pub(crate) type Applied = Arc<Mutex<Vec<(Generation, Timestamp)>>>;

/// A manager. Its process ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Managing {
    process: Child,
    /// Where it listens for nodes.
    pub(crate) addr: SocketAddr,
    /// The states that it has applied.
    pub(crate) applied: Applied,
    socket: PathBuf,
    questions: ChildStdin,
    answers: mpsc::UnboundedReceiver<Standing>,
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Memory, in bytes.
    pub(crate) memory: u64,
    /// The most that it was.
    pub(crate) peak: u64,
}

impl Managing {
    /// Starts a manager in `dir`: the first one of a cluster, or one that joins another with a token.
    pub(crate) async fn start(
        dir: &Path,
        join: Option<(SocketAddr, &str)>,
    ) -> anyhow::Result<Self> {
        let addr = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("manager").arg("--dir").arg(dir).arg("--addr").arg(addr.to_string());
        if let Some((first, token)) = join {
            command.arg("--join").arg(first.to_string()).arg("--token").arg(token);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let questions = process.stdin.take().context("no input")?;
        let mut words = BufReader::new(process.stdout.take().context("no output")?).lines();
        let first = timeout(STARTS_WITHIN, words.next_line()).await.context("does not start")??;
        let first = first.context("the manager has ended")?;
        if !matches!(serde_json::from_str(&first)?, Word::Ready) {
            bail!("unexpected: {first}");
        }
        let applied = Applied::default();
        let (answer, answers) = mpsc::unbounded_channel();
        tokio::spawn(listen(words, Arc::clone(&applied), answer));
        let socket = manager::socket(dir);
        Ok(Self { process, addr, applied, socket, questions, answers })
    }

    /// Asks it.
    pub(crate) async fn ask(&mut self, question: &Question) -> anyhow::Result<Standing> {
        let line = serde_json::to_string(question)? + "\n";
        self.questions.write_all(line.as_bytes()).await?;
        self.questions.flush().await?;
        self.answers.recv().await.context("the manager has ended")
    }

    /// The API.
    pub(crate) fn api(&self) -> Api {
        Api { socket: self.socket.clone() }
    }

    /// What its process has used.
    pub(crate) fn used(&self) -> anyhow::Result<Used> {
        used(self.process.id().context("the manager has ended")?)
    }
}

async fn listen(
    mut words: Lines<BufReader<ChildStdout>>,
    applied: Applied,
    answers: mpsc::UnboundedSender<Standing>,
) -> anyhow::Result<()> {
    while let Some(line) = words.next_line().await? {
        match serde_json::from_str(&line)? {
            Word::Ready => {}
            Word::Applied(generation, at) => {
                applied.lock().unwrap_or_else(PoisonError::into_inner).push((generation, at));
            }
            Word::Standing(standing) => answers.send(standing)?,
        }
    }
    Ok(())
}

fn used(pid: u32) -> anyhow::Result<Used> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold anything. `utime` and `stime` are the 14th and the 15th field, the one after the name is the 3rd.
    let (_, fields) = stat.rsplit_once(')').context("not a stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks: u32 = ticks.sum::<Result<_, _>>()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = |name: &str| -> anyhow::Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no memory")?;
        Ok(line.split_whitespace().next().context("no number")?.parse()?)
    };
    Ok(Used {
        cpu: Duration::from_secs_f64(f64::from(ticks) / TICKS),
        memory: kilobytes("VmRSS:")? * 1024,
        peak: kilobytes("VmHWM:")? * 1024,
    })
}

/// The API of a manager.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    socket: PathBuf,
}

impl Api {
    /// Reads.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, "").await
    }

    /// Has something done.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, &body.to_string()).await
    }

    /// Removes something.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, "").await
    }

    async fn call(&self, method: Method, path: &str, body: &str) -> anyhow::Result<Value> {
        let reply = http::request(&self.socket, method.clone(), path, body).await?;
        if reply.status >= 300 {
            bail!("{method} {path}: {} {}", reply.status, reply.body);
        }
        if reply.body.is_empty() { Ok(Value::Null) } else { reply.json() }
    }
}
