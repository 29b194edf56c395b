//! Does the steps of a task: each may be done again, and may be broken off at any point.

use std::sync::Arc;

use swarmlite_proto::error::chain;
use swarmlite_proto::registry::PullCredentials;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use tokio::time::Instant;

use super::order::Assigned;
use super::order::Order;
use super::state::Controller;
use super::state::Ended;
use super::state::on_disk;
use crate::task::attach::Attach;
use crate::task::attach::StartedContainer;
use crate::task::files::Bind;
use crate::task::files::FilesError;
use crate::task::restart::counted;
use crate::task::runtime::ContainerInfo;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;
use crate::task::step::Advance;
use crate::task::step::Step;
use crate::task::step::prepared;
use crate::task::template::Context;
use crate::task::translate::TaskNetwork;
use crate::task::translate::TranslateError;
use crate::task::translate::container_plan;
use crate::task::translate::mount_files;

/// Why a step was not done.
#[derive(Debug)]
pub(super) enum StepError {
    /// It cannot be done; the task ends with this.
    Final(String),
    /// Try again later.
    Later(String),
}

impl From<RuntimeError> for StepError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Refused(_) => Self::Final(chain(&error)),
            RuntimeError::Unavailable(_) => Self::Later(chain(&error)),
        }
    }
}

/// Why a container was not made. If its image could not be fetched, then for that reason.
fn explained(error: RuntimeError, missed: Option<String>) -> RuntimeError {
    match (error, missed) {
        (RuntimeError::Refused(refusal), Some(reason)) => {
            RuntimeError::Refused(format!("{}: {reason}", refusal.trim_end()))
        }
        (error, _) => error,
    }
}

impl From<TranslateError> for StepError {
    fn from(error: TranslateError) -> Self {
        Self::Final(chain(&error))
    }
}

impl From<FilesError> for StepError {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Missing { .. } => Self::Later(chain(&error)),
            FilesError::Template { .. } | FilesError::Owner { .. } | FilesError::Io { .. } => {
                Self::Final(chain(&error))
            }
        }
    }
}

impl<R: Runtime, A: Attach> Controller<R, A> {
    /// Does `step`; the answer is what the task reports because of it.
    pub(super) async fn carry_out(
        &mut self,
        step: &Step,
        order: &Order,
        info: Option<&ContainerInfo>,
    ) -> Result<Option<Advance>, StepError> {
        let runtime = Arc::clone(&self.shared.runtime);
        match step {
            Step::Wait | Step::Hold(_) => Ok(None),
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
            Step::Tell(not_ready) => {
                let told = self.tell(order, not_ready.clone()).await;
                told.map(|()| None).map_err(StepError::Later)
            }
            Step::Start => self.start().await.map(|()| None),
            Step::Restart => self.restart(order.assigned()).await.map(|()| None),
            Step::Attach => self.attach(order.assigned(), info).await.map(|()| None),
            Step::Stop => Ok(runtime.stop(&self.name).await.map(|()| None)?),
            Step::StopUnhealthy => {
                self.unhealthy = true;
                Ok(runtime.stop(&self.name).await.map(|()| None)?)
            }
            Step::Remove => Ok(runtime.remove(&self.name).await.map(|()| None)?),
        }
    }

    /// Makes what is not there yet: networks, files, image, container, its connections.
    async fn prepare(
        &self,
        assigned: &Assigned,
        info: Option<&ContainerInfo>,
    ) -> Result<(), StepError> {
        let Assigned { task, networks, .. } = assigned;
        let runtime = &self.shared.runtime;
        if networks.len() != task.attachments.len() {
            let reason = "node is missing network attachments, ip addresses may be exhausted";
            return Err(StepError::Final(reason.to_owned()));
        }
        let mut engine_ids = Vec::with_capacity(networks.len());
        for network in networks {
            let ready = self.shared.attach.ready(network).await;
            ready.map_err(|error| StepError::Later(chain(&error)))?;
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
        let mut plan =
            container_plan(task, &attached, &self.shared.hostname, &self.shared.platform)?;
        mount_files(&mut plan, &self.deliver(assigned).await?);
        if info.is_none() {
            let image = plan.body.image.as_deref().unwrap_or_default();
            let missed = self.fetch(image, &task.credentials).await?;
            runtime.create(&plan).await.map_err(|error| explained(error, missed))?;
        }
        let connected = info.map(|info| info.networks.as_slice()).unwrap_or_default();
        for endpoint in &plan.connect {
            if !connected.contains(&endpoint.network) && !connected.contains(&endpoint.name) {
                runtime.connect(&plan.name, endpoint).await?;
            }
        }
        Ok(())
    }

    /// Makes the files of the task's secrets and configs that are not there yet.
    async fn deliver(&self, assigned: &Assigned) -> Result<Vec<Bind>, StepError> {
        let shared = Arc::clone(&self.shared);
        let Assigned { task, documents, .. } = assigned.clone();
        let written = tokio::task::spawn_blocking(move || {
            let context = Context {
                task: &task,
                node_hostname: &shared.hostname,
                platform: &shared.platform,
            };
            shared.files.deliver(&context, &documents)
        });
        Ok(written.await.map_err(|error| StepError::Later(chain(&error)))??)
    }

    /// Fetches the image if it is absent. That a tag stands for another image by now is for clients to find out, who name images by their
    /// digest: Docker asks the registry each time, and so no task starts in time while none answers. A failure is not the end, as creating
    /// the container says so in the words users know; its reason is returned.
    async fn fetch(
        &self,
        image: &str,
        credentials: &PullCredentials,
    ) -> Result<Option<String>, StepError> {
        let runtime = &self.shared.runtime;
        if runtime.has_image(image).await? {
            return Ok(None);
        }
        let auth = match credentials {
            PullCredentials::None => None,
            PullCredentials::Known(auth) => Some(auth),
            PullCredentials::Withheld => {
                let reason = "the credentials for the registry come with the next session";
                return Err(StepError::Later(reason.to_owned()));
            }
        };
        match runtime.pull(image, auth).await {
            Err(RuntimeError::Refused(reason)) => {
                tracing::warn!(image, reason, "pulling image failed");
                Ok(Some(reason))
            }
            other => Ok(other.map(|()| None)?),
        }
    }

    async fn start(&mut self) -> Result<(), StepError> {
        match self.shared.runtime.start(&self.name).await {
            Err(RuntimeError::Refused(reason)) => {
                Err(StepError::Final(format!("starting container failed: {reason}")))
            }
            other => {
                other?;
                // A container may end before it is seen running.
                self.watched = Some(self.outages());
                self.ended = None;
                self.runs_since = Some(Instant::now());
                self.unhealthy = false;
                Ok(())
            }
        }
    }

    /// Starts the container again that has ended. If that is what the restart policy says, it counts as an attempt.
    async fn restart(&mut self, assigned: &Assigned) -> Result<(), StepError> {
        let Assigned { task, networks, .. } = assigned;
        tracing::info!(task.id = %task.id, "starting the container again");
        // The data plane may have lost its networks as the engine lost its containers, if the machine was restarted.
        for network in networks {
            let ready = self.shared.attach.ready(network).await;
            ready.map_err(|error| StepError::Later(chain(&error)))?;
        }
        // So has the memory that secrets are in.
        let delivered = self.deliver(assigned).await.map(drop);
        self.or_later(delivered)?;
        let policy = task.spec.restart_policy.clone().unwrap_or_default();
        let is_attempt = self.ended.is_some_and(|ended| ended.witnessed);
        if is_attempt && policy.max_attempts.is_some_and(|max| max > 0) {
            let (ledger, id, now) =
                (Arc::clone(&self.shared.ledger), task.id.clone(), Timestamp::now());
            let mut attempts = counted(&policy, &ledger.restarts(&id), now);
            attempts.push(now);
            let kept = on_disk(move || ledger.keep_restarts(&id, attempts)).await;
            kept.map_err(StepError::Later)?;
        }
        let started = self.start().await;
        if started.is_err() {
            self.ended = self.ended.map(Ended::refused);
        }
        self.or_later(started)
    }

    /// Without managers nothing is final: nobody else would try again.
    fn or_later(&self, done: Result<(), StepError>) -> Result<(), StepError> {
        match done {
            Err(StepError::Final(reason)) if !self.shared.session.borrow().is_connected() => {
                Err(StepError::Later(reason))
            }
            other => other,
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
                Err(StepError::Later(chain(&error)))
            }
            Err(error) => Err(StepError::Final(chain(&error))),
        }
    }
}
