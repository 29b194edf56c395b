//! Which of the cluster's networks the engine has: made when the first task or attached container needs one, removed when the last is
//! gone.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::TaskId;
use tokio::sync::Mutex;
use tokio::sync::watch;

use super::runtime::Runtime;
use super::runtime::RuntimeError;
use super::translate::network_plan;

/// Knows which task uses which network.
#[derive(Debug)]
pub(crate) struct Networks<R> {
    runtime: Arc<R>,
    /// Locked while the engine makes or removes a network, so that none is removed that is just being asked for.
    users: Mutex<BTreeMap<NetworkId, BTreeSet<TaskId>>>,
    /// The networks that are kept whatever tasks there are. Only changed under that lock.
    kept: watch::Sender<BTreeSet<NetworkId>>,
}

impl<R: Runtime> Networks<R> {
    /// Nobody uses a network yet.
    #[must_use]
    pub(crate) fn new(runtime: Arc<R>) -> Self {
        Self { runtime, users: Mutex::default(), kept: watch::Sender::default() }
    }

    /// Notes that `task` uses its networks: they are not removed from now on.
    pub(crate) async fn hold(&self, task: &TaskAssignment) {
        let mut users = self.users.lock().await;
        for attachment in &task.attachments {
            users.entry(attachment.network_id.clone()).or_default().insert(task.id.clone());
        }
    }

    /// Keeps exactly these networks whatever tasks there are: those that attached containers are on, running or not. One that is not
    /// kept any more goes when no task uses it.
    pub(crate) async fn keep(&self, networks: BTreeSet<NetworkId>) {
        let mut users = self.users.lock().await;
        if *self.kept.borrow() == networks {
            return;
        }
        for network in self.kept.send_replace(networks) {
            users.entry(network).or_default();
        }
        self.remove_unused(&mut users).await;
    }

    /// Waits until `network` is kept. Whoever has the engine make it before that may see it go again.
    pub(crate) async fn kept(&self, network: &NetworkId) {
        let mut kept = self.kept.subscribe();
        // Cannot fail: the sender is here.
        let _kept = kept.wait_for(|kept| kept.contains(network)).await;
    }

    /// Has the engine make `network`, which somebody holds. The answer is the engine's id of it.
    ///
    /// # Errors
    ///
    /// When the engine does not.
    pub(crate) async fn ensure(&self, network: &NetworkAssignment) -> Result<String, RuntimeError> {
        let _users = self.users.lock().await;
        self.runtime.ensure_network(&network_plan(network)).await
    }

    /// Notes that `task` is gone, and removes the networks that nobody uses any more.
    pub(crate) async fn release(&self, task: &TaskId) {
        let mut users = self.users.lock().await;
        for tasks in users.values_mut() {
            tasks.remove(task);
        }
        self.remove_unused(&mut users).await;
    }

    /// Removes the networks that nobody uses. For the start, when all users have been noted.
    pub(crate) async fn sweep(&self) {
        let mut users = self.users.lock().await;
        match self.runtime.networks().await {
            Ok(networks) => {
                for network in networks {
                    users.entry(network).or_default();
                }
            }
            Err(error) => tracing::warn!(error = chain(&error), "cannot list networks"),
        }
        self.remove_unused(&mut users).await;
    }

    /// A network that the engine does not give up, for instance because a standalone container is on it, is tried again next time.
    async fn remove_unused(&self, users: &mut BTreeMap<NetworkId, BTreeSet<TaskId>>) {
        let kept = self.kept.borrow().clone();
        let unused: Vec<NetworkId> = users
            .iter()
            .filter(|(network, tasks)| tasks.is_empty() && !kept.contains(*network))
            .map(|(network, _)| network.clone())
            .collect();
        for network in unused {
            match self.runtime.remove_network(&network).await {
                Ok(()) => drop(users.remove(&network)),
                Err(error) => {
                    tracing::info!(%network, error = chain(&error), "network stays for now");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::fake::FakeRuntime;
    use crate::task::samples::attachment;
    use crate::task::samples::network;
    use crate::task::samples::task;

    #[tokio::test]
    async fn a_network_stays_as_long_as_one_task_needs_it() {
        let runtime = FakeRuntime::new();
        let networks = Networks::new(Arc::new(runtime.clone()));
        let on_x = |letter| {
            let mut task = task(letter);
            task.attachments = vec![attachment('x', letter as u8)];
            task
        };
        let (a, b) = (on_x('a'), on_x('b'));
        networks.hold(&a).await;
        networks.ensure(&network('x')).await.expect("makes it");
        networks.hold(&b).await;
        networks.release(&a.id).await;
        networks.sweep().await;
        assert_eq!(runtime.state().networks.len(), 1);
        networks.release(&b.id).await;
        assert_eq!(runtime.state().networks.len(), 0);
    }

    #[tokio::test]
    async fn a_network_with_an_attached_container_stays_without_tasks() {
        let runtime = FakeRuntime::new();
        let networks = Networks::new(Arc::new(runtime.clone()));
        let x = network('x');
        networks.keep(BTreeSet::from([x.id.clone()])).await;
        networks.ensure(&x).await.expect("makes it");
        networks.sweep().await;
        let mut task = task('a');
        task.attachments = vec![attachment('x', 1)];
        networks.hold(&task).await;
        networks.release(&task.id).await;
        assert_eq!(runtime.state().networks.len(), 1);
        networks.keep(BTreeSet::new()).await;
        assert_eq!(runtime.state().networks.len(), 0);
    }
}
