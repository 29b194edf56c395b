//! The life of a node: outside of any cluster, a member, a member with another role, outside again.
//!
//! Everything that changes the membership goes through one lock, so that the steps of joining, leaving and changing role never
//! mix. What the API shows is a copy of its own and never waits for these.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarmlite_agent::Agent;
use swarmlite_agent::AgentConfig;
use swarmlite_agent::AgentHandle;
use swarmlite_agent::identity;
use swarmlite_agent::session::SessionState;
use swarmlite_manager::api::ManagerAccess;
use swarmlite_manager::api::NodeControl;
use swarmlite_manager::ca;
use swarmlite_manager::manager::Start;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::RemoteManager;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use tokio::sync::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio::time::timeout;

use super::address;
use super::interfaces::interfaces;
use super::managing::Managing;
use super::membership::Membership;
use super::membership::StateDir;
use super::request;

/// How long a join waits for the node's first session (moby `daemon/cluster/cluster.go`).
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait before a part of the node that did not start is tried again. The Docker Engine may come up after this daemon.
const RETRY: Duration = Duration::from_secs(2);

const ALREADY_MEMBER: &str = "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.";
const NO_MEMBER: &str = "This node is not part of a swarm";
const JOIN_SLOW: &str = "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the \"docker info\" command to see the current swarm status of your node.";
const LEAVING_MANAGER: &str =
    "You are attempting to leave the swarm on a node that is participating as a manager. ";

/// What the operator decided about this node.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The socket of its Docker Engine.
    pub(crate) docker: PathBuf,
    /// Where that engine looks for plugins.
    pub(crate) plugin_dir: PathBuf,
    /// Its name, if not the machine's.
    pub(crate) hostname: Option<String>,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    dir: StateDir,
    options: Options,
    /// What runs. Locked while the membership changes.
    member: Mutex<Option<Member>>,
    /// What others see of it.
    view: watch::Sender<View>,
}

/// What runs on a node that is a member.
#[derive(Debug)]
struct Member {
    membership: Membership,
    agent: AgentHandle,
    manager: Option<Managing>,
}

/// What others see of a node.
#[derive(Clone, Debug, Default)]
struct View {
    state: LocalNodeState,
    error: String,
    membership: Option<Membership>,
    agent: Option<AgentHandle>,
    manager: Option<Managing>,
}

impl Node {
    /// A node that has not looked yet whether it is a member of a cluster.
    pub(crate) fn new(dir: StateDir, options: Options) -> Self {
        Self { dir, options, member: Mutex::default(), view: watch::Sender::default() }
    }

    /// Goes on as what the node was before, then follows changes of its role, for ever.
    ///
    /// # Errors
    ///
    /// When what the node remembers cannot be read.
    pub(crate) async fn resume_and_follow(&self) -> anyhow::Result<()> {
        self.resume().await?;
        let mut view = self.view.subscribe();
        loop {
            let agent = view.borrow_and_update().agent.clone();
            let Some(agent) = agent else {
                view.changed().await?;
                continue;
            };
            let mut identity = agent.identity();
            self.follow_role(&identity.borrow_and_update().clone()).await;
            tokio::select! {
                // Both are cancel-safe. The identity's sender goes with the agent, when the node leaves.
                _ = identity.changed() => {}
                changed = view.changed() => changed?,
            }
        }
    }

    /// Ends what runs. Containers and the kernel's tables stay.
    pub(crate) async fn shutdown(&self) {
        if let Some(member) = self.member.lock().await.take() {
            member.agent.shutdown().await;
            if let Some(manager) = member.manager {
                manager.shutdown().await;
            }
        }
    }

    async fn resume(&self) -> anyhow::Result<()> {
        let mut slot = self.member.lock().await;
        let Some(membership) = self.dir.load()? else { return Ok(()) };
        let Some(identity) = identity::load(self.dir.root())? else {
            anyhow::bail!("this node is a member of a cluster and its certificate is missing");
        };
        self.show(LocalNodeState::Pending, Some(&membership), None, None);
        let mut manager = None;
        if identity.role == NodeRole::Manager {
            manager = Some(self.start_manager(&membership, &identity, Start::Resume).await?);
            self.show(LocalNodeState::Pending, Some(&membership), None, manager.clone());
        }
        let agent = self.start_agent_until_it_runs(&membership, identity).await;
        self.become_member(&mut slot, Member { membership, agent, manager });
        Ok(())
    }

    async fn start_agent_until_it_runs(
        &self,
        membership: &Membership,
        identity: Identity,
    ) -> AgentHandle {
        loop {
            match self.start_agent(membership, identity.clone()).await {
                Ok(agent) => return agent,
                Err(error) => tracing::warn!(%error, "cannot start the agent, trying again"),
            }
            sleep(RETRY).await;
        }
    }

    async fn found(&self, request: InitRequest) -> Result<NodeId> {
        let mut slot = self.member.lock().await;
        if slot.is_some() {
            return Err(Error::unavailable(ALREADY_MEMBER));
        }
        let membership =
            membership(&request.listen_addr, &request.advertise_addr, &request.data_path_addr)?;
        let init = request::cluster_init(request, membership.advertise_addr)?;
        let founding = ca::found(init, &mut rand::rng(), Timestamp::now())?;
        let node_id = founding.identity.node_id.clone();
        let started = self.start_founder(&membership, founding).await;
        self.keep_or_undo(&mut slot, membership, started).await?;
        Ok(node_id)
    }

    async fn start_founder(
        &self,
        membership: &Membership,
        founding: ca::Founding,
    ) -> Result<(AgentHandle, Option<Managing>)> {
        let identity = founding.identity.clone();
        identity::save(self.dir.root(), &identity).map_err(failed)?;
        let start = Start::Found(Box::new(founding.transaction));
        let manager = self.start_manager(membership, &identity, start).await?;
        match self.start_agent(membership, identity).await {
            Ok(agent) => Ok((agent, Some(manager))),
            Err(error) => {
                manager.shutdown().await;
                Err(error)
            }
        }
    }

    async fn enter(&self, request: JoinRequest) -> Result<()> {
        let mut slot = self.member.lock().await;
        if slot.is_some() {
            return Err(Error::unavailable(ALREADY_MEMBER));
        }
        let mut membership =
            membership(&request.listen_addr, &request.advertise_addr, &request.data_path_addr)?;
        let availability = request::availability(&request.availability)?;
        let remote = request::remote(&request.remote_addrs).await?;
        let advertise = membership.advertise_addr;
        let joined = identity::join(remote, &request.join_token, availability, advertise).await?;
        membership.managers = joined.managers;
        let started = self.start_member(&membership, joined.identity).await;
        let agent = self.keep_or_undo(&mut slot, membership, started).await?;
        // Others may look, and even leave, while this waits.
        drop(slot);
        await_session(&agent).await
    }

    async fn start_member(
        &self,
        membership: &Membership,
        identity: Identity,
    ) -> Result<(AgentHandle, Option<Managing>)> {
        identity::save(self.dir.root(), &identity).map_err(failed)?;
        let manager = match identity.role {
            NodeRole::Worker => None,
            NodeRole::Manager => {
                let start = Start::Join(membership.managers.clone());
                Some(self.start_manager(membership, &identity, start).await?)
            }
        };
        match self.start_agent(membership, identity).await {
            Ok(agent) => Ok((agent, manager)),
            Err(error) => {
                if let Some(manager) = manager {
                    manager.shutdown().await;
                }
                Err(error)
            }
        }
    }

    async fn start_manager(
        &self,
        membership: &Membership,
        identity: &Identity,
        start: Start,
    ) -> Result<Managing> {
        Managing::start(&self.dir, membership, identity, start).await.map_err(failed)
    }

    /// Makes the node a member if all of it has started, and otherwise leaves nothing behind on it.
    async fn keep_or_undo(
        &self,
        slot: &mut Option<Member>,
        membership: Membership,
        started: Result<(AgentHandle, Option<Managing>)>,
    ) -> Result<AgentHandle> {
        let saved = match started {
            Ok(parts) => self.dir.save(&membership).map(|()| parts).map_err(failed),
            Err(error) => Err(error),
        };
        match saved {
            Ok((agent, manager)) => {
                self.become_member(slot, Member { membership, agent: agent.clone(), manager });
                Ok(agent)
            }
            Err(error) => {
                let undone = identity::remove(self.dir.root()).map_err(io::Error::other);
                if let Err(cause) = undone.and_then(|()| self.dir.wipe_manager()) {
                    tracing::warn!(%cause, "cannot remove what is left of a join that failed");
                }
                Err(error)
            }
        }
    }

    async fn exit(&self, force: bool) -> Result<()> {
        let mut slot = self.member.lock().await;
        let Some(member) = slot.as_ref() else { return Err(Error::unavailable(NO_MEMBER)) };
        if let Some(manager) = &member.manager
            && !force
        {
            let consequence = request::leaving_manager(&manager.members().await?);
            return Err(Error::unavailable(format!("{LEAVING_MANAGER}{consequence}")));
        }
        // First: from here on a restart finds a node that is in no cluster.
        self.dir.forget().map_err(failed)?;
        self.show(LocalNodeState::Inactive, None, None, None);
        let Some(member) = slot.take() else { return Ok(()) };
        if let Some(manager) = member.manager {
            manager.shutdown().await;
        }
        let left = member.agent.leave().await;
        self.dir.wipe_manager().map_err(failed)?;
        left.map_err(failed)
    }

    /// Starts or ends the manager, as the node's certificate says.
    async fn follow_role(&self, identity: &Identity) {
        let mut slot = self.member.lock().await;
        let Some(member) = slot.as_mut() else { return };
        match (identity.role, member.manager.take()) {
            (NodeRole::Manager, None) => {
                let start = Start::Join(member.agent.managers().borrow().clone());
                match self.start_manager(&member.membership, identity, start).await {
                    Ok(manager) => member.manager = Some(manager),
                    Err(error) => tracing::error!(%error, "cannot become a manager"),
                }
            }
            (NodeRole::Manager, Some(manager)) => {
                if let Err(error) = manager.set_identity(identity) {
                    tracing::error!(%error, "cannot use the new certificate");
                }
                member.manager = Some(manager);
                return;
            }
            (NodeRole::Worker, Some(manager)) => {
                manager.shutdown().await;
                if let Err(error) = self.dir.wipe_manager() {
                    tracing::warn!(%error, "cannot remove what this node kept as a manager");
                }
            }
            (NodeRole::Worker, None) => return,
        }
        self.show_member(member);
    }

    async fn start_agent(
        &self,
        membership: &Membership,
        identity: Identity,
    ) -> Result<AgentHandle> {
        let config = AgentConfig {
            state_dir: self.dir.root().to_owned(),
            docker: self.options.docker.clone(),
            plugin_dir: self.options.plugin_dir.clone(),
            data_path_addr: membership.data_path_addr,
            hostname: self.options.hostname.clone(),
        };
        Agent::start(config, identity, membership.managers.clone()).await.map_err(failed)
    }

    fn become_member(&self, slot: &mut Option<Member>, member: Member) {
        self.show_member(&member);
        *slot = Some(member);
    }

    fn show_member(&self, member: &Member) {
        let Member { membership, agent, manager } = member;
        self.show(LocalNodeState::Active, Some(membership), Some(agent.clone()), manager.clone());
    }

    fn show(
        &self,
        state: LocalNodeState,
        membership: Option<&Membership>,
        agent: Option<AgentHandle>,
        manager: Option<Managing>,
    ) {
        let membership = membership.cloned();
        self.view.send_replace(View { state, error: String::new(), membership, agent, manager });
    }
}

impl NodeControl for Node {
    fn init(&self, request: InitRequest) -> BoxFuture<'_, Result<NodeId>> {
        self.found(request).boxed()
    }

    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<()>> {
        self.enter(request).boxed()
    }

    fn leave(&self, force: bool) -> BoxFuture<'_, Result<()>> {
        self.exit(force).boxed()
    }

    fn membership(&self) -> SwarmInfo {
        let view = self.view.borrow().clone();
        let node_id =
            view.agent.as_ref().map(|agent| agent.identity().borrow().node_id.to_string());
        let remote =
            |addr: SocketAddr| RemoteManager { node_id: String::new(), addr: addr.to_string() };
        let managers =
            view.agent.map(|agent| agent.managers().borrow().iter().copied().map(remote).collect());
        SwarmInfo {
            node_id: node_id.unwrap_or_default(),
            node_addr: view
                .membership
                .map(|membership| membership.advertise_addr.ip().to_string())
                .unwrap_or_default(),
            local_node_state: view.state,
            control_available: view.manager.is_some(),
            error: view.error,
            remote_managers: managers,
            ..SwarmInfo::default()
        }
    }

    fn manager(&self) -> Option<ManagerAccess> {
        Some(self.view.borrow().manager.as_ref()?.access())
    }
}

/// The addresses of a node that is about to become a member.
fn membership(listen: &str, advertise: &str, data_path: &str) -> Result<Membership> {
    let interfaces = interfaces().map_err(failed)?;
    let listen_addr = address::listen(listen, &interfaces)?;
    let advertise_addr = address::advertise(advertise, listen_addr, &interfaces)?;
    let data_path_addr = address::data_path(data_path, advertise_addr, &interfaces)?;
    let managers = vec![advertise_addr];
    Ok(Membership { listen_addr, advertise_addr, data_path_addr, managers })
}

async fn await_session(agent: &AgentHandle) -> Result<()> {
    let mut state = agent.state();
    let connected = state.wait_for(|state| matches!(state, SessionState::Connected(_)));
    match timeout(JOIN_TIMEOUT, connected).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_left)) => Err(Error::unavailable(NO_MEMBER)),
        Err(_elapsed) => Err(Error::unavailable(JOIN_SLOW)),
    }
}

/// What went wrong on this node, causes included, for the user who asked for it.
fn failed(error: impl Into<anyhow::Error>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(error) => error,
        Err(other) => Error::unknown(format!("{other:#}")),
    }
}
