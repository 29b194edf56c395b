//! How a worker that has lost its managers for good finds its cluster at an address that it does not know.

use std::net::SocketAddr;

use swarmlite_agent::AgentHandle;
use swarmlite_agent::SessionState;
use swarmlite_agent::identity;
use swarmlite_api::ALREADY_MEMBER;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use tokio::time::timeout;

use super::Member;
use super::Node;
use super::entry::JOIN_TIMEOUT;
use super::failed;
use crate::daemon::request;

/// What cannot be chosen by a node that is a member already.
const STAYS: &str = "this node is in that swarm already and keeps its addresses and its availability: join it without these options";

impl Node {
    /// Looks for the managers of this node's cluster where `request` says, if none of those it knows answers. What runs on the node goes on.
    pub(super) async fn look_elsewhere(
        &self,
        member: &mut Member,
        request: JoinRequest,
    ) -> Result<()> {
        let agent = &member.agent;
        let is_led = agent.state().borrow().is_connected();
        if is_led || member.manager.is_some() || !is_home(agent, &request.join_token)? {
            return Err(Error::unavailable(ALREADY_MEMBER));
        }
        let JoinRequest { advertise_addr, data_path_addr, availability, witness, .. } = &request;
        let texts = [advertise_addr, data_path_addr, availability];
        if *witness || texts.iter().any(|it| !it.is_empty()) {
            return Err(Error::invalid(STAYS));
        }
        let remote = request::remote(&request.remote_addrs).await?;
        let before = agent.managers().borrow().clone();
        agent.set_managers(vec![remote]);
        if let Err(error) = found(agent, remote).await {
            agent.set_managers(before);
            return Err(error);
        }
        member.membership.managers = vec![remote];
        self.dir.save(&member.membership).map_err(failed)
    }
}

/// Whether the token is of the cluster that the node is in.
fn is_home(agent: &AgentHandle, token: &str) -> Result<bool> {
    let known = agent.identity().borrow().clone();
    Ok(identity::is_of_cluster(token, &known)?)
}

/// Waits until the managers at `remote` have let the node in again.
async fn found(agent: &AgentHandle, remote: SocketAddr) -> Result<()> {
    let mut state = agent.state();
    if let Ok(Ok(_)) = timeout(JOIN_TIMEOUT, state.wait_for(SessionState::is_connected)).await {
        return Ok(());
    }
    let why = match &*state.borrow() {
        SessionState::Lost(why) => format!(": {why}"),
        SessionState::Connecting | SessionState::Connected(_) => String::new(),
    };
    Err(Error::unavailable(format!("no manager of this node's swarm answers at {remote}{why}")))
}
