//! Drives one task: looks, asks for the next step, does it, reports, and looks again.
//!
//! What happens to the task is decided in [`super::step`]. The controller may be dropped at any time: the container stays as it is, and the next
//! controller takes it from there.

use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use tokio::sync::Notify;
use tokio::sync::watch;

use super::attach::Attach;
use super::attach::StartedContainer;
use super::networks::Networks;
use super::runtime::ContainerInfo;
use super::runtime::Runtime;
use super::runtime::RuntimeError;
use super::step::Container;
use super::step::Facts;
use super::step::Progress;
use super::step::Step;
use super::step::failed;
use super::step::next_step;
use super::step::prepared;
use super::step::unhealthy;
use super::template::task_name;
use super::translate::TaskNetwork;
use super::translate::TranslateError;
use super::translate::container_plan;
use crate::ledger::Ledger;
use crate::reporter::Reporter;

/// How often a controller looks without being woken. Events wake it at once; this is for events that were missed.
const RESYNC: Duration = Duration::from_secs(30);

/// The wait after the engine could not be reached, doubled each time up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest such wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the controller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Have the task be as it is assigned.
    Keep(Assigned),
    /// The task is no longer assigned: stop it, remove it, end.
    Forget(Assigned),
}

/// A task with the networks it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The task.
    pub task: Arc<TaskAssignment>,
    /// The networks of its attachments, in the same order. Shorter if the node does not know one.
    pub networks: Vec<Arc<NetworkAssignment>>,
}

impl Order {
    fn assigned(&self) -> &Assigned {
        let (Self::Keep(assigned) | Self::Forget(assigned)) = self;
        assigned
    }

    fn desired(&self) -> TaskState {
        match self {
            Self::Keep(assigned) => assigned.task.desired_state,
            Self::Forget(_) => TaskState::Remove,
        }
    }
}

/// What all controllers of a node share.
#[derive(Debug)]
pub struct Shared<R, A> {
    /// The engine.
    pub runtime: Arc<R>,
    /// The data plane.
    pub attach: A,
    /// Which networks the engine has.
    pub networks: Networks<R>,
    /// Where statuses go.
    pub reporter: Reporter,
    /// Where endings are kept.
    pub ledger: Arc<Ledger>,
    /// The host name of the node.
    pub hostname: String,
}

/// Drives one task.
#[derive(Debug)]
pub struct Controller<R, A> {
    shared: Arc<Shared<R, A>>,
    order: watch::Receiver<Order>,
    wake: Arc<Notify>,
    name: String,
    status: TaskStatus,
    /// The process that has been attached.
    attached: Option<i64>,
    pause: Duration,
}

/// Why a step was not done.
#[derive(Debug)]
enum StepError {
    /// It cannot be done; the task ends with this.
    Final(String),
    /// Try again later.
    Later(String),
}

impl From<RuntimeError> for StepError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Refused(_) => Self::Final(error.to_string()),
            RuntimeError::Unavailable(_) => Self::Later(error.to_string()),
        }
    }
}

impl From<TranslateError> for StepError {
    fn from(error: TranslateError) -> Self {
        Self::Final(error.to_string())
    }
}

impl<R: Runtime, A: Attach> Controller<R, A> {
    /// A controller that carries out what `order` says and looks whenever `wake` is notified. A task that is known to have ended goes on from there.
    #[must_use]
    pub fn new(
        shared: Arc<Shared<R, A>>,
        order: watch::Receiver<Order>,
        wake: Arc<Notify>,
    ) -> Self {
        let task = Arc::clone(&order.borrow().assigned().task);
        let status = shared
            .ledger
            .ending(&task.id)
            .unwrap_or_else(|| TaskStatus { state: task.observed_state, ..TaskStatus::default() });
        if status.state.is_terminal() && status.timestamp != Timestamp::ZERO {
            // The agent may have gone down before it could say so.
            shared.reporter.report(&task.id, status.clone());
        }
        let name = task_name(&task);
        Self { shared, order, wake, name, status, attached: None, pause: FIRST_PAUSE }
    }

    /// Runs until the task is forgotten, or nobody gives orders any more.
    pub async fn run(mut self) {
        loop {
            let order = self.order.borrow_and_update().clone();
            let done = match self.advance(&order).await {
                Ok(Next::Again) => continue,
                Ok(Next::Wait) => self.wait(RESYNC).await,
                Ok(Next::Done) => return,
                Err(reason) => {
                    tracing::warn!(task.id = %order.assigned().task.id, reason, "task waits");
                    let pause = self.pause;
                    self.pause = (pause * 2).min(LONGEST_PAUSE);
                    self.wait(pause).await
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Waits for an order, an event, or the end of `limit`.
    async fn wait(&mut self, limit: Duration) -> Result<(), watch::error::RecvError> {
        // Every arm is cancel-safe: a notification that is not taken stays.
        tokio::select! {
            changed = self.order.changed() => changed,
            () = self.wake.notified() => Ok(()),
            () = tokio::time::sleep(limit) => Ok(()),
        }
    }

    /// Looks, and does one step. An error says why it has to be tried again later.
    async fn advance(&mut self, order: &Order) -> Result<Next, String> {
        let info = self.shared.runtime.inspect(&self.name).await.map_err(|e| e.to_string())?;
        self.note(info.as_ref());
        let facts = Facts {
            container: info.as_ref().map_or(Container::Absent, |info| info.state.clone()),
            attached: info.as_ref().is_some_and(|info| self.attached == Some(info.pid)),
        };
        let step = next_step(order.desired(), self.status.state, &facts);
        tracing::debug!(task.id = %order.assigned().task.id, ?step, "next step");
        if step == Step::Wait {
            let forgotten = matches!(order, Order::Forget(_)) && info.is_none();
            return Ok(if forgotten { Next::Done } else { Next::Wait });
        }
        match self.carry_out(&step, order, info.as_ref()).await {
            Ok(progress) => {
                self.pause = FIRST_PAUSE;
                if let Some(progress) = progress {
                    self.report(order, progress).await?;
                }
                Ok(Next::Again)
            }
            Err(StepError::Later(reason)) => Err(reason),
            // A step that clears away has nothing to fail: the engine will do it once it can.
            Err(StepError::Final(reason)) if self.status.state.is_terminal() => Err(reason),
            Err(StepError::Final(reason)) if matches!(step, Step::Stop | Step::StopUnhealthy) => {
                Err(reason)
            }
            Err(StepError::Final(reason)) => {
                self.report(order, failed(self.status.state, reason)).await?;
                Ok(Next::Again)
            }
        }
    }

    /// Does `step`; the answer is what the task reports because of it.
    async fn carry_out(
        &mut self,
        step: &Step,
        order: &Order,
        info: Option<&ContainerInfo>,
    ) -> Result<Option<Progress>, StepError> {
        let runtime = Arc::clone(&self.shared.runtime);
        match step {
            Step::Wait => Ok(None),
            Step::Report(progress) => Ok(Some(progress.clone())),
            Step::Prepare => {
                let mut orders = self.order.clone();
                let stopped = orders.wait_for(|order| order.desired() >= TaskState::Shutdown);
                // Dropping the preparation half done is safe: the next look shows how far it came.
                tokio::select! {
                    made = self.prepare(order.assigned(), info) => made.map(|()| Some(prepared())),
                    _ = stopped => Ok(None),
                }
            }
            Step::Start => match runtime.start(&self.name).await {
                Err(RuntimeError::Refused(reason)) => {
                    Err(StepError::Final(format!("starting container failed: {reason}")))
                }
                other => Ok(other.map(|()| None)?),
            },
            Step::Attach => self.attach(order.assigned(), info).await.map(|()| None),
            Step::Stop => Ok(runtime.stop(&self.name).await.map(|()| None)?),
            Step::StopUnhealthy => {
                runtime.stop(&self.name).await?;
                let ended = runtime.inspect(&self.name).await?;
                self.note(ended.as_ref());
                Ok(Some(unhealthy(&ended.map_or(Container::Absent, |info| info.state))))
            }
            Step::Remove => Ok(runtime.remove(&self.name).await.map(|()| None)?),
        }
    }

    /// Makes what is not there yet: networks, image, container, its connections.
    async fn prepare(
        &self,
        assigned: &Assigned,
        info: Option<&ContainerInfo>,
    ) -> Result<(), StepError> {
        let Assigned { task, networks } = assigned;
        let runtime = &self.shared.runtime;
        if networks.len() != task.attachments.len() {
            let reason = "node is missing network attachments, ip addresses may be exhausted";
            return Err(StepError::Final(reason.to_owned()));
        }
        let mut engine_ids = Vec::with_capacity(networks.len());
        for network in networks {
            let ready = self.shared.attach.ready(network).await;
            ready.map_err(|error| StepError::Later(error.to_string()))?;
            engine_ids.push(self.shared.networks.ensure(network).await?);
        }
        let attached: Vec<TaskNetwork<'_>> = networks
            .iter()
            .zip(&engine_ids)
            .zip(&task.attachments)
            .map(|((network, engine_id), attachment)| TaskNetwork {
                network,
                engine_id,
                addr: attachment.addr,
            })
            .collect();
        let plan = container_plan(task, &attached, &self.shared.hostname)?;
        if info.is_none() {
            self.fetch(plan.body.image.as_deref().unwrap_or_default()).await?;
            runtime.create(&plan).await?;
        }
        let connected = info.map(|info| info.networks.as_slice()).unwrap_or_default();
        for endpoint in &plan.connect {
            if !connected.contains(&endpoint.network) && !connected.contains(&endpoint.name) {
                runtime.connect(&plan.name, endpoint).await?;
            }
        }
        Ok(())
    }

    /// Fetches the image if it is absent. A failure is not the end: creating the container says so in the words users know.
    async fn fetch(&self, image: &str) -> Result<(), StepError> {
        if self.shared.runtime.has_image(image).await? {
            return Ok(());
        }
        match self.shared.runtime.pull(image).await {
            Err(RuntimeError::Refused(reason)) => {
                tracing::warn!(image, reason, "pulling image failed");
                Ok(())
            }
            other => Ok(other?),
        }
    }

    async fn attach(
        &mut self,
        assigned: &Assigned,
        info: Option<&ContainerInfo>,
    ) -> Result<(), StepError> {
        let Some((info, pid)) = info.and_then(|info| Some((info, u32::try_from(info.pid).ok()?)))
        else {
            return Ok(());
        };
        let started = StartedContainer {
            id: info.id.clone(),
            pid,
            task: Arc::clone(&assigned.task),
            networks: assigned.networks.clone(),
        };
        match self.shared.attach.attach(&started).await {
            Ok(()) => {
                self.attached = Some(info.pid);
                Ok(())
            }
            // A task that ran before this agent did must not end because of it.
            Err(error) if self.status.state >= TaskState::Running => {
                Err(StepError::Later(error.to_string()))
            }
            Err(error) => Err(StepError::Final(error.to_string())),
        }
    }

    /// Takes what the engine shows into the status.
    fn note(&mut self, info: Option<&ContainerInfo>) {
        let Some(info) = info else { return };
        self.status.container = Some(ContainerStatus {
            container_id: info.id.clone(),
            pid: info.pid,
            exit_code: info.exit_code,
        });
        self.status.host_ports.clone_from(&info.host_ports);
    }

    /// Reports that the task is further, an ending only when it is on disk. Of a forgotten task nobody wants to know.
    async fn report(&mut self, order: &Order, progress: Progress) -> Result<(), String> {
        let Progress { state, message, err } = progress;
        let mut status =
            TaskStatus { timestamp: Timestamp::now(), state, err, ..self.status.clone() };
        if let Some(message) = message {
            message.clone_into(&mut status.message);
        }
        if let Order::Keep(Assigned { task, .. }) = order {
            if state.is_terminal() {
                let (ledger, id, kept) =
                    (Arc::clone(&self.shared.ledger), task.id.clone(), status.clone());
                tokio::task::spawn_blocking(move || ledger.keep_ending(&id, &kept))
                    .await
                    .map_err(|error| error.to_string())?
                    .map_err(|error| error.to_string())?;
            }
            self.shared.reporter.report(&task.id, status.clone());
        }
        self.status = status;
        Ok(())
    }
}

/// What to do after a step.
enum Next {
    /// Look again.
    Again,
    /// Wait until something changes.
    Wait,
    /// The task is gone.
    Done,
}

#[cfg(test)]
mod tests;
