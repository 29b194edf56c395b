//! `swarmlite stack services`.

use swarmlite_compose::LABEL_NAMESPACE;

use super::check_name;
use crate::args::StackServicesArgs;
use crate::client::Client;
use crate::command::service;
use crate::error::Result;
use crate::output::Console;
use crate::value::filter::Filters;

/// Lists the services of a stack.
pub(crate) async fn services(
    args: &StackServicesArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    check_name(&args.stack)?;
    let filters: Filters = args.list.filter.iter().collect();
    let filters = filters.with("label", &format!("{LABEL_NAMESPACE}={}", args.stack));
    let services = client.services_with_status(&filters).await?;
    if services.is_empty() {
        return console.warn(&format!("Nothing found in stack: {}", args.stack));
    }
    service::print(services, &args.list, console)
}
