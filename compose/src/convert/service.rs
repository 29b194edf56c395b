//! One service.

use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::TaskSpec;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::Context;
use super::LABEL_IMAGE;
use super::container;
use super::deploy;
use super::extension;
use super::network;
use super::scoped;
use super::stack_labels;

/// Options that docker ignores with a word, and that services do not have (`types.UnsupportedProperties` in docker/cli); and
/// further below, options that only mean something to tools that build, watch or start containers one by one.
const UNSUPPORTED: &[&str] = &[
    "build",
    "cgroupns_mode",
    "domainname",
    "external_links",
    "links",
    "mac_address",
    "network_mode",
    "userns_mode",
    "annotations",
    "attach",
    "depends_on",
    "develop",
];

/// Options that are not needed (`types.DeprecatedProperties` in docker/cli).
const DEPRECATED: &[(&str, &str)] = &[
    ("container_name", "Setting the container name is not supported."),
    (
        "expose",
        "Exposing ports is unnecessary - services on the same network can access each other's containers on any port.",
    ),
];

/// Options that ask for something which a service has another way to say (`types.ForbiddenProperties` in docker/cli).
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "volume_driver",
        "Instead of setting the volume driver on the service, define a volume using the top-level `volumes` option and specify the driver there.",
    ),
    (
        "volumes_from",
        "To share a volume between services, define it using the top-level `volumes` option and reference it from each service that shares it using the service-level `volumes` option.",
    ),
    ("cpu_quota", "Set resource limits using deploy.resources"),
    ("cpu_shares", "Set resource limits using deploy.resources"),
    ("cpuset", "Set resource limits using deploy.resources"),
    ("memswap_limit", "Set resource limits using deploy.resources"),
];

/// Converts a service.
pub(super) fn convert(
    name: &str,
    node: &Node<'_>,
    context: &mut Context<'_>,
) -> Result<ServiceSpec> {
    let in_service = |error| match error {
        ComposeError::Refused(message) => {
            ComposeError::Refused(format!("service {name}: {message}"))
        }
        other => other,
    };
    let mut section = node.section()?;
    set_aside(&mut section, context)?;
    let service = read(name, &mut section, context).map_err(in_service)?;
    section.finish()?;
    Ok(service)
}

/// Takes out what has no effect, and refuses what never has.
fn set_aside(section: &mut Section<'_>, context: &mut Context<'_>) -> Result<()> {
    let mut forbidden = Vec::new();
    for (key, why) in FORBIDDEN {
        if section.take(key).is_some() {
            forbidden.push(format!("{key}: {why}"));
        }
    }
    if !forbidden.is_empty() {
        return Err(ComposeError::Forbidden(forbidden.join("\n\n")));
    }
    for (key, why) in DEPRECATED {
        if section.take(key).is_some() {
            context.notes.deprecated(key, why);
        }
    }
    // Engines pull what they do not have, which is what these ask for.
    let policy = section.get("pull_policy", Node::string)?;
    if !matches!(policy.as_str(), "" | "missing" | "if_not_present") {
        context.notes.unsupported("pull_policy");
    }
    section.ignore(UNSUPPORTED, "", context.notes);
    Ok(())
}

fn read(name: &str, section: &mut Section<'_>, context: &mut Context<'_>) -> Result<ServiceSpec> {
    let mut deploy = section.section("deploy")?;
    let image = section.get("image", Node::string)?;
    let mut labels = stack_labels(context.namespace, deploy.get("labels", Node::labels)?);
    labels.insert(LABEL_IMAGE.to_owned(), image.clone());
    let mode = deploy::mode(section, &mut deploy)?;
    let endpoint = EndpointSpec {
        mode: deploy::endpoint_mode(&mut deploy)?,
        ports: network::ports(section, context)?,
        ..EndpointSpec::default()
    };
    let mut container = container::convert(image, section, context)?;
    let (resources, devices) = deploy::resources(section, &mut deploy)?;
    extension::add_reserved(&mut container, devices);
    let spec = ServiceSpec {
        name: scoped(context.namespace, name),
        labels,
        task_template: TaskSpec {
            container_spec: Some(container),
            resources: Some(resources),
            restart_policy: deploy::restart_policy(section, &mut deploy)?,
            placement: Some(deploy::placement(section, &mut deploy)?),
            networks: network::attachments(name, section, context)?,
            log_driver: section.read("logging", logging)?,
            ..TaskSpec::default()
        },
        networks: Vec::new(),
        mode,
        update_config: deploy.read("update_config", deploy::update_config)?,
        rollback_config: deploy.read("rollback_config", deploy::update_config)?,
        endpoint_spec: Some(endpoint),
    };
    deploy.finish()?;
    Ok(spec)
}

fn logging(node: &Node<'_>) -> Result<Driver> {
    let mut section = node.section()?;
    let driver = Driver {
        name: section.get("driver", Node::string)?,
        options: section.get("options", Node::labels)?,
    };
    section.finish()?;
    Ok(driver)
}
