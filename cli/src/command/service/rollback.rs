//! `swarmlite service rollback`.

use super::wait::wait;
use crate::args::ServiceRollbackArgs;
use crate::args::WaitFlags;
use crate::client::Client;
use crate::convergence::Aim;
use crate::error::Result;
use crate::output::Console;

/// Gives a service its previous spec back, and waits until it runs so.
pub(crate) async fn rollback(
    args: &ServiceRollbackArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    roll_back(&args.service, &args.wait, client, console).await
}

/// The same for `service update --rollback`.
pub(super) async fn roll_back(
    service: &str,
    flags: &WaitFlags,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    for warning in client.service_rollback(service).await? {
        console.warn(&warning)?;
    }
    console.line(service)?;
    wait(service, Aim::PreviousSpec, flags, client, console).await
}
