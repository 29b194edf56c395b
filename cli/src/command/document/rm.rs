//! `swarmlite secret rm` and `swarmlite config rm`.

use super::Shown;
use crate::args::DocumentRemoveArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;

/// Removes secrets or configs.
pub(super) async fn rm<K: Shown>(
    args: &DocumentRemoveArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    for reference in &args.names {
        let removed = client.document_remove::<K>(reference).await;
        failures.note(removed.and_then(|()| console.line(reference)))?;
    }
    failures.into_result()
}
