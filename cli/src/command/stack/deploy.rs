//! `swarmlite stack deploy`.

mod plan;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_compose::LABEL_IMAGE;
use swarmlite_compose::Stack;
use swarmlite_proto::api::Service;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::ServiceSpec;

use super::check_name;
use super::documents;
use super::load;
use super::load::Disk;
use super::of_stack;
use super::rm::remove_services;
use crate::args::ResolveImage;
use crate::args::StackDeployArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::command::service::resolve_configs;
use crate::command::service::resolve_secrets;
use crate::command::service::wait;
use crate::convergence::Aim;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::registry;
use crate::value::image;

/// Makes or changes a stack, and waits until its services run.
pub(crate) async fn deploy(
    args: &StackDeployArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let environment = load::environment();
    let project = load::load(&args.files, &environment, true)?;
    let name = args.stack.as_deref().or_else(|| project.name()).ok_or_else(|| {
        Error::refused("the stack needs a name: give it, or set name in the Compose file")
    })?;
    check_name(name)?;
    let (stack, notes) = project.stack(name, &environment, &Disk)?;
    stack.require_images()?;
    for paragraph in notes.paragraphs() {
        console.warn(&paragraph)?;
    }
    require_manager(client).await?;
    require_networks(&stack, client).await?;
    if args.plan.plan {
        return plan::plan(name, stack, args, client, console).await;
    }
    if args.prune {
        prune(name, &stack, client, console).await?;
    }
    make_networks(name, &stack, client, console).await?;
    documents::put::<SecretKind>(&stack.secrets, client, console).await?;
    documents::put::<ConfigKind>(&stack.configs, client, console).await?;
    let services = put_services(name, stack, args, client, console).await?;
    let mut failures = Failures::default();
    for (name, id) in services {
        if !(args.wait.detach || args.wait.quiet) {
            console.line(&format!("Waiting for service {name}"))?;
        }
        failures.note_for(&name, wait(&id, Aim::NewSpec, &args.wait, client, console).await)?;
    }
    failures.into_result()
}

/// Networks come before services, and creating one says nothing useful on a worker.
async fn require_manager(client: &Client) -> Result<()> {
    if client.info().await?.swarm.control_available {
        return Ok(());
    }
    Err(Error::refused(
        "this node is not a swarm manager. Use \"swarmlite init\" or \"swarmlite join\" to connect this node to swarm and try again",
    ))
}

/// Refuses to go on without networks that are said to be there.
async fn require_networks(stack: &Stack, client: &Client) -> Result<()> {
    for network in &stack.external_networks {
        if matches!(network.as_str(), "bridge" | "host" | "none" | "default") {
            // Each node has these of its own.
            continue;
        }
        match client.swarm_network(network).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {
                return Err(Error::refused(format!(
                    "network {network:?} is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed"
                )));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes services that the files do not have.
async fn prune(
    name: &str,
    stack: &Stack,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let wanted: BTreeSet<_> = stack.services.iter().map(|service| &*service.name).collect();
    let mut services = client.services(&of_stack(name)).await?;
    services.retain(|service| !wanted.contains(&*service.spec.name));
    let mut failures = Failures::default();
    remove_services(services, &mut failures, client, console).await?;
    failures.into_result()
}

/// Makes the networks that are not there.
async fn make_networks(
    name: &str,
    stack: &Stack,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let present = client.networks(&of_stack(name)).await?;
    for network in &stack.networks {
        if present.iter().any(|present| present.name == network.name) {
            continue;
        }
        console.line(&format!("Creating network {}", network.name))?;
        let created = client.network_create(network).await;
        created.map_err(|error| {
            Error::refused(format!("failed to create network {}: {error}", network.name))
        })?;
    }
    Ok(())
}

/// Makes or changes the services. Returns their names and ids.
async fn put_services(
    name: &str,
    stack: Stack,
    args: &StackDeployArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<Vec<(String, String)>> {
    let present = client.services(&of_stack(name)).await?;
    let present: BTreeMap<_, _> =
        present.into_iter().map(|service| (service.spec.name.clone(), service)).collect();
    let mut done = Vec::new();
    for mut spec in stack.services {
        resolve_files(&mut spec, client).await?;
        let name = spec.name.clone();
        let auth = credentials(&spec, args)?;
        let failed = |what: &str, error: Error| {
            Error::refused(format!("failed to {what} service {name}: {error}"))
        };
        let (id, warnings) = match present.get(&name) {
            Some(service) => {
                console.line(&format!("Updating service {name} (id: {})", service.id))?;
                if !keep(&mut spec, service, args.resolve_image) {
                    name_image(&mut spec, auth.as_ref(), args, client, console).await?;
                }
                let changed = Service { spec, ..service.clone() };
                let updated = client.service_update(&changed, &[], auth.as_ref()).await;
                let warnings = updated.map_err(|error| failed("update", error))?;
                (service.id.to_string(), warnings)
            }
            None => {
                console.line(&format!("Creating service {name}"))?;
                name_image(&mut spec, auth.as_ref(), args, client, console).await?;
                let created = client.service_create(&spec, auth.as_ref()).await;
                let created = created.map_err(|error| failed("create", error))?;
                (created.id.to_string(), created.warnings.unwrap_or_default())
            }
        };
        for warning in &warnings {
            console.warn(warning)?;
        }
        done.push((name, id));
    }
    Ok(done)
}

/// Finds the secrets and configs of a service by their names.
async fn resolve_files(spec: &mut ServiceSpec, client: &Client) -> Result<()> {
    let Some(container) = &mut spec.task_template.container_spec else { return Ok(()) };
    let resolved = async {
        resolve_secrets(&mut container.secrets, client).await?;
        resolve_configs(&mut container.configs, client).await
    };
    let name = &spec.name;
    resolved.await.map_err(|error| match error {
        Error::Refused(why) => Error::Refused(format!("service {name}: {why}")),
        other => other,
    })
}

/// What a service has that the files say nothing about: how often its update was forced, and the digest that its image was given, unless
/// a registry is to be asked again. Returns whether the image has its final name.
fn keep(spec: &mut ServiceSpec, present: &Service, resolve: ResolveImage) -> bool {
    spec.task_template.force_update = present.spec.task_template.force_update;
    let before = present.spec.labels.get(LABEL_IMAGE);
    let is_same = before == spec.labels.get(LABEL_IMAGE);
    let resolved = present.spec.task_template.container_spec.as_ref();
    if let (Some(container), Some(present)) = (&mut spec.task_template.container_spec, resolved) {
        take_back(container, present);
    }
    match (&mut spec.task_template.container_spec, resolved) {
        (Some(container), Some(resolved)) if is_same && resolve != ResolveImage::Always => {
            container.image.clone_from(&resolved.image);
            true
        }
        _ => false,
    }
}

/// Takes back what a container got of its node and the files do not say any more. An update that says nothing would leave it.
fn take_back(container: &mut ContainerSpec, present: &ContainerSpec) {
    fn empty<T: Default>(new: &mut Option<T>, old: Option<&T>) {
        if new.is_none() && old.is_some() {
            *new = Some(T::default());
        }
    }
    empty(&mut container.devices, present.devices.as_ref());
    empty(&mut container.device_cgroup_rules, present.device_cgroup_rules.as_ref());
    empty(&mut container.device_requests, present.device_requests.as_ref());
    empty(&mut container.privileged, present.privileged.as_ref());
    empty(&mut container.shm_size, present.shm_size.as_ref());
    empty(&mut container.security_opt, present.security_opt.as_ref());
    empty(&mut container.ipc_mode, present.ipc_mode.as_ref());
    empty(&mut container.pid_mode, present.pid_mode.as_ref());
    empty(&mut container.cgroup_parent, present.cgroup_parent.as_ref());
    empty(&mut container.cgroupns_mode, present.cgroupns_mode.as_ref());
    empty(&mut container.runtime, present.runtime.as_ref());
}

/// The credentials to send along with a service, if any are to be sent.
fn credentials(spec: &ServiceSpec, args: &StackDeployArgs) -> Result<Option<RegistryAuth>> {
    let container = spec.task_template.container_spec.as_ref().filter(|_| args.with_registry_auth);
    container.map(|container| registry::credentials(&container.image)).transpose()
}

/// Names the image of a service as nodes are to fetch it: by its digest if a registry is to be asked and tells it.
async fn name_image(
    spec: &mut ServiceSpec,
    auth: Option<&RegistryAuth>,
    args: &StackDeployArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let Some(container) = &mut spec.task_template.container_spec else { return Ok(()) };
    if args.resolve_image == ResolveImage::Never {
        container.image = image::with_tag(&container.image);
        return Ok(());
    }
    let (resolved, warning) = registry::resolve(&container.image, auth, client).await?;
    resolved.apply(&mut spec.task_template);
    warning.map_or(Ok(()), |warning| console.warn(&warning))
}
