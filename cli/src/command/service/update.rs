//! `swarmlite service update`.

use super::resolve_configs;
use super::resolve_networks;
use super::resolve_secrets;
use super::rollback::roll_back;
use super::wait::wait;
use crate::args::ServiceUpdateArgs;
use crate::client::Client;
use crate::convergence::Aim;
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
    if args.rollback {
        return roll_back(&args.service, &args.wait, client, console).await;
    }
    // Whether there is such a service comes before whether there are such networks.
    client.service(&args.service).await?;
    let mut options = std::mem::take(&mut args.lists);
    resolve_networks(&mut options.network_add, client).await?;
    resolve_secrets(&mut options.secret_add, client).await?;
    resolve_configs(&mut options.config_add, client).await?;
    for network in &mut options.network_rm {
        *network = client.swarm_network(network).await?.id;
    }
    let lists = Lists { options };
    let change = |spec: &mut _| spec::update(spec, &args, &lists);
    for warning in client.service_change(&args.service, change).await? {
        console.warn(&warning)?;
    }
    console.line(&args.service)?;
    wait(&args.service, Aim::NewSpec, &args.wait, client, console).await
}
