//! `swarmlite node promote` and `swarmlite node demote`.

use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;

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
        let change = |spec: &mut NodeSpec| {
            spec.role = role;
            Ok(())
        };
        let node = client.node_change(&resolve(reference, client).await?, change).await?;
        console.line(&match role {
            _ if node.spec.role == role => {
                format!("Node {} is already a {}.", node.id, role.as_str())
            }
            NodeRole::Manager => format!("Node {reference} promoted to a manager in the swarm."),
            NodeRole::Worker => format!("Manager {reference} demoted in the swarm."),
        })?;
    }
    Ok(())
}
