//! `swarmlite join-token`.

use swarmlite_proto::api::Swarm;

use crate::args::JoinTokenArgs;
use crate::args::JoinTokenRole;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Prints how to join, replacing the token first if asked to.
pub(crate) async fn join_token(
    args: &JoinTokenArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if args.rotate {
        let parameter = match args.role {
            JoinTokenRole::Worker => "rotateWorkerToken",
            JoinTokenRole::Manager => "rotateManagerToken",
        };
        client.swarm_rotate(&client.swarm().await?, parameter).await?;
        if !args.quiet {
            console.line(&format!("Successfully rotated {} join token.\n", name(args.role)))?;
        }
    }
    if args.quiet {
        return console.line(token(&client.swarm().await?, args.role)?);
    }
    let node_id = client.info().await?.swarm.node_id;
    console.print(&instructions(&node_id, args.role, client).await?)
}

/// The command that joins a node, with a sentence before it. Empty while this node is not known as a manager.
pub(super) async fn instructions(
    node_id: &str,
    role: JoinTokenRole,
    client: &Client,
) -> Result<String> {
    let Some(manager) = client.node(node_id).await?.manager_status else {
        return Ok(String::new());
    };
    let swarm = client.swarm().await?;
    Ok(format!(
        "To add a {} to this swarm, run the following command:\n\n    swarmlite join --token {} {}\n\n",
        name(role),
        token(&swarm, role)?,
        manager.addr
    ))
}

fn name(role: JoinTokenRole) -> &'static str {
    match role {
        JoinTokenRole::Worker => "worker",
        JoinTokenRole::Manager => "manager",
    }
}

fn token(swarm: &Swarm, role: JoinTokenRole) -> Result<&str> {
    let tokens = swarm
        .join_tokens
        .as_ref()
        .ok_or_else(|| Error::refused("the daemon does not show the join tokens"))?;
    Ok(match role {
        JoinTokenRole::Worker => &tokens.worker,
        JoinTokenRole::Manager => &tokens.manager,
    })
}
