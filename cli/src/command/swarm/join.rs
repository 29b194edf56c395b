//! `swarmlite join`.

use swarmlite_proto::api::JoinRequest;

use crate::args::JoinArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;

/// Joins a swarm.
pub(crate) async fn join(args: JoinArgs, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let request = JoinRequest {
        listen_addr: args.member.place.listen_addr,
        advertise_addr: args.member.place.advertise_addr,
        data_path_addr: args.member.place.data_path_addr,
        remote_addrs: vec![args.remote],
        join_token: args.token,
        availability: super::availability(args.member.availability),
        witness: args.witness,
    };
    client.swarm_join(&request).await?;
    let swarm = client.info().await?.swarm;
    let role = match swarm.control_available {
        _ if swarm.witness => "witness",
        true => "manager",
        false => "worker",
    };
    console.line(&format!("This node joined a swarm as a {role}."))
}
