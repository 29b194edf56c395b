//! A simulated agent: a real node as far as the managers see, without an engine and without a kernel. It has joined with a token, holds a
//! session over TLS, and says that its containers run and that its tables hold what it was told.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use swarmlite_agent::identity;
use swarmlite_agent::identity::Joined;
use swarmlite_agent::identity::Wish;
use swarmlite_proto::agent::AgentMessage;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::agent::TaskStatusUpdate;
use swarmlite_proto::format::Versions;
use swarmlite_proto::frame;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::object::EngineDescription;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::object::TlsInfo;
use swarmlite_proto::rpc::SESSION;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::CallError;
use swarmlite_rpc::Client;
use swarmlite_rpc::FrameReceiver;
use swarmlite_rpc::FrameSender;
use swarmlite_rpc::tls;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;
use tokio::time::sleep;
use tokio::time::sleep_until;

use crate::message::Heard;
use crate::message::Put;
use crate::message::Set;
use crate::message::Task;
use crate::tally::Delivery;
use crate::tally::Tally;

/// How long a container takes to start.
const START: Duration = Duration::from_millis(300);

/// How long an agent without a session waits until it calls again.
const RETRY: Duration = Duration::from_millis(500);

/// One task of an agent is to fail. The answer is which: its service and the task; nothing if the agent has none that runs.
pub(crate) type Failing = oneshot::Sender<Option<(String, TaskId)>>;

/// An agent.
pub(crate) struct Agent {
    number: usize,
    joined: Joined,
    client: Client,
    tally: Arc<Tally>,
    orders: mpsc::Receiver<Failing>,
    tasks: Tasks,
}

/// The tasks of an agent.
#[derive(Default)]
struct Tasks {
    /// With the names of their services, and where they are.
    known: BTreeMap<TaskId, (String, TaskState)>,
    /// Those whose containers start, and when these run.
    starting: VecDeque<(Instant, TaskId)>,
    /// What the managers have not been told.
    unsaid: BTreeMap<TaskId, TaskStatus>,
    /// What they have been told and have not stored yet.
    in_flight: Vec<TaskStatusUpdate>,
    sequence: u64,
}

/// A session.
struct Talk {
    sender: FrameSender,
    receiver: FrameReceiver,
    heartbeat: Duration,
    told_everything: bool,
}

impl Agent {
    /// Joins the cluster of the manager at `manager`.
    pub(crate) async fn join(
        number: usize,
        manager: SocketAddr,
        token: &str,
        tally: Arc<Tally>,
        orders: mpsc::Receiver<Failing>,
    ) -> anyhow::Result<Self> {
        let own = SocketAddr::from(([127, 0, 0, 1], 2377));
        let availability = Availability::Active;
        let wish = Wish { availability, advertise_addr: own, witness: false };
        let joined = identity::join(manager, token, wish).await?;
        let client = Client::new(&joined.identity)?;
        Ok(Self { number, joined, client, tally, orders, tasks: Tasks::default() })
    }

    /// Holds sessions, for ever.
    pub(crate) async fn run(mut self) {
        let mut managers = self.joined.managers.clone();
        loop {
            let addr = managers[0];
            match self.open(addr).await {
                Ok(mut talk) => {
                    let Err(error) = self.converse(&mut talk).await;
                    if talk.told_everything {
                        self.tally.in_session.fetch_sub(1, Ordering::Relaxed);
                    }
                    self.tally.lost.fetch_add(1, Ordering::Relaxed);
                    tracing::info!(number = self.number, error = format!("{error:#}"), "lost");
                }
                Err(error) => {
                    tracing::info!(
                        number = self.number,
                        error = format!("{error:#}"),
                        "no session"
                    );
                    match error.downcast_ref::<CallError>() {
                        Some(CallError::NotLeader(Some(leader))) => managers[0] = *leader,
                        _ => managers.rotate_left(1),
                    }
                }
            }
            sleep(RETRY).await;
        }
    }

    async fn open(&mut self, addr: SocketAddr) -> anyhow::Result<Talk> {
        let (sender, mut receiver) = self.client.stream(addr, SESSION).await?;
        let registration = AgentMessage::Register(Box::new(self.registration()?));
        self.say(&sender, registration).await?;
        let Some(Heard::Welcome(welcome)) = receiver.receive().await? else {
            bail!("no welcome");
        };
        self.tasks.say_again();
        Ok(Talk {
            sender,
            receiver,
            heartbeat: welcome.heartbeat_period.to_duration(),
            told_everything: false,
        })
    }

    async fn converse(&mut self, talk: &mut Talk) -> anyhow::Result<Infallible> {
        let mut heartbeat = interval(talk.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut counted = 0;
        loop {
            let due = self.tasks.starting.front().map(|(due, _)| *due);
            tokio::select! {
                heard = talk.receiver.receive() => {
                    let now = talk.receiver.bytes();
                    self.tally.heard.fetch_add(now - counted, Ordering::Relaxed);
                    counted = now;
                    self.hear(talk, heard?.context("the session has ended")?).await?;
                }
                _ = heartbeat.tick() => self.say(&talk.sender, AgentMessage::Heartbeat).await?,
                Some(failing) = self.orders.recv() => {
                    // Nobody waits any more once a row has failed.
                    let _gone = failing.send(self.tasks.fail_one());
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.tasks.start_due(Instant::now());
                }
            }
            if let Some(statuses) = self.tasks.batch() {
                self.say(&talk.sender, statuses).await?;
            }
        }
    }

    async fn hear(&mut self, talk: &mut Talk, heard: Heard) -> anyhow::Result<()> {
        match heard {
            Heard::Welcome(_) => bail!("welcome again"),
            Heard::Managers(_) => {}
            Heard::HeartbeatNow => self.say(&talk.sender, AgentMessage::Heartbeat).await?,
            Heard::StatusesStored(sequence) => {
                if sequence == self.tasks.sequence {
                    self.tasks.in_flight.clear();
                }
            }
            Heard::Assignments(set) => {
                let own = set.put.iter().any(|put| matches!(put, Put::Task(_)));
                let generation = set.generation;
                self.tally.delivered(Delivery { generation, at: Timestamp::now(), own });
                if set.complete && !talk.told_everything {
                    talk.told_everything = true;
                    self.tally.in_session.fetch_add(1, Ordering::Relaxed);
                }
                self.tasks.learn(set, Instant::now() + START);
                self.say(&talk.sender, AgentMessage::Programmed(generation)).await?;
            }
        }
        Ok(())
    }

    async fn say(&self, sender: &FrameSender, message: AgentMessage) -> anyhow::Result<()> {
        let length = frame::encode(&message)?.len() as u64;
        self.tally.said.fetch_add(length, Ordering::Relaxed);
        Ok(sender.send(&message).await?)
    }

    fn registration(&self) -> anyhow::Result<Registration> {
        let identity = &self.joined.identity;
        let (subject, key) = tls::issuer_of(identity)?;
        let description = NodeDescription {
            hostname: format!("node{}", self.number),
            resources: NodeResources {
                nano_cpus: 64_000_000_000,
                memory_bytes: 1 << 38,
                ..NodeResources::default()
            },
            engine: EngineDescription {
                engine_version: "20.10.24+dfsg1".to_owned(),
                ..EngineDescription::default()
            },
            tls_info: TlsInfo {
                trust_root: identity.root_ca.clone(),
                cert_issuer_subject: STANDARD.encode(subject),
                cert_issuer_public_key: STANDARD.encode(key),
            },
            ..NodeDescription::default()
        };
        let [.., third, fourth] = u32::try_from(self.number)?.to_be_bytes();
        Ok(Registration {
            description,
            data_path_addr: IpAddr::V4(Ipv4Addr::new(10, 255, third, fourth)),
            versions: Versions::own(),
        })
    }
}

impl Tasks {
    /// Takes a set of assignments. Containers that it asks for run at `runs_at`.
    fn learn(&mut self, set: Set, runs_at: Instant) {
        if set.complete {
            let wanted: Vec<&TaskId> = set.put.iter().filter_map(Put::task_id).collect();
            self.known.retain(|id, _| wanted.contains(&id));
        }
        for key in set.remove {
            if let AssignmentKey::Task(id) = key {
                self.known.remove(&id);
            }
        }
        for put in set.put {
            if let Put::Task(task) = put {
                self.take(task, runs_at);
            }
        }
    }

    fn take(&mut self, task: Task, runs_at: Instant) {
        let Task { id, service_name, desired_state } = task;
        let is_new = !self.known.contains_key(&id);
        if is_new {
            self.known.insert(id.clone(), (service_name, TaskState::Accepted));
        }
        if desired_state > TaskState::Running {
            self.reach(&id, TaskState::Shutdown);
        } else if is_new {
            self.reach(&id, TaskState::Preparing);
            self.starting.push_back((runs_at, id));
        }
    }

    fn start_due(&mut self, now: Instant) {
        while let Some((_, id)) = self.starting.pop_front_if(|(due, _)| *due <= now) {
            self.reach(&id, TaskState::Running);
        }
    }

    fn fail_one(&mut self) -> Option<(String, TaskId)> {
        let mut tasks = self.known.iter();
        let (id, (service, _)) = tasks.find(|(_, (_, state))| *state == TaskState::Running)?;
        let found = (service.clone(), id.clone());
        self.reach(&found.1, TaskState::Failed);
        Some(found)
    }

    /// Notes that a task is at `state`, if it was not as far before.
    fn reach(&mut self, id: &TaskId, state: TaskState) {
        let Some((_, before)) = self.known.get_mut(id).filter(|(_, before)| *before < state) else {
            return;
        };
        *before = state;
        let container = (state >= TaskState::Running).then(|| ContainerStatus {
            container_id: id.to_string().repeat(3)[..64].to_owned(),
            pid: 4711,
            exit_code: i64::from(state == TaskState::Failed),
        });
        let status = TaskStatus {
            timestamp: Timestamp::now(),
            state,
            message: "simulated".to_owned(),
            container,
            ..TaskStatus::default()
        };
        self.unsaid.insert(id.clone(), status);
    }

    /// What is to be said of tasks now.
    fn batch(&mut self) -> Option<AgentMessage> {
        if !self.in_flight.is_empty() || self.unsaid.is_empty() {
            return None;
        }
        self.sequence += 1;
        let statuses = std::mem::take(&mut self.unsaid).into_iter();
        let statuses = statuses.map(|(task_id, status)| TaskStatusUpdate { task_id, status });
        self.in_flight = statuses.collect();
        let (sequence, statuses) = (self.sequence, self.in_flight.clone());
        Some(AgentMessage::TaskStatuses { sequence, statuses })
    }

    /// A new session does not know what the one before was told.
    fn say_again(&mut self) {
        for TaskStatusUpdate { task_id, status } in std::mem::take(&mut self.in_flight) {
            self.unsaid.entry(task_id).or_insert(status);
        }
    }
}
