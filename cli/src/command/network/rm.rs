//! `swarmlite network rm`.

use crate::args::NetworkRemoveArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;

/// Removes networks.
pub(crate) async fn rm(
    args: &NetworkRemoveArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    for network in &args.networks {
        match client.network_remove(network).await {
            Err(error) if args.force && error.is_not_found() => {}
            removed => failures.note(removed.and_then(|()| console.line(network)))?,
        }
    }
    failures.into_result()
}
