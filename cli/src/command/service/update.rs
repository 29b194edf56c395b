//! `swarmlite service update`.

use swarmlite_proto::api::ServiceToPlan;
use swarmlite_proto::spec::ServiceSpec;

use super::resolve_configs;
use super::resolve_networks;
use super::resolve_secrets;
use super::rollback::roll_back;
use super::wait::wait;
use crate::args::ServiceUpdateArgs;
use crate::client::Client;
use crate::command::explain;
use crate::convergence::Aim;
use crate::error::Result;
use crate::output::Console;
use crate::registry;
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
    let service = client.service(&args.service).await?;
    let mut options = std::mem::take(&mut args.lists);
    resolve_networks(&mut options.network_add, client).await?;
    resolve_secrets(&mut options.secret_add, client).await?;
    resolve_configs(&mut options.config_add, client).await?;
    for network in &mut options.network_rm {
        *network = client.swarm_network(network).await?.id;
    }
    let lists = Lists { options };
    let container = service.spec.task_template.container_spec.unwrap_or_default();
    let image = args.image.as_deref().unwrap_or(&container.image);
    let flags = &args.scalars.registry;
    let auth = flags.credentials(image)?;
    let (resolved, unresolved) = match &args.image {
        Some(image) if !flags.no_resolve_image => {
            let (resolved, warning) = registry::resolve(image, auth.as_ref(), client).await?;
            (Some(resolved), warning)
        }
        _ => (None, None),
    };
    let change = |spec: &mut ServiceSpec| {
        spec::update(spec, &args, &lists)?;
        if let Some(resolved) = &resolved {
            resolved.apply(&mut spec.task_template);
        }
        Ok(())
    };
    if args.plan.plan {
        let mut spec = client.service(&args.service).await?.spec;
        change(&mut spec)?;
        let service = ServiceToPlan { id: args.service.clone(), spec };
        return explain::plan(vec![service], client, console).await;
    }
    let warnings = client.service_change(&args.service, auth.as_ref(), change).await?;
    for warning in warnings.iter().chain(&unresolved) {
        console.warn(warning)?;
    }
    console.line(&args.service)?;
    wait(&args.service, Aim::NewSpec, &args.wait, client, console).await
}
