//! The life of a node: outside of any cluster, a member, a member with another role, outside again.
//!
//! Everything that changes the membership goes through one lock, so that the steps of joining, leaving and changing role never
//! mix. What the API shows ([`control`]) is a copy of its own and never waits for these. [`entry`] has how a node becomes a member,
//! [`elsewhere`] how one finds managers at a new address, [`recovery`] how a manager goes on without the others, [`restoring`] how one makes a cluster of a backup.

mod control;
mod elsewhere;
mod entry;
mod recovery;
mod restoring;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use swarmlite_agent::Agent;
use swarmlite_agent::AgentConfig;
use swarmlite_agent::AgentHandle;
use swarmlite_agent::Picked;
use swarmlite_agent::identity;
use swarmlite_api::NOT_MEMBER;
use swarmlite_manager::manager::Start;
use swarmlite_manager::raft::is_of_member;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::NodeRole;
use swarmlite_vault::Vault;
use tokio::sync::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;

use super::backups::Schedule;
use super::managing::Managing;
use super::membership::Membership;
use super::membership::StateDir;

/// How long to wait before a part of the node that did not start is tried again. The Docker Engine may come up after this daemon.
const RETRY: Duration = Duration::from_secs(2);

/// What the operator decided about this node.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where it keeps what must not survive it.
    pub(crate) run_dir: PathBuf,
    /// The socket of its Docker Engine.
    pub(crate) docker: PathBuf,
    /// Where that engine looks for plugins.
    pub(crate) plugin_dir: PathBuf,
    /// What balances connections on it.
    pub(crate) dataplane: Picked,
    /// Its name, if not the machine's.
    pub(crate) hostname: Option<String>,
    /// Where the kernel's `/proc` is.
    pub(crate) procfs: PathBuf,
    /// Its countable resources.
    pub(crate) generic_resources: Vec<GenericResource>,
    /// How long it waits, as the leader, for nodes to confirm their tables.
    pub(crate) routing_patience: Duration,
    /// Its backups, if it writes any by itself.
    pub(crate) backups: Option<Schedule>,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    dir: StateDir,
    /// The keys of a manager.
    vault: Arc<Vault>,
    options: Options,
    /// What runs. Locked while the membership changes.
    member: Mutex<Option<Member>>,
    /// What others see of it.
    view: watch::Sender<View>,
    /// Why the last backup that was due was not written.
    backup_trouble: watch::Sender<Option<String>>,
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
    ///
    /// # Errors
    ///
    /// When the keys it has cannot be read.
    pub(crate) fn new(dir: StateDir, options: Options) -> anyhow::Result<Self> {
        let vault = Arc::new(Vault::open(&dir.keys())?);
        Ok(Self {
            dir,
            vault,
            options,
            member: Mutex::default(),
            view: watch::Sender::default(),
            backup_trouble: watch::Sender::default(),
        })
    }

    /// Goes on as what the node was before, then follows changes of its role, for ever.
    ///
    /// # Errors
    ///
    /// When what the node remembers cannot be read.
    pub(crate) async fn resume_and_follow(&self) -> anyhow::Result<()> {
        let mut locked = self.vault.locked();
        while *locked.borrow_and_update() {
            self.show_locked().await?;
            // Until somebody has the key, or the node leaves.
            locked.changed().await?;
        }
        self.resume().await?;
        let mut view = self.view.subscribe();
        loop {
            let View { agent, manager, .. } = view.borrow_and_update().clone();
            let Some(agent) = agent else {
                view.changed().await?;
                continue;
            };
            let mut identity = agent.identity();
            let stopped = manager.as_ref().map(Managing::stopped);
            drop(manager);
            let follows = self.follow_role(&identity.borrow_and_update().clone()).await;
            tokio::select! {
                // All are cancel-safe. The identity's sender goes with the agent, when the node leaves.
                _ = identity.changed() => {}
                changed = view.changed() => changed?,
                Some(()) = OptionFuture::from(stopped) => {}
                () = sleep(RETRY), if !follows => {}
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

    /// Without the unlock key a manager has nothing: no state, no certificate to show to others.
    async fn show_locked(&self) -> anyhow::Result<()> {
        let _slot = self.member.lock().await;
        match self.dir.load()? {
            Some(membership) => {
                tracing::warn!("this manager is locked: unlock it with swarmlite swarm unlock");
                self.show(LocalNodeState::Locked, Some(&membership), None, None);
                Ok(())
            }
            // A crash came while the node left.
            None => Ok(self.vault.clear()?),
        }
    }

    async fn resume(&self) -> anyhow::Result<()> {
        let mut slot = self.member.lock().await;
        if slot.is_some() {
            // It became one while this waited.
            return Ok(());
        }
        let Some(membership) = self.dir.load()? else { return Ok(()) };
        let Some(identity) = identity::load(self.dir.root(), &self.vault)? else {
            anyhow::bail!("this node is a member of a cluster and its certificate is missing");
        };
        self.show(LocalNodeState::Pending, Some(&membership), None, None);
        let mut manager = None;
        // Otherwise it has ended before the others had taken it, and becomes one as at first.
        if identity.role == NodeRole::Manager && is_of_member(&self.dir.raft()) {
            manager = self.resume_manager(&membership, &identity).await?;
            self.show(LocalNodeState::Pending, Some(&membership), None, manager.clone());
        }
        if identity.role == NodeRole::Worker {
            // It may have become one just before it ended.
            self.retire_manager()?;
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
            let config = self.agent_config(membership);
            let managers = membership.managers.clone();
            match Agent::resume(config, identity.clone(), managers).await.map_err(failed) {
                Ok(agent) => return agent,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot start the agent, trying again");
                }
            }
            sleep(RETRY).await;
        }
    }

    async fn exit(&self) -> Result<()> {
        let mut slot = self.member.lock().await;
        let locked = *self.vault.locked().borrow();
        if slot.is_none() && !locked {
            return Err(Error::unavailable(NOT_MEMBER));
        }
        let membership = self.dir.load().map_err(failed)?;
        // First: from here on a restart finds a node that is in no cluster.
        self.dir.forget().map_err(failed)?;
        self.show(LocalNodeState::Inactive, None, None, None);
        let left = match (slot.take(), membership) {
            (Some(member), _) => {
                if let Some(manager) = member.manager {
                    manager.shutdown().await;
                }
                member.agent.leave().await
            }
            (None, Some(membership)) => Agent::clear(self.agent_config(&membership)).await,
            (None, None) => Ok(()),
        };
        self.wipe_manager().map_err(failed)?;
        left.map_err(failed)
    }

    /// Makes a worker of this node on its disk.
    fn retire_manager(&self) -> anyhow::Result<()> {
        let _held = self.vault.hold();
        // While there are keys to read it with.
        identity::unseal(self.dir.root(), &self.vault)?;
        self.wipe_manager()
    }

    /// Removes what this node has kept as a manager. The keys first: without them the rest is of no use to anybody.
    fn wipe_manager(&self) -> anyhow::Result<()> {
        self.vault.clear()?;
        Ok(self.dir.wipe_manager()?)
    }

    /// Starts or ends the manager, as the node's certificate says. Returns whether it is as it says now: the others may not take a manager
    /// yet, or not any more, and a new certificate follows in that case.
    async fn follow_role(&self, identity: &Identity) -> bool {
        let mut slot = self.member.lock().await;
        let Some(member) = slot.as_mut() else { return true };
        match (identity.role, member.manager.take()) {
            (NodeRole::Manager, Some(manager)) if !manager.has_stopped() => {
                if let Err(error) = manager.set_identity(identity) {
                    tracing::error!(error = format!("{error:#}"), "cannot use the new certificate");
                }
                member.manager = Some(manager);
                return true;
            }
            (NodeRole::Manager, stopped) => {
                if let Some(stopped) = stopped {
                    tracing::warn!("the manager has stopped, starting it again");
                    // The view has a part in it, and with that in its port.
                    self.show_trouble("it has stopped".to_owned());
                    stopped.shutdown().await;
                }
                match self.become_manager(member, identity).await {
                    Ok(manager) => member.manager = Some(manager),
                    Err(error) => {
                        let error = chain(&error);
                        tracing::warn!(error, "cannot become a manager, trying again");
                        self.show_trouble(error);
                        return false;
                    }
                }
            }
            (NodeRole::Worker, Some(manager)) => {
                manager.shutdown().await;
                self.forget_manager();
            }
            (NodeRole::Worker, None) => {
                // It may have become a worker again before it was a manager.
                if !self.vault.is_empty() {
                    self.forget_manager();
                }
                return true;
            }
        }
        self.show_member(member);
        true
    }

    fn forget_manager(&self) {
        if let Err(error) = self.retire_manager() {
            tracing::warn!(
                error = format!("{error:#}"),
                "cannot remove what this node kept as a manager"
            );
        }
    }

    /// Starts the manager of a node that was a worker, or whose manager has stopped.
    async fn become_manager(&self, member: &Member, identity: &Identity) -> Result<Managing> {
        if is_of_member(&self.dir.raft()) {
            let Member { membership, agent, .. } = member;
            let managers = agent.managers().borrow().clone();
            return self.resume_or_rejoin(membership, identity, managers).await;
        }
        // Those that are there may have encrypted something already, in an earlier try.
        if self.vault.is_empty() {
            self.vault.fill(None).map_err(failed)?;
        }
        let start = Start::Join(member.agent.managers().borrow().clone());
        self.start_manager(&member.membership, identity, start).await
    }

    async fn start_agent(
        &self,
        membership: &Membership,
        identity: Identity,
    ) -> Result<AgentHandle> {
        let config = self.agent_config(membership);
        Agent::start(config, identity, membership.managers.clone()).await.map_err(failed)
    }

    fn agent_config(&self, membership: &Membership) -> AgentConfig {
        AgentConfig {
            state_dir: self.dir.root().to_owned(),
            run_dir: self.options.run_dir.clone(),
            vault: Arc::clone(&self.vault),
            witness: membership.witness,
            docker: self.options.docker.clone(),
            plugin_dir: self.options.plugin_dir.clone(),
            dataplane: self.options.dataplane.clone(),
            data_path_addr: membership.data_path_addr,
            hostname: self.options.hostname.clone(),
            procfs: self.options.procfs.clone(),
            generic_resources: self.options.generic_resources.clone(),
        }
    }

    fn become_member(&self, slot: &mut Option<Member>, member: Member) {
        self.show_member(&member);
        *slot = Some(member);
    }

    fn show_member(&self, member: &Member) {
        let Member { membership, agent, manager } = member;
        self.show(LocalNodeState::Active, Some(membership), Some(agent.clone()), manager.clone());
    }

    /// There is no manager, although there should be one, for this reason. No news if that was known.
    fn show_trouble(&self, error: String) {
        self.view.send_if_modified(|view| {
            let had_manager = view.manager.take().is_some();
            let is_new = had_manager || view.error != error;
            view.error = error;
            is_new
        });
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

/// What went wrong on this node, causes included, for the user who asked for it.
fn failed(error: impl Into<anyhow::Error>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(error) => error,
        Err(other) => Error::unknown(format!("{other:#}")),
    }
}
