//! How the manager of a node makes a cluster of its own after the others are lost.

use std::time::Duration;

use swarmlite_manager::ca;
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
