//! `swarmlite service update`.

use super::resolve_networks;
use super::wait::wait;
use crate::args::ServiceUpdateArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::spec;
use crate::spec::Lists;

/// Changes a service, and waits until it runs as changed.
pub(crate) async fn update(
    mut args: ServiceUpdateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut service = client.service(&args.service).await?;
    let mut options = std::mem::take(&mut args.lists);
    resolve_networks(&mut options.network_add, client).await?;
    for network in &mut options.network_rm {
        *network = client.swarm_network(network).await?.id;
    }
    spec::update(&mut service.spec, &args, &Lists { options })?;
    for warning in client.service_update(&service).await? {
        console.warn(&warning)?;
    }
    console.line(&args.service)?;
    if args.wait.detach {
        return Ok(());
    }
    wait(&args.service, args.wait.quiet, client, console).await
}
