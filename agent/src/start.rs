//! Puts the agent together: what runs, and who tells whom.

use std::collections::BTreeSet;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use swarmlite_proto::agent::Registration;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Client;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::DropGuard;

use crate::attachments::Attachments;
use crate::attachments::Desk;
use crate::attachments::Named;
use crate::attachments::Stranded;
use crate::config::AgentConfig;
use crate::docker::DockerRuntime;
use crate::handle::AgentHandle;
use crate::handle::Inner;
use crate::http::AccessFile;
use crate::http::FromIngress;
use crate::http::Front;
use crate::http::Listening;
use crate::http::Observed;
use crate::ledger::Ledger;
use crate::load;
use crate::load::Proc;
use crate::logs;
use crate::logs::Publisher;
use crate::metrics::TaskStates;
use crate::network::DataPlaneHandle;
use crate::network::linux::visits::Visits;
use crate::node;
use crate::parts::StartError;
use crate::parts::data_plane;
use crate::parts::files;
use crate::plane;
use crate::renewal::Renewal;
use crate::reporter::Reporter;
use crate::session::Session;
use crate::standing::Known;
use crate::standing::SessionState;
use crate::task::controller::Shared;
use crate::task::files::Files;
use crate::task::networks::Networks;
use crate::worker::Worker;

/// How long after one another the engine is looked for.
const ENGINE_RETRY: Duration = Duration::from_millis(500);

/// The agent of one node.
#[derive(Debug)]
pub enum Agent {}

impl Agent {
    /// Starts the agent of the node that `identity` names. Of `managers` and those it remembers, it looks for the leader by itself.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Nothing runs then.
    pub async fn start(
        config: AgentConfig,
        identity: Identity,
        managers: Vec<SocketAddr>,
    ) -> Result<AgentHandle, StartError> {
        let base = Base::start(config, identity, managers)?;
        let engine = base.engine().await?;
        Ok(base.complete(engine).run())
    }

    /// The same for a node that was a member before: waits for the engine, however long that takes. An engine that has to start containers
    /// on networks of the cluster asks the network driver before it answers, which is served meanwhile.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Nothing runs then.
    pub async fn resume(
        config: AgentConfig,
        identity: Identity,
        managers: Vec<SocketAddr>,
    ) -> Result<AgentHandle, StartError> {
        let base = Base::start(config, identity, managers)?;
        let mut warned = false;
        let engine = loop {
            match base.engine().await {
                Ok(engine) => break engine,
                Err(error) if !warned => {
                    tracing::warn!(error = chain(&error), "waiting for the engine");
                    warned = true;
                }
                Err(error) => tracing::debug!(error = chain(&error), "still waiting"),
            }
            sleep(ENGINE_RETRY).await;
        };
        Ok(base.complete(engine).run())
    }
}

/// What runs before the engine answers: the data plane of what the node remembers, and the network driver.
struct Base {
    config: AgentConfig,
    identity: Identity,
    ledger: Arc<Ledger>,
    known: watch::Sender<Known>,
    managers: watch::Sender<Vec<SocketAddr>>,
    state: watch::Sender<SessionState>,
    client: Client,
    files: Files,
    plane: DataPlaneHandle,
    programmed: watch::Sender<Generation>,
    http: Observed,
    running: JoinSet<()>,
    /// Ends the network driver if the agent does not get to run.
    driver: DropGuard,
}

/// The engine, and what it says about the machine.
struct Engine {
    runtime: DockerRuntime,
    registration: Registration,
}

impl Base {
    fn start(
        config: AgentConfig,
        identity: Identity,
        managers: Vec<SocketAddr>,
    ) -> Result<Self, StartError> {
        let ledger = Arc::new(Ledger::open(&config.state_dir.join("agent"))?);
        let known = watch::Sender::new(ledger.assignments()?.map(Arc::new));
        let managers = watch::Sender::new(merge(managers, ledger.managers()?));
        let client = Client::new(&identity)?;
        let files = files(&config)?;
        let plane = data_plane(&config, identity.node_id.clone()).map_err(StartError::DataPlane)?;
        let driver = plane.driver();
        let programmed = watch::Sender::new(Generation::default());
        let state = watch::Sender::default();
        let balancer = config.dataplane.balancer;
        let (mut running, front) =
            connect_plane(&plane, balancer, (&known, &state), programmed.clone());
        let http = Observed::default();
        let listening = Listening {
            known: known.subscribe(),
            table: front.table(),
            dial: Arc::new(FromIngress {
                plane: plane.clone(),
                known: known.subscribe(),
                node_id: identity.node_id.clone(),
                visits: Visits::default(),
            }),
            access: AccessFile::below(&config.state_dir.join("agent")),
            observed: http.clone(),
        };
        running.spawn(listening.run());
        Ok(Self {
            config,
            identity,
            ledger,
            known,
            managers,
            state,
            client,
            files,
            plane,
            programmed,
            http,
            running,
            driver,
        })
    }

    async fn engine(&self) -> Result<Engine, StartError> {
        let socket = &self.config.docker;
        let failure = |source| StartError::Engine { socket: socket.clone(), source };
        let node_id = self.identity.node_id.clone();
        let runtime = DockerRuntime::connect(socket, node_id).await.map_err(failure)?;
        let registration = node::registration(&runtime, &self.config, &self.identity).await;
        Ok(Engine { runtime, registration: registration.map_err(failure)? })
    }

    fn complete(self, engine: Engine) -> Parts {
        self.driver.disarm();
        Parts {
            config: self.config,
            identity: watch::Sender::new(self.identity),
            ledger: self.ledger,
            known: self.known,
            managers: self.managers,
            state: self.state,
            registration: watch::Sender::new(engine.registration),
            client: self.client,
            runtime: Arc::new(engine.runtime),
            plane: self.plane,
            files: self.files,
            programmed: self.programmed,
            http: self.http,
            running: self.running,
        }
    }
}

/// Runs what connects the data plane with the rest. Returns what it tells the proxy, too.
fn connect_plane(
    plane: &DataPlaneHandle,
    balancer: Balancer,
    (known, state): (&watch::Sender<Known>, &watch::Sender<SessionState>),
    programmed: watch::Sender<Generation>,
) -> (JoinSet<()>, Front) {
    let (mut running, front) = (JoinSet::new(), Front::default());
    let names = watch::Sender::default();
    running.spawn(plane::serve_names(plane.clone(), known.subscribe(), names.subscribe()));
    let (known, state) = (known.subscribe(), state.subscribe());
    running.spawn(plane::feed(plane.clone(), balancer, known, state, names, front.clone()));
    running.spawn(plane::follow(plane.progress(), programmed, front.clone()));
    (running, front)
}

/// Everything the agent is made of, before all of it runs.
struct Parts {
    config: AgentConfig,
    identity: watch::Sender<Identity>,
    ledger: Arc<Ledger>,
    known: watch::Sender<Known>,
    managers: watch::Sender<Vec<SocketAddr>>,
    state: watch::Sender<SessionState>,
    registration: watch::Sender<Registration>,
    client: Client,
    runtime: Arc<DockerRuntime>,
    plane: DataPlaneHandle,
    files: Files,
    programmed: watch::Sender<Generation>,
    http: Observed,
    running: JoinSet<()>,
}

/// What the managers want of the node's certificate, on its way from the session to the renewal.
#[derive(Debug, Default)]
struct Wanted {
    role: watch::Sender<Option<NodeRole>>,
    trust: watch::Sender<Option<String>>,
    renew: watch::Sender<Duration>,
}

impl Parts {
    fn run(mut self) -> AgentHandle {
        let (reporter, tasks) = (Reporter::default(), TaskStates::default());
        let wanted = Wanted::default();
        let mut running = mem::take(&mut self.running);
        let state_dir = self.config.state_dir.clone();
        let procfs = self.config.procfs.clone();

        let shared = Arc::new(self.shared(reporter.clone(), tasks.clone()));
        running.spawn(Worker::new(Arc::clone(&shared), self.known.subscribe()).run());
        let desk = self.attachments(&mut running, shared);
        running.spawn(self.renewal(&wanted).run());
        let log_orders = self.publish_logs(&mut running);
        let refresh = node::refresh(
            Arc::clone(&self.runtime),
            self.config,
            self.identity.subscribe(),
            self.registration.clone(),
        );
        running.spawn(refresh);
        let load = watch::Sender::default();
        let meter = Arc::new(Proc::new(procfs));
        running.spawn(load::measure(meter, self.known.subscribe(), load.clone()));
        let engine = watch::Sender::new(true);
        let leaving = watch::Sender::new(false);
        let session = Session {
            leaving: leaving.subscribe(),
            engine: engine.subscribe(),
            client: self.client.clone(),
            ledger: Arc::clone(&self.ledger),
            registration: self.registration.subscribe(),
            programmed: self.programmed.subscribe(),
            reached: self.plane.reached(),
            load: load.subscribe(),
            reporter: reporter.clone(),
            known: self.known.clone(),
            managers: self.managers.clone(),
            role: wanted.role,
            trust: wanted.trust,
            renew: wanted.renew,
            state: self.state.clone(),
            log_orders,
        };
        running.spawn(session.run());
        let answers = engine.subscribe();
        running.spawn(node::watch_engine(Arc::clone(&self.runtime), engine));
        AgentHandle {
            inner: Arc::new(Inner {
                state_dir,
                identity: self.identity,
                known: self.known,
                managers: self.managers,
                state: self.state,
                leaving,
                engine: answers,
                reporter,
                tasks,
                client: self.client,
                ledger: self.ledger,
                runtime: self.runtime,
                plane: self.plane,
                http: self.http,
                files: self.files,
                desk,
                running: Mutex::new(running),
            }),
        }
    }

    /// Looks after the node's certificate.
    fn renewal(&self, wanted: &Wanted) -> Renewal {
        Renewal {
            state_dir: self.config.state_dir.clone(),
            vault: Arc::clone(&self.config.vault),
            identity: self.identity.clone(),
            managers: self.managers.subscribe(),
            role: wanted.role.subscribe(),
            trust: wanted.trust.subscribe(),
            renew: wanted.renew.subscribe(),
            client: self.client.clone(),
        }
    }

    /// Sends logs to the managers. Returns where they are ordered.
    fn publish_logs(&self, running: &mut JoinSet<()>) -> mpsc::Sender<logs::Ordered> {
        let (log_orders, orders) = mpsc::channel(logs::ORDERS);
        let (client, logs) = (self.client.clone(), Arc::clone(&self.runtime));
        running.spawn(Publisher { client, logs, orders }.run());
        log_orders
    }

    /// Looks after attached containers.
    fn attachments(
        &self,
        running: &mut JoinSet<()>,
        shared: Arc<Shared<DockerRuntime, DataPlaneHandle>>,
    ) -> Desk {
        let ready = watch::Sender::default();
        let desk = Desk::new(
            self.client.clone(),
            self.managers.subscribe(),
            self.state.subscribe(),
            ready.subscribe(),
        );
        let known = self.known.subscribe();
        let attachments = Attachments {
            shared,
            known,
            desk: desk.clone(),
            ready,
            named: Named::default(),
            stranded: Stranded::default(),
        };
        running.spawn(attachments.run());
        desk
    }

    /// What the controllers of tasks share.
    fn shared(
        &self,
        reporter: Reporter,
        states: TaskStates,
    ) -> Shared<DockerRuntime, DataPlaneHandle> {
        let description = self.registration.borrow().description.clone();
        Shared {
            files: self.files.clone(),
            networks: Networks::new(Arc::clone(&self.runtime)),
            runtime: Arc::clone(&self.runtime),
            attach: self.plane.clone(),
            reporter,
            ledger: Arc::clone(&self.ledger),
            states,
            session: self.state.subscribe(),
            outages: AtomicU64::default(),
            hostname: description.hostname,
            platform: description.platform,
            node_id: self.identity.borrow().node_id.clone(),
        }
    }
}

/// All of both, each once.
fn merge(mut first: Vec<SocketAddr>, second: Vec<SocketAddr>) -> Vec<SocketAddr> {
    first.extend(second);
    let mut seen = BTreeSet::new();
    first.retain(|addr| seen.insert(*addr));
    first
}
