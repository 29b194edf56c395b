//! A running agent, as the daemon has it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use swarmlite_proto::identity::Identity;
use tokio::sync::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::attachments::Desk;
use crate::docker::DockerRuntime;
use crate::http::Observed;
use crate::member::Member;
use crate::metrics::Facts;
use crate::metrics::TaskStates;
use crate::metrics::WorkFacts;
use crate::network::DataPlaneHandle;
use crate::standing::Known;
use crate::standing::SessionState;
use crate::task::files::Files;

/// A running agent. Clones are the same agent; when the last is dropped it ends, as by [`AgentHandle::shutdown`].
#[derive(Clone)]
pub struct AgentHandle {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) member: Member,
    /// `None` on a witness.
    pub(crate) work: Option<Work>,
    /// Aborted when dropped. Safe at any point: what is half done is found by looking, on disk and in the engine.
    pub(crate) running: Mutex<JoinSet<()>>,
}

/// What a node has for its tasks.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) engine: watch::Receiver<bool>,
    pub(crate) tasks: TaskStates,
    pub(crate) runtime: Arc<DockerRuntime>,
    pub(crate) plane: DataPlaneHandle,
    pub(crate) http: Observed,
    pub(crate) files: Files,
    pub(crate) desk: Desk,
}

impl fmt::Debug for AgentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentHandle").field("work", &self.inner.work).finish_non_exhaustive()
    }
}

impl AgentHandle {
    pub(crate) fn new(member: Member, work: Option<Work>, running: JoinSet<()>) -> Self {
        Self { inner: Arc::new(Inner { member, work, running: Mutex::new(running) }) }
    }

    /// Who the node is. Changes when the certificate is renewed; a change of role says whether the node is to be a manager.
    #[must_use]
    pub fn identity(&self) -> watch::Receiver<Identity> {
        self.inner.member.identity.subscribe()
    }

    /// What the node was told; `None` until it was told anything.
    #[must_use]
    pub fn known(&self) -> watch::Receiver<Known> {
        self.inner.member.known.subscribe()
    }

    /// Where managers can be reached.
    #[must_use]
    pub fn managers(&self) -> watch::Receiver<Vec<SocketAddr>> {
        self.inner.member.managers.subscribe()
    }

    /// Makes `managers` the only ones this node looks for, for when all others are lost.
    pub fn set_managers(&self, managers: Vec<SocketAddr>) {
        self.inner.member.managers.send_replace(managers);
    }

    /// How the node stands with the managers.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.inner.member.state.subscribe()
    }

    /// The numbers of this agent as they are now, for Prometheus.
    #[must_use]
    pub fn metrics(&self) -> Registry {
        let Inner { member, work, .. } = &*self.inner;
        let facts = Facts {
            identity: member.identity.borrow().clone(),
            known: member.known.borrow().clone(),
            connected: member.state.borrow().is_connected(),
            waiting: member.reporter.waiting(),
            work: work.as_ref().map(|work| WorkFacts {
                engine: *work.engine.borrow(),
                progress: work.plane.progress().borrow().clone(),
                reached: work.plane.reached().borrow().clone(),
                tasks: work.tasks.clone(),
                proxy: work.http.proxy.borrow().clone(),
            }),
        };
        facts.registry()
    }

    /// Where places on networks of the cluster are asked for, for standalone containers. A witness has none.
    #[must_use]
    pub fn desk(&self) -> Option<Desk> {
        self.inner.work.as_ref().map(|work| work.desk.clone())
    }

    /// Ends the agent. Containers and the data plane's kernel state stay, and serve on. HTTP requests that are under way get their answers first.
    pub async fn shutdown(&self) {
        if let Some(work) = &self.inner.work {
            work.http.end().await;
        }
        self.inner.running.lock().await.shutdown().await;
    }
}
