//! `swarmlite leave`.

use crate::args::LeaveArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;

/// Leaves the swarm.
pub(crate) async fn leave(
    args: &LeaveArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    client.swarm_leave(args.force).await?;
    console.line("Node left the swarm.")
}
