//! What a node does when it leaves the cluster: it says good-bye, and keeps nothing.

use std::path::Path;
use std::time::Duration;

use swarmlite_proto::error::chain;
use swarmlite_proto::id::NodeId;
use tokio::time::timeout;

use crate::attachments::Containers;
use crate::config::AgentConfig;
use crate::docker::DockerRuntime;
use crate::handle::AgentHandle;
use crate::identity;
use crate::ledger::Ledger;
use crate::member::Member;
use crate::parts::data_plane;
use crate::parts::files;
use crate::start::Agent;
use crate::task::runtime::Runtime;

/// How long the managers get to take note of a node that leaves. After that they notice its silence.
const GOODBYE: Duration = Duration::from_secs(2);

/// Some of what the node had could not be removed. All that could be is.
#[derive(Debug, thiserror::Error)]
#[error("cannot remove all of the node's state: {}", .0.join("; "))]
pub struct LeaveError(Vec<String>);

impl Agent {
    /// Removes all that a node has of the cluster, as [`AgentHandle::leave`] does, where no agent runs. Goes on after errors.
    ///
    /// # Errors
    ///
    /// What could not be removed.
    pub async fn clear(config: AgentConfig) -> Result<(), LeaveError> {
        let mut errors = match identity::node_id(&config.state_dir) {
            _ if config.witness => Vec::new(),
            Ok(Some(node_id)) => clear_machine(&config, node_id).await,
            Ok(None) => Vec::new(),
            Err(error) => vec![chain(&error)],
        };
        if !config.witness {
            errors.extend(clear_files(&config).err());
        }
        match Ledger::open(&config.state_dir.join("agent")) {
            Ok(ledger) => errors.extend(forget(&ledger, &config.state_dir)),
            Err(error) => errors.push(chain(&error)),
        }
        if errors.is_empty() { Ok(()) } else { Err(LeaveError(errors)) }
    }
}

impl AgentHandle {
    /// Tells the managers that the node leaves, ends the agent and removes all that the node has of the cluster: the containers of its tasks,
    /// their files, its networks (other containers are taken off these), and what it remembers, its identity included. Goes on after
    /// errors, and without managers.
    ///
    /// # Errors
    ///
    /// What could not be removed.
    pub async fn leave(&self) -> Result<(), LeaveError> {
        self.say_goodbye().await;
        self.shutdown().await;
        let mut errors = Vec::new();
        if let Some(work) = &self.inner.work {
            errors.extend(remove_all(&*work.runtime).await);
            let failed = work.plane.tear_down().await.err().unwrap_or_default();
            errors.extend(failed.iter().map(|error| chain(error)));
            errors.extend(work.files.clear().err().map(|error| error.to_string()));
        }
        let Member { config, ledger, .. } = &self.inner.member;
        errors.extend(forget(ledger, &config.state_dir));
        if errors.is_empty() { Ok(()) } else { Err(LeaveError(errors)) }
    }

    /// Returns when the managers know that the node leaves, or do not answer.
    async fn say_goodbye(&self) {
        let Member { state, leaving, .. } = &self.inner.member;
        let mut state = state.subscribe();
        leaving.send_replace(true);
        let ended = state.wait_for(|state| !state.is_connected());
        // The node leaves in any case.
        let _ = timeout(GOODBYE, ended).await;
    }
}

/// Removes what the engine and the kernel have of the cluster, without an agent.
async fn clear_machine(config: &AgentConfig, node_id: NodeId) -> Vec<String> {
    let mut errors = Vec::new();
    match DockerRuntime::connect(&config.docker, node_id.clone()).await {
        Ok(runtime) => errors.extend(remove_all(&runtime).await),
        Err(error) => errors.push(chain(&error)),
    }
    match data_plane(config, node_id) {
        Ok(plane) => {
            let failed = plane.tear_down().await.err().unwrap_or_default();
            errors.extend(failed.iter().map(|error| chain(error)));
        }
        Err(error) => errors.push(chain(&error)),
    }
    errors
}

/// Removes the files of tasks, without an agent.
fn clear_files(config: &AgentConfig) -> Result<(), String> {
    files(config).map_err(|error| chain(&error))?.clear().map_err(|error| error.to_string())
}

/// Removes what the node remembers, its identity included.
fn forget(ledger: &Ledger, state_dir: &Path) -> Vec<String> {
    let ledger = ledger.clear().map_err(|error| chain(&error));
    let identity = identity::remove(state_dir).map_err(|error| chain(&error));
    ledger.err().into_iter().chain(identity.err()).collect()
}

/// Removes every container and network of the cluster from the engine, and takes what is not the cluster's off those. The answer is what
/// could not be.
async fn remove_all<R: Runtime + Containers>(runtime: &R) -> Vec<String> {
    let mut errors = Vec::new();
    let containers = runtime.containers().await.unwrap_or_else(|error| {
        errors.push(error.to_string());
        Vec::new()
    });
    let removals = containers.iter().map(|container| runtime.remove(&container.id));
    let removed = futures_util::future::join_all(removals).await;
    errors.extend(removed.into_iter().filter_map(Result::err).map(|error| error.to_string()));
    for held in runtime.held().await.unwrap_or_default() {
        errors.extend(runtime.detach(&held).await.err().map(|error| error.to_string()));
    }
    match runtime.networks().await {
        Ok(networks) => {
            for network in networks {
                errors.extend(runtime.remove_network(&network).await.err().map(|e| e.to_string()));
            }
        }
        Err(error) => errors.push(error.to_string()),
    }
    errors
}
