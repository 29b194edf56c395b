//! `swarmlite node ps`.

use super::resolve;
use crate::args::NodePsArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::command::tasks;
use crate::error::Result;
use crate::output::Console;
use crate::value::filter::Filters;

/// Lists the tasks on nodes. What is found is printed even if something else is not.
pub(crate) async fn ps(
    args: &NodePsArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let this = ["self".to_owned()];
    let references = if args.nodes.is_empty() { &this[..] } else { &args.nodes };
    let mut failures = Failures::default();
    let mut listed = Vec::new();
    for reference in references {
        let reference = resolve(reference, client).await?;
        let node = match client.node(&reference).await {
            Ok(node) => node,
            Err(error) => {
                failures.note(Err(error))?;
                continue;
            }
        };
        let filters =
            args.tasks.list.filter.iter().collect::<Filters>().with("node", node.id.as_str());
        listed.extend(client.tasks(&filters).await?);
    }
    if failures.is_empty() || !listed.is_empty() {
        tasks::print(listed, &args.tasks, client, console).await?;
    }
    failures.into_result()
}
