//! A running agent, as the daemon has it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use swarmlite_proto::identity::Identity;
use swarmlite_rpc::Client;
use tokio::sync::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::attachments::Desk;
use crate::docker::DockerRuntime;
use crate::http::Observed;
use crate::ledger::Ledger;
use crate::metrics::Facts;
use crate::metrics::TaskStates;
use crate::network::DataPlaneHandle;
use crate::reporter::Reporter;
use crate::standing::Known;
use crate::standing::SessionState;
use crate::task::files::Files;

/// A running agent. Clones are the same agent; when the last is dropped it ends, as by [`AgentHandle::shutdown`].
#[derive(Clone, Debug)]
pub struct AgentHandle {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) state_dir: PathBuf,
    pub(crate) identity: watch::Sender<Identity>,
    pub(crate) known: watch::Sender<Known>,
    pub(crate) managers: watch::Sender<Vec<SocketAddr>>,
    pub(crate) state: watch::Sender<SessionState>,
    pub(crate) leaving: watch::Sender<bool>,
    pub(crate) engine: watch::Receiver<bool>,
    pub(crate) reporter: Reporter,
    pub(crate) tasks: TaskStates,
    pub(crate) client: Client,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) runtime: Arc<DockerRuntime>,
    pub(crate) plane: DataPlaneHandle,
    pub(crate) http: Observed,
    pub(crate) files: Files,
    pub(crate) desk: Desk,
    /// Aborted when dropped. Safe at any point: what is half done is found by looking, on disk and in the engine.
    pub(crate) running: Mutex<JoinSet<()>>,
}

impl AgentHandle {
    /// Who the node is. Changes when the certificate is renewed; a change of role says whether the node is to be a manager.
    #[must_use]
    pub fn identity(&self) -> watch::Receiver<Identity> {
        self.inner.identity.subscribe()
    }

    /// What the node was told; `None` until it was told anything.
    #[must_use]
    pub fn known(&self) -> watch::Receiver<Known> {
        self.inner.known.subscribe()
    }

    /// Where managers can be reached.
    #[must_use]
    pub fn managers(&self) -> watch::Receiver<Vec<SocketAddr>> {
        self.inner.managers.subscribe()
    }

    /// Makes `managers` the only ones this node looks for, for when all others are lost.
    pub fn set_managers(&self, managers: Vec<SocketAddr>) {
        self.inner.managers.send_replace(managers);
    }

    /// How the node stands with the managers.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.inner.state.subscribe()
    }

    /// The numbers of this agent as they are now, for Prometheus.
    #[must_use]
    pub fn metrics(&self) -> Registry {
        let inner = &*self.inner;
        let facts = Facts {
            identity: inner.identity.borrow().clone(),
            known: inner.known.borrow().clone(),
            connected: inner.state.borrow().is_connected(),
            engine: *inner.engine.borrow(),
            progress: inner.plane.progress().borrow().clone(),
            reached: inner.plane.reached().borrow().clone(),
            waiting: inner.reporter.waiting(),
            tasks: inner.tasks.clone(),
            proxy: inner.http.proxy.borrow().clone(),
        };
        facts.registry()
    }

    /// Where places on networks of the cluster are asked for, for standalone containers.
    #[must_use]
    pub fn desk(&self) -> Desk {
        self.inner.desk.clone()
    }

    /// Ends the agent. Containers and the data plane's kernel state stay, and serve on. HTTP requests that are under way get their answers first.
    pub async fn shutdown(&self) {
        self.inner.http.end().await;
        self.inner.running.lock().await.shutdown().await;
    }
}
