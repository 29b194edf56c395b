//! Puts the agent together: what runs, and who tells whom.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use swarmlite_proto::agent::Registration;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::version::Generation;
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
use crate::handle::Work;
use crate::http;
use crate::http::AccessFile;
use crate::http::FromIngress;
use crate::http::Front;
use crate::http::Listening;
use crate::http::Observed;
use crate::load;
use crate::load::Proc;
use crate::logs;
use crate::logs::Publisher;
use crate::member::Member;
use crate::member::Told;
use crate::member::Wanted;
use crate::metrics::TaskStates;
use crate::network::DataPlaneHandle;
use crate::network::linux::visits::Visits;
use crate::node;
use crate::parts::StartError;
use crate::parts::data_plane;
use crate::parts::files;
use crate::plane;
use crate::standing::Known;
use crate::standing::SessionState;
use crate::task::controller::Shared;
use crate::task::files::Files;
use crate::task::networks::Networks;
use crate::witness;
use crate::worker::Worker;

/// How long after one another the engine is looked for.
const ENGINE_RETRY: Duration = Duration::from_millis(500);

/// The agent of one node.
#[derive(Debug)]
pub enum Agent {}

impl Agent {
    /// Starts the agent of the node that `identity` names. Of `managers` and those it remembers, it looks for the leader by itself. That of a witness
    /// needs no engine.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Nothing runs then.
    pub async fn start(
        config: AgentConfig,
        identity: Identity,
        managers: Vec<SocketAddr>,
    ) -> Result<AgentHandle, StartError> {
        let member = Member::open(config, identity, managers)?;
        if member.config.witness {
            return Ok(witness::start(member));
        }
        let base = Base::start(member)?;
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
        let member = Member::open(config, identity, managers)?;
        if member.config.witness {
            return Ok(witness::start(member));
        }
        let base = Base::start(member)?;
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
    member: Member,
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
    fn start(member: Member) -> Result<Self, StartError> {
        let Member { config, identity, known, state, .. } = &member;
        let node_id = identity.borrow().node_id.clone();
        let files = files(config)?;
        let plane = data_plane(config, node_id.clone()).map_err(StartError::DataPlane)?;
        let driver = plane.driver();
        let programmed = watch::Sender::new(Generation::default());
        let balancer = config.dataplane.balancer;
        let (mut running, front) =
            connect_plane(&plane, balancer, (known, state), programmed.clone());
        let http = Observed::default();
        let listening = Listening {
            known: known.subscribe(),
            table: front.table(),
            dial: Arc::new(FromIngress {
                plane: plane.clone(),
                known: known.subscribe(),
                node_id,
                visits: Visits::default(),
            }),
            access: AccessFile::below(&config.state_dir.join("agent")),
            observed: http.clone(),
        };
        running.spawn(listening.run());
        Ok(Self { member, files, plane, programmed, http, running, driver })
    }

    async fn engine(&self) -> Result<Engine, StartError> {
        let Member { config, identity, .. } = &self.member;
        let socket = &config.docker;
        let failure = |source| StartError::Engine { socket: socket.clone(), source };
        let identity = identity.borrow().clone();
        let runtime = DockerRuntime::connect(socket, identity.node_id.clone());
        let runtime = runtime.await.map_err(failure)?;
        let registration = node::registration(&runtime, config, &identity).await;
        Ok(Engine { runtime, registration: registration.map_err(failure)? })
    }

    fn complete(self, engine: Engine) -> Parts {
        self.driver.disarm();
        Parts {
            member: self.member,
            registration: watch::Sender::new(engine.registration),
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
    member: Member,
    registration: watch::Sender<Registration>,
    runtime: Arc<DockerRuntime>,
    plane: DataPlaneHandle,
    files: Files,
    programmed: watch::Sender<Generation>,
    http: Observed,
    running: JoinSet<()>,
}

impl Parts {
    fn run(mut self) -> AgentHandle {
        let (tasks, wanted) = (TaskStates::default(), Wanted::default());
        let mut running = mem::take(&mut self.running);
        let shared = Arc::new(self.shared(tasks.clone()));
        running.spawn(Worker::new(Arc::clone(&shared), self.member.known.subscribe()).run());
        let desk = self.attachments(&mut running, shared);
        running.spawn(self.member.renewal(&wanted).run());
        let log_orders = self.publish_logs(&mut running);
        let refresh = node::refresh(
            Arc::clone(&self.runtime),
            self.member.config.clone(),
            self.member.identity.subscribe(),
            self.registration.clone(),
        );
        running.spawn(refresh);
        let load = watch::Sender::default();
        let meter = Arc::new(Proc::new(self.member.config.procfs.clone()));
        running.spawn(load::measure(meter, self.member.known.subscribe(), load.clone()));
        let traffic = watch::Sender::default();
        running.spawn(http::measure(self.http.proxy.subscribe(), traffic.clone()));
        let engine = watch::Sender::new(true);
        let told = Told {
            registration: self.registration.subscribe(),
            engine: engine.subscribe(),
            programmed: self.programmed.subscribe(),
            reached: Some(self.plane.reached()),
            load: load.subscribe(),
            traffic: traffic.subscribe(),
        };
        running.spawn(self.member.session(wanted, told, log_orders).run());
        let answers = engine.subscribe();
        running.spawn(node::watch_engine(Arc::clone(&self.runtime), engine));
        let work = Work {
            engine: answers,
            tasks,
            runtime: self.runtime,
            plane: self.plane,
            files: self.files,
            desk,
            http: self.http,
        };
        AgentHandle::new(self.member, Some(work), running)
    }

    /// Sends logs to the managers. Returns where they are ordered.
    fn publish_logs(&self, running: &mut JoinSet<()>) -> mpsc::Sender<logs::Ordered> {
        let (log_orders, orders) = mpsc::channel(logs::ORDERS);
        let (client, logs) = (self.member.client.clone(), Arc::clone(&self.runtime));
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
            self.member.client.clone(),
            self.member.managers.subscribe(),
            self.member.state.subscribe(),
            ready.subscribe(),
        );
        let known = self.member.known.subscribe();
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
    fn shared(&self, states: TaskStates) -> Shared<DockerRuntime, DataPlaneHandle> {
        let description = self.registration.borrow().description.clone();
        Shared {
            files: self.files.clone(),
            networks: Networks::new(Arc::clone(&self.runtime)),
            runtime: Arc::clone(&self.runtime),
            attach: self.plane.clone(),
            reporter: self.member.reporter.clone(),
            ledger: Arc::clone(&self.member.ledger),
            states,
            session: self.member.state.subscribe(),
            outages: AtomicU64::default(),
            hostname: description.hostname,
            platform: description.platform,
            node_id: self.member.identity.borrow().node_id.clone(),
        }
    }
}
