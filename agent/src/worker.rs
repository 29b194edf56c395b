//! The controllers of this node's tasks: starts, instructs and ends them as assignments come, and clears away what nobody is assigned.
//!
//! Until assignments are known (from the ledger or a manager) nothing is touched. Dropping the worker leaves every container as it is.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::TaskId;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::assignment::Assignments;
use crate::standing::Known;
use crate::task::attach::Attach;
use crate::task::controller::Assigned;
use crate::task::controller::Controller;
use crate::task::controller::Order;
use crate::task::controller::Shared;
use crate::task::files::Documents;
use crate::task::files::FilesError;
use crate::task::runtime::OwnContainer;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;

/// How long to wait before the engine is asked again after it failed.
const RETRY: Duration = Duration::from_secs(1);

/// Owns the controllers.
#[derive(Debug)]
pub(crate) struct Worker<R, A> {
    shared: Arc<Shared<R, A>>,
    known: watch::Receiver<Known>,
    controllers: BTreeMap<TaskId, Instructed>,
    /// Controllers and the removal of containers that no task is assigned for. Aborted when the worker is dropped.
    running: JoinSet<TaskId>,
    /// Whether containers from before the start have been looked for.
    adopted: bool,
}

/// How a controller is reached.
#[derive(Debug)]
struct Instructed {
    order: watch::Sender<Order>,
    wake: Arc<Notify>,
}

/// Something to act on.
enum Event {
    Assignments,
    Container(TaskId),
    EventsLost,
    Ended(TaskId),
}

impl<R: Runtime, A: Attach> Worker<R, A> {
    /// A worker for the assignments in `known`.
    #[must_use]
    pub(crate) fn new(shared: Arc<Shared<R, A>>, known: watch::Receiver<Known>) -> Self {
        Self {
            shared,
            known,
            controllers: BTreeMap::new(),
            running: JoinSet::new(),
            adopted: false,
        }
    }

    /// Runs until nobody sends assignments any more.
    pub(crate) async fn run(mut self) {
        let runtime = Arc::clone(&self.shared.runtime);
        loop {
            let mut events = runtime.events();
            // What happened while nobody listened is found by looking.
            self.reconcile().await;
            self.wake_all();
            loop {
                // Every arm is cancel-safe: streams, watches and join sets keep what is not taken.
                let event = tokio::select! {
                    changed = self.known.changed() => match changed {
                        Ok(()) => Event::Assignments,
                        Err(_gone) => return,
                    },
                    event = events.next() => match event {
                        Some(Ok(task)) => Event::Container(task),
                        Some(Err(_)) | None => Event::EventsLost,
                    },
                    Some(ended) = self.running.join_next() => match ended {
                        Ok(task) => Event::Ended(task),
                        Err(error) => {
                            tracing::error!(error = chain(&error), "a controller broke");
                            continue;
                        }
                    },
                };
                match event {
                    Event::Assignments => self.reconcile().await,
                    Event::Container(task) => self.wake(&task),
                    Event::Ended(task) => self.ended(&task).await,
                    Event::EventsLost => break,
                }
            }
            tracing::info!("lost the events of the container engine");
            self.shared.outages.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(RETRY).await;
        }
    }

    fn wake(&self, task: &TaskId) {
        if let Some(controller) = self.controllers.get(task) {
            controller.wake.notify_one();
        }
    }

    fn wake_all(&self) {
        for controller in self.controllers.values() {
            controller.wake.notify_one();
        }
    }

    async fn ended(&mut self, task: &TaskId) {
        self.controllers.remove(task);
        self.shared.networks.release(task).await;
        let (shared, gone) = (Arc::clone(&self.shared), task.clone());
        clean(move || shared.files.remove(&gone)).await;
        // Assigned again while its controller was clearing it away.
        let known = self.known.borrow().clone();
        if let Some(known) = known.filter(|known| known.tasks.contains_key(task)) {
            self.instruct(&known, task).await;
        }
    }

    /// Has every assigned task controlled, and every other forgotten.
    async fn reconcile(&mut self) {
        let known = self.known.borrow_and_update().clone();
        let Some(known) = known else { return };
        for task in known.tasks.keys() {
            self.instruct(&known, task).await;
        }
        let attached = known.attachments_of(&self.shared.node_id);
        let networks = attached.map(|attachment| attachment.network_id.clone()).collect();
        self.shared.networks.keep(networks).await;
        for (_, controller) in
            self.controllers.iter().filter(|(task, _)| !known.tasks.contains_key(*task))
        {
            controller.order.send_if_modified(|order| {
                let Order::Keep(assigned) = order else { return false };
                *order = Order::Forget(assigned.clone());
                true
            });
        }
        if !self.adopted {
            self.adopt(&known).await;
        }
    }

    /// Tells the controller of `task` what is assigned; there is one from now on.
    async fn instruct(&mut self, known: &Assignments, task: &TaskId) {
        let Some(task) = known.tasks.get(task) else { return };
        let order = Order::Keep(assigned(known, task));
        self.shared.networks.hold(task).await;
        if let Some(controller) = self.controllers.get(&task.id) {
            controller.order.send_if_modified(|before| {
                let differs = *before != order;
                *before = order;
                differs
            });
            return;
        }
        let wake = Arc::new(Notify::new());
        let (order, orders) = watch::channel(order);
        let controller = Controller::new(Arc::clone(&self.shared), orders, Arc::clone(&wake));
        let id = task.id.clone();
        self.running.spawn(async move {
            controller.run().await;
            id
        });
        self.controllers.insert(task.id.clone(), Instructed { order, wake });
    }

    /// Clears away containers, files and networks from before the start that no task is assigned for. Those of assigned tasks are found by their controllers.
    async fn adopt(&mut self, known: &Assignments) {
        let containers = match self.shared.runtime.containers().await {
            Ok(containers) => containers,
            Err(error) => {
                tracing::warn!(error = chain(&error), "cannot list containers");
                return;
            }
        };
        self.adopted = true;
        let kept: BTreeSet<TaskId> =
            containers.iter().map(|one| &one.task).chain(known.tasks.keys()).cloned().collect();
        let shared = Arc::clone(&self.shared);
        clean(move || shared.files.sweep(|name| kept.iter().any(|id| id.as_str() == name))).await;
        for container in containers {
            if !known.tasks.contains_key(&container.task) {
                let runtime = Arc::clone(&self.shared.runtime);
                self.running.spawn(clear_away(runtime, container));
            }
        }
        self.shared.networks.sweep().await;
    }
}

fn assigned(known: &Assignments, task: &Arc<TaskAssignment>) -> Assigned {
    let networks = task
        .attachments
        .iter()
        .filter_map(|attachment| known.networks.get(&attachment.network_id).cloned());
    let documents = Documents::of(known, task);
    Assigned { task: Arc::clone(task), networks: networks.collect(), documents }
}

/// Removes files, where it may block. What cannot be removed is in nobody's way.
async fn clean(remove: impl FnOnce() -> Result<(), FilesError> + Send + 'static) {
    match tokio::task::spawn_blocking(remove).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = chain(&error), "cannot remove the files of a task");
        }
        Err(error) => tracing::error!(error = chain(&error), "the removal of files broke"),
    }
}

/// Stops and removes a container, however long the engine takes.
async fn clear_away<R: Runtime>(runtime: Arc<R>, container: OwnContainer) -> TaskId {
    tracing::info!(task.id = %container.task, "removing a container that no task is assigned for");
    loop {
        let removed: Result<(), RuntimeError> = async {
            runtime.stop(&container.id).await?;
            runtime.remove(&container.id).await
        }
        .await;
        match removed {
            Ok(()) => return container.task,
            Err(error) => {
                tracing::warn!(task.id = %container.task, error = chain(&error), "cannot remove");
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

#[cfg(test)]
mod tests;
