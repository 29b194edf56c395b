//! `swarmlite network inspect`.

use crate::args::NetworkInspectArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;
use crate::output::inspect::render;

/// Prints all about networks. What is found is printed even if something else is not.
pub(crate) async fn inspect(
    args: &NetworkInspectArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    let mut networks = Vec::new();
    for reference in &args.networks {
        let network = client.network_text(reference, args.verbose).await;
        failures.note(network.map(|network| networks.push(network)))?;
    }
    console.print(&render(&networks, args.format.as_deref())?)?;
    failures.into_result()
}
