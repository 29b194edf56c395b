//! `service ...`.

mod create;
mod inspect;
mod logs;
mod ls;
mod pretty;
mod ps;
mod rm;
mod rollback;
mod scale;
mod update;
mod wait;

pub(super) use create::create;
pub(super) use inspect::inspect;
pub(super) use logs::logs;
pub(super) use ls::ls;
pub(super) use ls::print;
pub(super) use ps::ps;
pub(super) use rm::rm;
pub(super) use rollback::rollback;
pub(super) use scale::scale;
use swarmlite_proto::spec::NetworkAttachmentConfig;
pub(super) use update::update;
pub(super) use wait::wait;

use crate::client::Client;
use crate::error::Result;

/// Replaces the names of networks by their ids, so that a network that is missing is noticed before anything is sent.
async fn resolve_networks(networks: &mut [NetworkAttachmentConfig], client: &Client) -> Result<()> {
    for network in networks {
        network.target = client.swarm_network(&network.target).await?.id;
    }
    Ok(())
}
