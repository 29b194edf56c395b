//! `swarmlite swarm unlock`.

use std::io;
use std::io::IsTerminal;

use swarmlite_proto::api::LocalNodeState;

use crate::client::Client;
use crate::error::Error;
use crate::error::Result;

/// Unlocks the manager on this node with the key that the user types, or that comes on standard input.
pub(crate) async fn unlock(client: &Client) -> Result<()> {
    match client.info().await?.swarm.local_node_state {
        LocalNodeState::Locked => {}
        LocalNodeState::Inactive => {
            return Err(Error::refused("Error: This node is not part of a swarm"));
        }
        LocalNodeState::Pending | LocalNodeState::Active | LocalNodeState::Error => {
            return Err(Error::refused("Error: swarm is not locked"));
        }
    }
    let key = read_key()?;
    client.swarm_unlock(key.trim()).await
}

/// Without showing it, where somebody types it.
fn read_key() -> io::Result<String> {
    if io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        terminal.write_str("Enter unlock key: ")?;
        return terminal.read_secure_line();
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line)
}
