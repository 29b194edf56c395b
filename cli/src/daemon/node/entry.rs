//! How a node becomes a member: by making a cluster, or by joining one. Either all of it starts, or nothing is left of it on this node.

use std::time::Duration;

use swarmlite_agent::AgentHandle;
use swarmlite_agent::identity;
use swarmlite_agent::identity::Wish;
use swarmlite_api::ALREADY_MEMBER;
use swarmlite_api::NOT_MEMBER;
use swarmlite_manager::ca;
use swarmlite_manager::manager::Start;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::unlock_key::InvalidUnlockKey;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::validate;
use swarmlite_vault::UnlockError;
use tokio::time::timeout;

use super::Member;
use super::Node;
use super::failed;
use crate::daemon::address;
use crate::daemon::interfaces::interfaces;
use crate::daemon::managing::Ground;
use crate::daemon::managing::Managing;
use crate::daemon::membership::Membership;
use crate::daemon::request;

/// How long a node that becomes a member waits until the managers know what it is (moby `daemon/cluster/cluster.go`).
pub(super) const JOIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long an unlocked manager gets to start.
const UNLOCK_TIMEOUT: Duration = Duration::from_secs(20);

const UNLOCK_SLOW: &str =
    "The key is right, and the manager has not started yet: see the log of swarmlite on this node.";

const JOIN_SLOW: &str = "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the \"docker info\" command to see the current swarm status of your node.";

impl Node {
    /// Makes a cluster of this node.
    pub(super) async fn found(&self, request: InitRequest) -> Result<NodeId> {
        let mut slot = self.member.lock().await;
        if slot.is_some() {
            if request.force_new_cluster {
                drop(slot);
                return self.refound(request).await;
            }
            return Err(Error::unavailable(ALREADY_MEMBER));
        }
        let membership =
            membership(&request.listen_addr, &request.advertise_addr, &request.data_path_addr)?;
        let init = request::cluster_init(request, membership.advertise_addr)?;
        let founding = ca::found(init, &mut rand::rng(), Timestamp::now())?;
        let node_id = founding.identity.node_id.clone();
        let started = self.start_founder(&membership, founding).await;
        let agent = self.keep_or_undo(&mut slot, membership, started).await?;
        drop(slot);
        if let Err(error) = await_welcome(&agent).await {
            // The cluster is made, and the node comes in by itself.
            tracing::warn!(error = chain(&error), "the node is not in its cluster yet");
        }
        Ok(node_id)
    }

    async fn start_founder(
        &self,
        membership: &Membership,
        founding: ca::Founding,
    ) -> Result<(AgentHandle, Option<Managing>)> {
        let identity = founding.identity.clone();
        self.vault.fill(founding.unlock_key).map_err(failed)?;
        identity::save(self.dir.root(), &self.vault, &identity).map_err(failed)?;
        let start = Start::Found(Box::new(founding.transaction));
        let manager = self.start_manager(membership, &identity, start).await?;
        self.start_beside(membership, identity, manager).await
    }

    /// Starts the agent of a node whose manager runs, or ends that too.
    pub(super) async fn start_beside(
        &self,
        membership: &Membership,
        identity: Identity,
        manager: Managing,
    ) -> Result<(AgentHandle, Option<Managing>)> {
        match self.start_agent(membership, identity).await {
            Ok(agent) => Ok((agent, Some(manager))),
            Err(error) => {
                manager.shutdown().await;
                Err(error)
            }
        }
    }

    /// Has this node join a cluster, and waits until it is taken.
    pub(super) async fn enter(&self, request: JoinRequest) -> Result<()> {
        let mut slot = self.member.lock().await;
        if let Some(member) = slot.as_mut() {
            return self.look_elsewhere(member, request).await;
        }
        let mut membership =
            membership(&request.listen_addr, &request.advertise_addr, &request.data_path_addr)?;
        let availability = validate::availability(&request.availability)?;
        let witness = request.witness;
        if witness && !request.availability.is_empty() && availability != Availability::Drain {
            return Err(Error::invalid("a witness runs no tasks: its availability is drain"));
        }
        let remote = request::remote(&request.remote_addrs).await?;
        let wish = Wish { availability, advertise_addr: membership.advertise_addr, witness };
        let joined = identity::join(remote, &request.join_token, wish).await?;
        (membership.managers, membership.witness) = (joined.managers, witness);
        let started = self.start_member(&membership, joined.identity).await;
        let agent = self.keep_or_undo(&mut slot, membership, started).await?;
        // Others may look, and even leave, while this waits.
        drop(slot);
        await_welcome(&agent).await
    }

    async fn start_member(
        &self,
        membership: &Membership,
        identity: Identity,
    ) -> Result<(AgentHandle, Option<Managing>)> {
        if identity.role == NodeRole::Manager {
            // What is to lock them it learns from the state.
            self.vault.fill(None).map_err(failed)?;
        }
        identity::save(self.dir.root(), &self.vault, &identity).map_err(failed)?;
        match identity.role {
            NodeRole::Worker => Ok((self.start_agent(membership, identity).await?, None)),
            NodeRole::Manager => {
                let start = Start::Join(membership.managers.clone());
                let manager = self.start_manager(membership, &identity, start).await?;
                self.start_beside(membership, identity, manager).await
            }
        }
    }

    pub(super) async fn start_manager(
        &self,
        membership: &Membership,
        identity: &Identity,
        start: Start,
    ) -> Result<Managing> {
        self.start_here(membership, identity, start).await.map_err(failed)
    }

    /// As [`Self::start_manager`], with the error as it was.
    pub(super) async fn start_here(
        &self,
        membership: &Membership,
        identity: &Identity,
        start: Start,
    ) -> anyhow::Result<Managing> {
        let ground = Ground {
            dir: &self.dir,
            vault: &self.vault,
            membership,
            routing_patience: self.options.routing_patience,
            backups: self.options.backups.as_ref(),
            backup_trouble: &self.backup_trouble,
        };
        Managing::start(ground, identity, start).await
    }

    /// Unlocks the manager of this node, and waits until it runs.
    pub(super) async fn open(&self, key: &str) -> Result<()> {
        let key: UnlockKey =
            key.parse().map_err(|error: InvalidUnlockKey| Error::invalid(error.to_string()))?;
        let mut view = self.view.subscribe();
        self.vault.unlock(&key).map_err(|error| match error {
            UnlockError::NotLocked => Error::conflict(error.to_string()),
            UnlockError::WrongKey => Error::unauthenticated(error.to_string()),
        })?;
        let runs = view.wait_for(|view| view.manager.is_some());
        match timeout(UNLOCK_TIMEOUT, runs).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::unavailable(UNLOCK_SLOW)),
        }
    }

    /// Makes the node a member if all of it has started, and otherwise leaves nothing behind on it.
    pub(super) async fn keep_or_undo(
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
                let undone = identity::remove(self.dir.root()).map_err(anyhow::Error::from);
                if let Err(cause) = undone.and_then(|()| self.wipe_manager()) {
                    tracing::warn!(%cause, "cannot remove what is left of a join that failed");
                }
                Err(error)
            }
        }
    }
}

/// The addresses of a node that is about to become a member.
pub(super) fn membership(listen: &str, advertise: &str, data_path: &str) -> Result<Membership> {
    let interfaces = interfaces().map_err(failed)?;
    let listen_addr = address::listen(listen, &interfaces)?;
    let advertise_addr = address::advertise(advertise, listen_addr, &interfaces)?;
    let data_path_addr = address::data_path(data_path, advertise_addr, &interfaces)?;
    let managers = vec![advertise_addr];
    Ok(Membership { listen_addr, advertise_addr, data_path_addr, managers, witness: false })
}

/// Waits until the managers have noted what the node is: before that they tell it nothing.
pub(super) async fn await_welcome(agent: &AgentHandle) -> Result<()> {
    let mut known = agent.known();
    let welcome = known.wait_for(Option::is_some);
    match timeout(JOIN_TIMEOUT, welcome).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_left)) => Err(Error::unavailable(NOT_MEMBER)),
        Err(_elapsed) => Err(Error::unavailable(JOIN_SLOW)),
    }
}
