//! How the manager of a node goes on after the others are lost, by making a cluster of its own, or after what it has kept is damaged, by taking
//! part as a new one.

use std::net::SocketAddr;
use std::time::Duration;

use swarmlite_manager::ca;
use swarmlite_manager::manager::ManagerError;
use swarmlite_manager::manager::Start;
use swarmlite_manager::raft;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use tokio::time::sleep;

use super::Node;
use super::entry;
use super::failed;
use crate::daemon::managing::Managing;
use crate::daemon::membership::Membership;

/// How often the manager is started, and how long after one another: nothing tells when the address that the one before listened on is free.
const STARTS: u32 = 20;
const START_PAUSE: Duration = Duration::from_millis(100);

impl Node {
    /// Makes a cluster of one manager of what this manager has. Containers go on running meanwhile.
    pub(super) async fn refound(&self, request: InitRequest) -> Result<NodeId> {
        let mut slot = self.member.lock().await;
        let member = slot.as_mut().ok_or_else(|| Error::unavailable("Node is not a manager"))?;
        let membership = readdressed(&member.membership, &request)?;
        // What cannot be is refused before anything has changed.
        ca::over(SwarmSpec::defaults(), &request.spec)?;
        let manager =
            member.manager.take().ok_or_else(|| Error::unavailable("Node is not a manager"))?;
        let identity = member.agent.identity().borrow().clone();
        let agent = Some(member.agent.clone());
        self.show(LocalNodeState::Pending, Some(&member.membership), agent, None);
        manager.shutdown().await;
        let sealer = self.vault.sealer();
        let addr = membership.advertise_addr;
        let made = raft::force_new_cluster(&self.dir.raft(), sealer, addr, Timestamp::now()).await;
        let made = made.map_err(failed).and_then(|()| self.dir.save(&membership).map_err(failed));
        if made.is_ok() {
            member.membership = membership;
        }
        // Also after a failure: the node goes on as what it was.
        let started = self.start_again(&member.membership, &identity).await;
        member.manager = started.as_ref().ok().cloned();
        if made.is_ok() {
            member.agent.set_managers(vec![addr]);
        }
        self.show_member(member);
        made?;
        started?.take_over(&request.spec).await?;
        Ok(identity.node_id)
    }

    /// Starts the manager of a node that was one. There is none as long as what it has kept is damaged and the others have not taken it anew.
    pub(super) async fn resume_manager(
        &self,
        membership: &Membership,
        identity: &Identity,
    ) -> Result<Option<Managing>> {
        match self.start_here(membership, identity, Start::Resume).await {
            Err(error) if is_damage(&error) => {
                tracing::error!(error = format!("{error:#}"), "the manager cannot go on");
                Ok(None)
            }
            outcome => outcome.map(Some).map_err(failed),
        }
    }

    /// Starts the manager of a node that was one, as a new one of those at the addresses `managers` if what it has kept is damaged.
    pub(super) async fn resume_or_rejoin(
        &self,
        membership: &Membership,
        identity: &Identity,
        mut managers: Vec<SocketAddr>,
    ) -> Result<Managing> {
        let damage = match self.start_here(membership, identity, Start::Resume).await {
            Err(error) if is_damage(&error) => error,
            outcome => return outcome.map_err(failed),
        };
        managers.retain(|manager| *manager != membership.advertise_addr);
        if managers.is_empty() {
            return Err(failed(damage));
        }
        let rejoined = self.start_manager(membership, identity, Start::Rejoin(managers)).await;
        if rejoined.is_ok() {
            tracing::warn!(error = format!("{damage:#}"), "the manager takes part as a new one");
        }
        rejoined.map_err(|error| {
            let why_not = chain(&error);
            Error::unavailable(format!("{damage:#}; the other managers do not take it: {why_not}"))
        })
    }

    async fn start_again(&self, membership: &Membership, identity: &Identity) -> Result<Managing> {
        let mut starts = 1;
        loop {
            match self.start_manager(membership, identity, Start::Resume).await {
                Err(error) if starts < STARTS => {
                    tracing::info!(error = chain(&error), "starting the manager again");
                }
                outcome => return outcome,
            }
            starts += 1;
            sleep(START_PAUSE).await;
        }
    }
}

/// Whether what the manager has kept is damaged.
fn is_damage(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(ManagerError::is_damage)
}

/// The node's place, at another address if one is asked for. Networks stay what they are.
fn readdressed(before: &Membership, request: &InitRequest) -> Result<Membership> {
    for (field, given) in [
        ("DefaultAddrPool", !request.default_addr_pool.is_empty()),
        ("DataPathPort", request.data_path_port != 0),
    ] {
        if given {
            return Err(Error::invalid(format!(
                "{field} cannot be given with ForceNewCluster: the networks of the swarm stay as they are"
            )));
        }
    }
    if request.advertise_addr.is_empty() {
        return Ok(before.clone());
    }
    entry::membership(&request.listen_addr, &request.advertise_addr, &request.data_path_addr)
}
