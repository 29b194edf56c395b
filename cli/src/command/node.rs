//! `node ...`.

mod availability;
mod inspect;
mod ls;
mod pretty;
mod ps;
mod rm;
mod role;
mod update;

pub(super) use availability::activate;
pub(super) use availability::drain;
pub(super) use availability::pause;
pub(super) use inspect::inspect;
pub(super) use ls::ls;
pub(super) use ps::ps;
pub(super) use rm::rm;
pub(super) use role::demote;
pub(super) use role::promote;
pub(super) use update::update;

use crate::client::Client;
use crate::error::Error;
use crate::error::Result;

/// What to call a node in requests: `self` is the node that answers.
pub(super) async fn resolve(reference: &str, client: &Client) -> Result<String> {
    if reference != "self" {
        return Ok(reference.to_owned());
    }
    let info = client.info().await?.swarm;
    if info.node_id.is_empty() {
        // Asking for any node makes the daemon say why there is none.
        client.nodes(&crate::value::filter::Filters::default()).await?;
        return Err(Error::refused("node ID not found in /info"));
    }
    Ok(info.node_id)
}
