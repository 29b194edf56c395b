//! `swarmlite stack rm`.

use swarmlite_proto::api::Service;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::SecretKind;

use super::check_name;
use super::documents;
use super::of_stack;
use crate::args::StackRemoveArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::command::poll;
use crate::error::Result;
use crate::output::Console;

/// Removes stacks, and waits until their tasks have ended.
pub(crate) async fn rm(
    args: &StackRemoveArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    args.stacks.iter().try_for_each(|stack| check_name(stack))?;
    let mut failures = Failures::default();
    for stack in &args.stacks {
        let removed = remove(stack, args.detach, client, console).await;
        failures.note_for(&format!("failed to remove stack {stack}"), removed)?;
    }
    failures.into_result()
}

async fn remove(
    stack: &str,
    detach: bool,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let services = client.services(&of_stack(stack)).await?;
    let networks = client.networks(&of_stack(stack)).await?;
    let secrets = client.documents::<SecretKind>(&of_stack(stack)).await?;
    let configs = client.documents::<ConfigKind>(&of_stack(stack)).await?;
    let documents = secrets.len() + configs.len();
    if services.is_empty() && networks.is_empty() && documents == 0 {
        return console.warn(&format!("Nothing found in stack: {stack}"));
    }
    let mut failures = Failures::default();
    remove_services(services, &mut failures, client, console).await?;
    documents::remove(secrets, &mut failures, client, console).await?;
    documents::remove(configs, &mut failures, client, console).await?;
    for network in networks {
        console.line(&format!("Removing network {}", network.name))?;
        failures.note_for(&network.name, client.network_remove(&network.id).await)?;
    }
    failures.into_result()?;
    if !detach {
        // By a label that they have themselves, as the services are gone.
        poll::until(async || {
            let left = client.tasks(&of_stack(stack)).await?;
            Ok(left.iter().all(|task| task.status.state.is_terminal()).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Removes services, in the order of their names.
pub(super) async fn remove_services(
    mut services: Vec<Service>,
    failures: &mut Failures,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    services.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
    for service in services {
        console.line(&format!("Removing service {}", service.spec.name))?;
        let removed = client.service_remove(service.id.as_str()).await;
        failures.note_for(&service.spec.name, removed)?;
    }
    Ok(())
}
