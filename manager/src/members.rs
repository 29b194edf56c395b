//! Who the managers are.

use std::net::SocketAddr;

use crate::state::State;

/// Where managers can be reached, in the order of their node ids.
#[must_use]
pub fn manager_addresses(state: &State) -> Vec<SocketAddr> {
    state.nodes().values().filter_map(|node| node.manager).map(|manager| manager.addr).collect()
}
