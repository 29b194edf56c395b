//! `swarmlite service rm`.

use crate::args::ServiceRemoveArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;

/// Removes services.
pub(crate) async fn rm(
    args: &ServiceRemoveArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    for service in &args.services {
        let removed = client.service_remove(service).await;
        failures.note(removed.and_then(|()| console.line(service)))?;
    }
    failures.into_result()
}
