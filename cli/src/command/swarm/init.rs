//! `swarmlite init`.

use swarmlite_proto::api::InitRequest;
use swarmlite_proto::spec::SwarmSpec;

use super::join_token;
use super::unlock_key;
use super::update;
use crate::args::InitArgs;
use crate::args::JoinTokenRole;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Makes a new swarm.
pub(crate) async fn init(args: InitArgs, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let request = request(args);
    let node_id = client.swarm_init(&request).await.map_err(Error::with_address_option)?;
    console.line(&format!("Swarm initialized: current node ({node_id}) is now a manager.\n"))?;
    let instructions = join_token::instructions(&node_id, JoinTokenRole::Worker, client).await?;
    console.print(&instructions)?;
    console.line("To add a manager to this swarm, run 'swarmlite join-token manager' and follow the instructions.")?;
    if request.auto_lock_managers {
        let key = client.unlock_key().await?;
        console.print(&format!("\n{}", unlock_key::instructions(&key)))?;
    }
    Ok(())
}

fn request(args: InitArgs) -> InitRequest {
    let InitArgs { member, swarm } = args;
    let mut spec = SwarmSpec::default();
    update::change(&mut spec, &swarm.settings);
    InitRequest {
        listen_addr: member.place.listen_addr,
        advertise_addr: member.place.advertise_addr,
        data_path_addr: member.place.data_path_addr,
        availability: super::availability(member.availability),
        data_path_port: swarm.data_path_port,
        force_new_cluster: swarm.force_new_cluster,
        auto_lock_managers: spec.encryption_config.auto_lock_managers,
        default_addr_pool: swarm.default_addr_pool.iter().map(ToString::to_string).collect(),
        subnet_size: swarm.default_addr_pool_mask_length,
        spec,
    }
}
