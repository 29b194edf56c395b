//! `swarmlite node rm`.

use crate::args::NodeRemoveArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;

/// Removes nodes from the swarm.
pub(crate) async fn rm(
    args: &NodeRemoveArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    for node in &args.nodes {
        let removed = client.node_remove(node, args.force).await;
        failures.note(removed.and_then(|()| console.line(node)))?;
    }
    failures.into_result()
}
