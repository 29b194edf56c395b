//! `swarmlite service create`.

use std::path::Path;

use swarmlite_proto::api::ServiceToPlan;

use super::resolve_configs;
use super::resolve_networks;
use super::resolve_secrets;
use super::wait::wait;
use crate::args::ServiceCreateArgs;
use crate::client::Client;
use crate::command::explain;
use crate::convergence::Aim;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::registry;
use crate::spec;
use crate::spec::Lists;
use crate::value::env;

/// Makes a service, and waits until it runs.
pub(crate) async fn create(
    mut args: ServiceCreateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut lists = std::mem::take(&mut args.lists);
    let mut variables = Vec::new();
    for path in &lists.env_file {
        variables.extend(read_variables(path)?);
    }
    // What stands on the command line wins over what stands in files.
    variables.append(&mut lists.env);
    lists.env = variables;
    resolve_networks(&mut lists.network, client).await?;
    resolve_secrets(&mut lists.secret, client).await?;
    resolve_configs(&mut lists.config, client).await?;

    let mut spec = spec::create(&args, &Lists::from(lists))?;
    let image = args.image.first().map(String::as_str).unwrap_or_default();
    let auth = args.scalars.registry.credentials(image)?;
    let mut unresolved = None;
    if !args.scalars.registry.no_resolve_image {
        let (resolved, warning) = registry::resolve(image, auth.as_ref(), client).await?;
        resolved.apply(&mut spec.task_template);
        unresolved = warning;
    }
    if args.plan.plan {
        let service = ServiceToPlan { id: String::new(), spec };
        return explain::plan(vec![service], client, console).await;
    }
    let created = client.service_create(&spec, auth.as_ref()).await?;
    for warning in created.warnings.iter().flatten().chain(&unresolved) {
        console.warn(warning)?;
    }
    console.line(created.id.as_str())?;
    wait(created.id.as_str(), Aim::NewSpec, &args.wait, client, console).await
}

fn read_variables(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::refused(format!("cannot read {}: {error}", path.display())))?;
    env::file(&text, |name| std::env::var(name).ok()).map_err(|why| {
        Error::refused(format!("invalid environment file {}: {why}", path.display()))
    })
}
