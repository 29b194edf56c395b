//! A container engine in memory.

mod attach;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::registry::RegistryAuth;
use tokio::sync::broadcast;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout_at;

pub(crate) use self::attach::FakeAttach;
use super::runtime::ContainerInfo;
use super::runtime::Executed;
use super::runtime::OwnContainer;
use super::runtime::Runtime;
use super::runtime::RuntimeError;
use super::step::Container;
use super::step::Health;
use super::translate::ContainerPlan;
use super::translate::EndpointPlan;
use super::translate::NetworkPlan;
use super::translate::task_of_labels;

/// How long tests wait for anything, by their clock.
const LIMIT: Duration = Duration::from_secs(3600);

/// What the fake engine has and does.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Containers by name.
    pub(crate) containers: BTreeMap<String, FakeContainer>,
    /// Networks by the cluster's id.
    pub(crate) networks: BTreeSet<NetworkId>,
    /// Images on the node.
    pub(crate) images: BTreeSet<String>,
    /// Images in the registry.
    pub(crate) registry: BTreeSet<String>,
    /// Every change that was asked for, in order.
    pub(crate) calls: Vec<String>,
    /// Whether the engine is down.
    pub(crate) down: bool,
    /// Why no container starts.
    pub(crate) start_refused: Option<String>,
    /// With what every container ends as soon as it is started.
    pub(crate) ends_at_once: Option<i64>,
    /// How every command ends in a container. None: it does not end until it is killed.
    pub(crate) executed: Option<Executed>,
    /// Whether killing a command has no effect.
    pub(crate) unkillable: bool,
    /// Whether pulling never ends.
    pub(crate) pull_hangs: bool,
    /// The health of containers once they run.
    pub(crate) health: Option<Health>,
    next_pid: i64,
}

/// A container of the fake engine.
#[derive(Clone, Debug)]
pub(crate) struct FakeContainer {
    task: TaskId,
    info: ContainerInfo,
}

/// The fake engine. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct FakeRuntime {
    state: Arc<Mutex<State>>,
    /// `None` ends the streams of events.
    events: broadcast::Sender<Option<TaskId>>,
    changes: watch::Sender<()>,
}

impl FakeRuntime {
    /// An engine that has the image `web:1`.
    pub(crate) fn new() -> Self {
        let images = BTreeSet::from(["web:1".to_owned()]);
        let state = State { images, next_pid: 100, ..State::default() };
        Self {
            state: Arc::new(Mutex::new(state)),
            events: broadcast::Sender::new(64),
            changes: watch::Sender::default(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    /// Waits until the engine's state is as wanted.
    pub(crate) async fn until(&self, mut wanted: impl FnMut(&State) -> bool) {
        let mut changes = self.changes.subscribe();
        let deadline = Instant::now() + LIMIT;
        while !wanted(&self.state()) {
            let changed = timeout_at(deadline, changes.changed()).await;
            let changed =
                changed.unwrap_or_else(|_late| panic!("not as wanted: {:?}", self.state()));
            changed.expect("the engine lives");
        }
    }

    /// Ends a container, as if its process had ended.
    pub(crate) fn exit(&self, container: &str, exit_code: i64) {
        self.change(container, Container::Exited { exit_code, error: String::new() });
    }

    /// Ends all streams of events, as a restart of the engine does.
    pub(crate) fn lose_events(&self) {
        let _nobody_listens = self.events.send(None);
    }

    /// Changes the health of a container.
    pub(crate) fn set_health(&self, container: &str, health: Health) {
        self.change(container, Container::Running(health));
    }

    /// How a container is.
    pub(crate) fn container(&self, name: &str) -> Container {
        let state = self.state();
        state.containers.get(name).map_or(Container::Absent, |found| found.info.state.clone())
    }

    fn change(&self, name: &str, to: Container) {
        let mut state = self.state();
        let Some(found) = state.containers.get_mut(name) else { return };
        if let Container::Exited { exit_code, .. } = &to {
            found.info.exit_code = *exit_code;
            found.info.pid = 0;
        }
        found.info.state = to;
        let task = found.task.clone();
        drop(state);
        let _nobody_listens = self.events.send(Some(task));
        self.changes.send_replace(());
    }

    fn call(&self, what: String) -> Result<MutexGuard<'_, State>, RuntimeError> {
        self.changes.send_replace(());
        let mut state = self.state();
        if state.down {
            return Err(RuntimeError::Unavailable("it is down".to_owned()));
        }
        state.calls.push(what);
        Ok(state)
    }

    fn look(&self) -> Result<MutexGuard<'_, State>, RuntimeError> {
        let state = self.state();
        if state.down {
            return Err(RuntimeError::Unavailable("it is down".to_owned()));
        }
        Ok(state)
    }
}

impl Runtime for FakeRuntime {
    async fn describe(&self) -> Result<NodeDescription, RuntimeError> {
        self.look().map(|_| NodeDescription::default())
    }

    async fn ping(&self) -> Result<(), RuntimeError> {
        self.look().map(drop)
    }

    async fn has_image(&self, image: &str) -> Result<bool, RuntimeError> {
        self.look().map(|state| state.images.contains(image))
    }

    async fn pull(&self, image: &str, auth: Option<&RegistryAuth>) -> Result<(), RuntimeError> {
        let who = auth.map_or_else(String::new, |auth| format!(" as {}", auth.username));
        let hangs = self.call(format!("pull {image}{who}"))?.pull_hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut state = self.look()?;
        if !state.registry.contains(image) {
            return Err(RuntimeError::Refused(format!("manifest for {image} not found")));
        }
        state.images.insert(image.to_owned());
        Ok(())
    }

    async fn create(&self, plan: &ContainerPlan) -> Result<(), RuntimeError> {
        let mut state = self.call(format!("create {}", plan.name))?;
        let image = plan.body.image.clone().unwrap_or_default();
        if !state.images.contains(&image) {
            return Err(RuntimeError::Refused(format!("No such image: {image}")));
        }
        let labels = plan.body.labels.clone().unwrap_or_default();
        let networks = plan.body.networking_config.clone().and_then(|c| c.endpoints_config);
        let info = ContainerInfo {
            id: format!("id-of-{}", plan.name),
            pid: 0,
            state: Container::Created,
            exit_code: 0,
            networks: networks.unwrap_or_default().into_keys().collect(),
            host_ports: Vec::new(),
        };
        let task = task_of_labels(&labels).expect("every container says whose it is");
        state.containers.entry(plan.name.clone()).or_insert(FakeContainer { task, info });
        Ok(())
    }

    async fn connect(&self, container: &str, endpoint: &EndpointPlan) -> Result<(), RuntimeError> {
        let mut state = self.call(format!("connect {container} {}", endpoint.network))?;
        let found = state.containers.get_mut(container);
        let found = found.ok_or_else(|| RuntimeError::Refused("no such container".to_owned()))?;
        found.info.networks.push(endpoint.network.clone());
        Ok(())
    }

    async fn start(&self, container: &str) -> Result<(), RuntimeError> {
        let mut state = self.call(format!("start {container}"))?;
        if let Some(reason) = state.start_refused.clone() {
            return Err(RuntimeError::Refused(reason));
        }
        state.next_pid += 1;
        let (pid, health) = (state.next_pid, state.health.unwrap_or(Health::Unchecked));
        let ends_at_once = state.ends_at_once;
        let found = state.containers.get_mut(container);
        let found = found.ok_or_else(|| RuntimeError::Refused("no such container".to_owned()))?;
        if matches!(found.info.state, Container::Running(_)) {
            return Ok(());
        }
        found.info.pid = pid;
        found.info.state = Container::Running(health);
        if let Some(exit_code) = ends_at_once {
            found.info.pid = 0;
            found.info.state = Container::Exited { exit_code, error: String::new() };
        }
        let task = found.task.clone();
        let _nobody_listens = self.events.send(Some(task));
        Ok(())
    }

    async fn stop(&self, container: &str) -> Result<(), RuntimeError> {
        let state = self.call(format!("stop {container}"))?;
        let mut names = state.containers.iter();
        let name = names.find(|(_, found)| found.info.id == container).map(|(name, _)| name);
        let container = &name.cloned().unwrap_or_else(|| container.to_owned());
        drop(state);
        if matches!(self.container(container), Container::Running(_)) {
            self.exit(container, 143);
        }
        Ok(())
    }

    async fn remove(&self, container: &str) -> Result<(), RuntimeError> {
        self.call(format!("remove {container}"))?
            .containers
            .retain(|name, found| name != container && found.info.id != container);
        self.changes.send_replace(());
        Ok(())
    }

    async fn inspect(&self, container: &str) -> Result<Option<ContainerInfo>, RuntimeError> {
        self.look().map(|state| state.containers.get(container).map(|found| found.info.clone()))
    }

    async fn execute(
        &self,
        container: &str,
        command: Vec<String>,
        limit: Duration,
    ) -> Result<Executed, RuntimeError> {
        let what = format!("{container}: {}", command.join(" "));
        drop(self.call(format!("execute {what}"))?);
        let ended = async {
            loop {
                if let Some(executed) = self.look()?.executed.clone() {
                    return Ok(executed);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::pin!(ended);
        match tokio::time::timeout(limit, &mut ended).await {
            Ok(executed) => executed,
            Err(_elapsed) if self.call(format!("kill {what}"))?.unkillable => ended.await,
            Err(_elapsed) => Ok(Executed::Killed),
        }
    }

    fn is_alive(&self, pid: i64) -> bool {
        self.state().containers.values().any(|found| found.info.pid == pid)
    }

    async fn containers(&self) -> Result<Vec<OwnContainer>, RuntimeError> {
        let own = |found: &FakeContainer| OwnContainer {
            id: found.info.id.clone(),
            task: found.task.clone(),
        };
        self.look().map(|state| state.containers.values().map(own).collect())
    }

    fn events(&self) -> impl Stream<Item = Result<TaskId, RuntimeError>> + Send + Unpin {
        stream::unfold(self.events.subscribe(), |mut events| async move {
            events.recv().await.ok().flatten().map(|task| (Ok(task), events))
        })
        .boxed()
    }

    async fn ensure_network(&self, plan: &NetworkPlan) -> Result<String, RuntimeError> {
        let mut state = self.look()?;
        if state.networks.insert(plan.id.clone()) {
            state.calls.push(format!("create network {}", plan.body.name));
        }
        Ok(format!("engine-{}", plan.body.name))
    }

    async fn remove_network(&self, network: &NetworkId) -> Result<(), RuntimeError> {
        let mut state = self.call(format!("remove network {network}"))?;
        let name = format!("engine-net-{}", &network.as_str()[..1]);
        let mut running = state.containers.values().filter(|found| found.info.pid != 0);
        if running.any(|found| found.info.networks.contains(&name)) {
            return Err(RuntimeError::Refused("network has active endpoints".to_owned()));
        }
        state.networks.remove(network);
        drop(state);
        self.changes.send_replace(());
        Ok(())
    }

    async fn networks(&self) -> Result<Vec<NetworkId>, RuntimeError> {
        self.look().map(|state| state.networks.iter().cloned().collect())
    }
}
