//! `swarmlite node inspect`.

use super::pretty;
use super::resolve;
use crate::args::NodeInspectArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;
use crate::output::inspect::render;

/// Prints all about nodes. What is found is printed even if something else is not.
pub(crate) async fn inspect(
    args: &NodeInspectArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    let mut nodes: Vec<String> = Vec::new();
    for reference in &args.nodes {
        let reference = resolve(reference, client).await?;
        if args.inspect.pretty {
            let node = client.node(&reference).await.map(|node| pretty::node(&node));
            failures.note(node.and_then(|text| console.print(&text)))?;
        } else {
            failures.note(client.node_text(&reference).await.map(|node| nodes.push(node)))?;
        }
    }
    if !args.inspect.pretty {
        console.print(&render(&nodes, args.inspect.format.as_deref())?)?;
    }
    failures.into_result()
}
