//! `swarmlite node promote` and `swarmlite node demote`.

use swarmlite_proto::spec::NodeRole;

use super::resolve;
use crate::args::NodeRoleArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;

/// Makes nodes managers.
pub(crate) async fn promote(
    args: &NodeRoleArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    change(args, NodeRole::Manager, client, console).await
}

/// Makes nodes workers.
pub(crate) async fn demote(
    args: &NodeRoleArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    change(args, NodeRole::Worker, client, console).await
}

async fn change(
    args: &NodeRoleArgs,
    role: NodeRole,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    for reference in &args.nodes {
        let node = client.node(&resolve(reference, client).await?).await?;
        if node.spec.role == role {
            console.line(&format!("Node {} is already a {}.", node.id, role.as_str()))?;
            continue;
        }
        let mut spec = node.spec;
        spec.role = role;
        client.node_update(&node.id, node.version, &spec).await?;
        console.line(&match role {
            NodeRole::Manager => format!("Node {reference} promoted to a manager in the swarm."),
            NodeRole::Worker => format!("Manager {reference} demoted in the swarm."),
        })?;
    }
    Ok(())
}
