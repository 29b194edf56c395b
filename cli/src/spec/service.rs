//! The whole spec: a new one, and a changed one.

use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::ServiceSpec;

use super::Lists;
use super::container;
use super::extension;
use super::mode;
use super::policy;
use super::readiness;
use crate::args::ScalarFlags;
use crate::args::ServiceCreateArgs;
use crate::args::ServiceUpdateArgs;
use crate::args::TaskFlags;
use crate::error::Error;
use crate::error::Result;
use crate::value::image;

/// The spec of a new service. `lists` are those of `args`, networks resolved and files read.
pub(crate) fn create(args: &ServiceCreateArgs, lists: &Lists) -> Result<ServiceSpec> {
    let (image, arguments) =
        args.image.split_first().ok_or_else(|| Error::refused("an image is needed"))?;
    let mut spec = ServiceSpec {
        name: args.name.clone().unwrap_or_default(),
        mode: mode::create(args.mode, &args.scalars.task)?,
        endpoint_spec: Some(EndpointSpec::default()),
        ..ServiceSpec::default()
    };
    spec.task_template.container_spec = Some(ContainerSpec {
        image: image::with_tag(image),
        args: arguments.to_vec(),
        // Docker always says, so that the engine's own default does not come in.
        init: Some(false),
        ..ContainerSpec::default()
    });
    change(&mut spec, &args.scalars, lists)?;
    if spec.mode.is_job() && (spec.update_config.is_some() || spec.rollback_config.is_some()) {
        return Err(Error::refused("update and rollback configuration is not supported for jobs"));
    }
    Ok(spec)
}

/// Changes the spec of a service as `service update` is asked to.
pub(crate) fn update(
    spec: &mut ServiceSpec,
    args: &ServiceUpdateArgs,
    lists: &Lists,
) -> Result<()> {
    mode::update(&mut spec.mode, &args.scalars.task)?;
    let container = spec.task_template.container_spec.get_or_insert_with(ContainerSpec::default);
    if let Some(image) = &args.image {
        container.image = image::with_tag(image);
    }
    if let Some(arguments) = &args.args {
        container.args = container::shell_words("args", arguments)?;
    }
    if args.force {
        spec.task_template.force_update += 1;
    }
    change(spec, &args.scalars, lists)
}

/// What both commands do.
fn change(spec: &mut ServiceSpec, flags: &ScalarFlags, lists: &Lists) -> Result<()> {
    lists.apply(spec)?;
    if let Some(mode) = flags.task.endpoint_mode {
        spec.endpoint_spec.get_or_insert_with(EndpointSpec::default).mode = mode;
    }
    let task = &mut spec.task_template;
    placement(&mut task.placement, &flags.task);
    let container = task.container_spec.get_or_insert_with(ContainerSpec::default);
    container::change(container, &flags.container)?;
    extension::change(container, &flags.extension);
    container::health(&mut container.healthcheck, &flags.health)?;
    readiness::change(&mut container.readiness, &flags.readiness)?;
    container::log_driver(&mut task.log_driver, &flags.container)?;
    container::resources(&mut task.resources, &flags.resources);
    policy::restart(&mut task.restart_policy, &flags.restart);
    policy::update(&mut spec.update_config, &flags.update);
    policy::rollback(&mut spec.rollback_config, &flags.rollback);
    Ok(())
}

/// Where tasks go. What is not asked for makes no placement.
fn placement(placement: &mut Option<Placement>, flags: &TaskFlags) {
    if let Some(max) = flags.replicas_max_per_node {
        placement.get_or_insert_default().max_replicas = max;
    }
    for (asked, of) in [
        (
            &flags.placement_strategy,
            (|it| &mut it.strategy) as fn(&mut Placement) -> &mut Option<String>,
        ),
        (&flags.placement_filter, |it| &mut it.filter),
        (&flags.placement_score, |it| &mut it.score),
        (&flags.placement_volumes, |it| &mut it.volumes),
        (&flags.placement_rebalance, |it| &mut it.rebalance),
    ] {
        if asked.is_some() {
            of(placement.get_or_insert_default()).clone_from(asked);
        }
    }
}

#[cfg(test)]
mod tests;
