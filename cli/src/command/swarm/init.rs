//! `swarmlite init`.

use swarmlite_proto::api::InitRequest;
use swarmlite_proto::error::Reason;
use swarmlite_proto::spec::CaConfig;
use swarmlite_proto::spec::DispatcherConfig;
use swarmlite_proto::spec::EncryptionConfig;
use swarmlite_proto::spec::OrchestrationConfig;
use swarmlite_proto::spec::RaftConfig;
use swarmlite_proto::spec::SwarmSpec;

use super::join_token;
use super::unlock_key;
use crate::args::InitArgs;
use crate::args::JoinTokenRole;
use crate::args::SwarmFlags;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Makes a new swarm.
pub(crate) async fn init(args: InitArgs, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let request = request(args);
    let node_id = client.swarm_init(&request).await.map_err(name_the_option)?;
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
    InitRequest {
        spec: spec(&swarm),
        listen_addr: member.listen_addr,
        advertise_addr: member.advertise_addr,
        data_path_addr: member.data_path_addr,
        availability: super::availability(member.availability),
        data_path_port: swarm.data_path_port,
        force_new_cluster: swarm.force_new_cluster,
        auto_lock_managers: swarm.autolock.unwrap_or_default(),
        default_addr_pool: swarm.default_addr_pool.iter().map(ToString::to_string).collect(),
        subnet_size: swarm.default_addr_pool_mask_length,
    }
}

/// Only what was asked for: the daemon fills in its defaults for the rest.
fn spec(flags: &SwarmFlags) -> SwarmSpec {
    SwarmSpec {
        orchestration: OrchestrationConfig {
            task_history_retention_limit: flags.task_history_limit,
        },
        raft: RaftConfig {
            snapshot_interval: flags.snapshot_interval.unwrap_or_default(),
            keep_old_snapshots: flags.max_snapshots,
            ..RaftConfig::default()
        },
        dispatcher: DispatcherConfig {
            heartbeat_period: flags.dispatcher_heartbeat.unwrap_or_default(),
        },
        encryption_config: EncryptionConfig {
            auto_lock_managers: flags.autolock.unwrap_or_default(),
        },
        ca_config: CaConfig {
            node_cert_expiry: flags.cert_expiry.unwrap_or_default(),
            ..CaConfig::default()
        },
        ..SwarmSpec::default()
    }
}

/// When the daemon cannot tell which of its addresses to use, the user can.
fn name_the_option(error: Error) -> Error {
    match error {
        Error::Daemon { status, message, reason: reason @ Some(Reason::NoAddressChosen) } => {
            let message = format!("{message} - specify one with --advertise-addr");
            Error::Daemon { status, message, reason }
        }
        other => other,
    }
}
