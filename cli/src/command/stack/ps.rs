//! `swarmlite stack ps`.

use swarmlite_compose::LABEL_NAMESPACE;

use super::check_name;
use crate::args::StackPsArgs;
use crate::client::Client;
use crate::command::tasks;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::filter::Filters;

/// Lists the tasks of a stack.
pub(crate) async fn ps(
    args: &StackPsArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    check_name(&args.stack)?;
    let mut filters: Filters = args.tasks.list.filter.iter().collect();
    for node in filters.take("node") {
        let node = crate::command::node::resolve(&node, client).await?;
        filters = filters.with("node", &node);
    }
    filters = filters.with("label", &format!("{LABEL_NAMESPACE}={}", args.stack));
    let listed = client.tasks(&filters).await?;
    if listed.is_empty() {
        return Err(Error::refused(format!("nothing found in stack: {}", args.stack)));
    }
    tasks::print(listed, &args.tasks, client, console).await
}
