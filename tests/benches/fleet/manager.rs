//! A manager in a process of its own: all of it but the node around it. It serves the API on a Unix socket, says on its standard output when which
//! state was applied, answers there what it is asked on its standard input, and ends when that ends.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_agent::identity;
use swarmlite_agent::identity::Wish;
use swarmlite_api::ApiState;
use swarmlite_api::Audit;
use swarmlite_api::Engine;
use swarmlite_api::NodeControl;
use swarmlite_api::NodeFacts;
use swarmlite_api::Place;
use swarmlite_api::Reservation;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::backup::Backup;
use swarmlite_manager::ca;
use swarmlite_manager::manager::Manager;
use swarmlite_manager::manager::ManagerConfig;
use swarmlite_manager::manager::Start;
use swarmlite_manager::routing::PATIENCE;
use swarmlite_manager::store::Store;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::DEFAULT_ADDRESS_POOL;
use swarmlite_proto::spec::DEFAULT_DATA_PATH_PORT;
use swarmlite_proto::spec::DEFAULT_SUBNET_SIZE;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Client;
use swarmlite_vault::Vault;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::sync::mpsc;

use crate::standing::Standing;

/// How a manager is started.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Keep everything in this folder
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Listen on this address for other nodes
    #[arg(long)]
    pub(crate) addr: SocketAddr,
    /// Join the manager at this address instead of making a cluster
    #[arg(long, requires = "token")]
    pub(crate) join: Option<SocketAddr>,
    /// Join with this token
    #[arg(long)]
    pub(crate) token: Option<String>,
}

/// What a manager is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Question {
    /// Where the tasks of the cluster are.
    Stand,
    /// Where those of a service are, once so many of them are routed and one of before is not wanted any more.
    Settled(String, usize, Option<TaskId>),
}

/// What a manager says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// It can be asked.
    Ready,
    /// A state was applied.
    Applied(Generation, Timestamp),
    /// The answer to the question before.
    Standing(Standing),
}

/// The socket of the API of the manager in `dir`.
pub(crate) fn socket(dir: &Path) -> PathBuf {
    dir.join("api.sock")
}

/// Runs until the standard input ends.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let dir = arguments.dir.clone();
    let (manager, node_id) = start(arguments).await?;
    let node = Node { node_id, manager: Arc::new(manager) };
    let manager = Arc::clone(&node.manager);
    let engine = Arc::new(Engine::new(&dir.join("no-engine.sock")));
    let listener = swarmlite_api::bind(&socket(&dir)).await?;
    let router =
        swarmlite_api::router(ApiState { node: Arc::new(node), engine, audit: Audit::default() });
    tokio::spawn(swarmlite_api::serve(listener, router));
    let (words, mut said) = mpsc::unbounded_channel();
    words.send(Word::Ready)?;
    tokio::spawn(tell_states(Arc::clone(&manager), words.clone()));
    let speaking = tokio::spawn(async move {
        let mut out = tokio::io::stdout();
        while let Some(word) = said.recv().await {
            let line = serde_json::to_string(&word)? + "\n";
            out.write_all(line.as_bytes()).await?;
            out.flush().await?;
        }
        anyhow::Ok(())
    });
    let mut questions = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = questions.next_line().await? {
        let standing = answer(&manager, serde_json::from_str(&line)?).await?;
        words.send(Word::Standing(standing))?;
    }
    speaking.abort();
    Ok(())
}

async fn start(arguments: Arguments) -> anyhow::Result<(Manager, NodeId)> {
    let Arguments { dir, addr, join, token } = arguments;
    tokio::fs::create_dir_all(&dir).await?;
    let vault = Vault::open(&dir.join("keys"))?;
    vault.fill(None)?;
    let (identity, start) = match join {
        None => found(addr)?,
        Some(first) => {
            let token = token.context("no token")?;
            let availability = Availability::Drain;
            let wish = Wish { availability, advertise_addr: addr, witness: false };
            let joined = identity::join(first, &token, wish).await?;
            (joined.identity, Start::Join(joined.managers))
        }
    };
    let config = ManagerConfig {
        dir: dir.join("raft"),
        sealer: vault.sealer(),
        listen_addr: addr,
        advertise_addr: addr,
        witness: false,
        client: Client::new(&identity)?,
        identity: identity.clone(),
        routing_patience: PATIENCE,
    };
    let manager = Manager::start(config, start).await?;
    manager.ready().await?;
    Ok((manager, identity.node_id))
}

fn found(advertise_addr: SocketAddr) -> anyhow::Result<(Identity, Start)> {
    let init = ca::ClusterInit {
        spec: SwarmSpec::default(),
        advertise_addr,
        availability: Availability::Drain,
        default_addr_pool: vec![DEFAULT_ADDRESS_POOL],
        subnet_size: DEFAULT_SUBNET_SIZE,
        data_path_port: DEFAULT_DATA_PATH_PORT,
    };
    let founding = ca::found(init, &mut rand::rng(), Timestamp::now())?;
    Ok((founding.identity, Start::Found(Box::new(founding.transaction))))
}

async fn tell_states(manager: Arc<Manager>, words: mpsc::UnboundedSender<Word>) {
    let mut states = manager.store().watch();
    while states.changed().await.is_ok() {
        let generation = states.borrow_and_update().generation();
        if words.send(Word::Applied(generation, Timestamp::now())).is_err() {
            return;
        }
    }
}

async fn answer(manager: &Manager, question: Question) -> anyhow::Result<Standing> {
    match question {
        Question::Stand => Ok(Standing::of_cluster(&manager.store().state())),
        Question::Settled(service, count, gone) => {
            let mut states = manager.store().watch();
            let settled = states.wait_for(|state| {
                Standing::of_service(state, &service).is_settled(count)
                    && gone.as_ref().is_none_or(|gone| !Standing::wants(state, gone))
            });
            Ok(Standing::of_service(&*settled.await?, &service))
        }
    }
}

/// The node of the manager, as its API sees it.
struct Node {
    node_id: NodeId,
    manager: Arc<Manager>,
}

/// The answer to what only a whole node can do.
fn refuse<T: Send + 'static>() -> BoxFuture<'static, Result<T>> {
    async { Err(Error::not_implemented("there is only a manager here")) }.boxed()
}

impl NodeControl for Node {
    fn init(&self, _: InitRequest) -> BoxFuture<'_, Result<NodeId>> {
        refuse()
    }

    fn restore(&self, _: Backup, _: Place) -> BoxFuture<'_, Result<()>> {
        refuse()
    }

    fn join(&self, _: JoinRequest) -> BoxFuture<'_, Result<()>> {
        refuse()
    }

    fn leave(&self) -> BoxFuture<'_, Result<()>> {
        refuse()
    }

    fn unlock(&self, _: String) -> BoxFuture<'_, Result<()>> {
        refuse()
    }

    fn membership(&self) -> SwarmInfo {
        SwarmInfo {
            node_id: self.node_id.to_string(),
            local_node_state: LocalNodeState::Active,
            control_available: true,
            ..SwarmInfo::default()
        }
    }

    fn attach(&self, _: AttachRequest) -> BoxFuture<'_, Result<Reservation>> {
        refuse()
    }

    fn metrics(&self) -> BoxFuture<'_, Result<String>> {
        refuse()
    }

    fn examine(&self) -> BoxFuture<'_, NodeFacts> {
        async { NodeFacts { disk: Err("not measured".to_owned()), agent: None } }.boxed()
    }

    fn manager(&self) -> Option<ManagerAccess> {
        Some(self.manager.access())
    }
}
