//! `swarmlite stack deploy --plan`: where the tasks of a stack would go.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_compose::Stack;
use swarmlite_proto::api::ServiceToPlan;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Kind;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::ServiceSpec;

use super::credentials;
use super::keep;
use super::name_image;
use super::of_stack;
use super::resolve_files;
use crate::args::StackDeployArgs;
use crate::client::Client;
use crate::command::explain;
use crate::error::Result;
use crate::output::Console;

/// Prints where the tasks of a stack would go, and makes nothing.
pub(super) async fn plan(
    name: &str,
    stack: Stack,
    args: &StackDeployArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let missing = Missing::find(name, &stack, client).await?;
    let present = client.services(&of_stack(name)).await?;
    let present: BTreeMap<_, _> =
        present.into_iter().map(|service| (service.spec.name.clone(), service)).collect();
    let mut services = Vec::new();
    for mut spec in stack.services {
        let is_changed = missing.take_off(&mut spec);
        resolve_files(&mut spec, client).await?;
        let auth = credentials(&spec, args)?;
        let service = present.get(&spec.name);
        let is_named = service.is_some_and(|it| keep(&mut spec, it, args.resolve_image));
        if !is_named {
            name_image(&mut spec, auth.as_ref(), args, client, console).await?;
        }
        if is_changed {
            // With what was taken off, the tasks would be others.
            spec.task_template.force_update += 1;
        }
        let id = service.map(|service| service.id.to_string()).unwrap_or_default();
        services.push(ServiceToPlan { id, spec });
    }
    explain::plan(services, client, console).await
}

/// What the stack would make before its services. A service cannot be planned with it, as it is not there; and nothing about it decides
/// where tasks go.
struct Missing {
    networks: BTreeSet<String>,
    secrets: BTreeSet<String>,
    configs: BTreeSet<String>,
}

impl Missing {
    async fn find(name: &str, stack: &Stack, client: &Client) -> Result<Self> {
        let present = client.networks(&of_stack(name)).await?;
        let names = stack.networks.iter().map(|network| network.name.clone());
        Ok(Self {
            networks: names.filter(|name| present.iter().all(|it| it.name != *name)).collect(),
            secrets: missing::<SecretKind>(&stack.secrets, client).await?,
            configs: missing::<ConfigKind>(&stack.configs, client).await?,
        })
    }

    /// Takes it off a service. Returns whether there was any.
    fn take_off(&self, spec: &mut ServiceSpec) -> bool {
        let before = spec.task_template.clone();
        let task = &mut spec.task_template;
        task.networks.retain(|network| !self.networks.contains(&network.target));
        if let Some(container) = &mut task.container_spec {
            container.secrets.retain(|secret| !self.secrets.contains(&secret.secret_name));
            container.configs.retain(|config| !self.configs.contains(&config.config_name));
        }
        *task != before
    }
}

async fn missing<K: Kind>(specs: &[DocumentSpec], client: &Client) -> Result<BTreeSet<String>> {
    let mut missing = BTreeSet::new();
    for spec in specs {
        match client.document::<K>(&spec.name).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {
                missing.insert(spec.name.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}
