//! What a task runs.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::document;
use super::extension;
use super::privileges;
use super::reference::is_image;
use super::require;
use super::unsupported;
use crate::error::Error;
use crate::error::Result;
use crate::spec::ContainerSpec;
use crate::spec::HealthConfig;
use crate::spec::Mount;
use crate::spec::MountBindOptions;
use crate::spec::MountType;
use crate::spec::ReadinessConfig;
use crate::time::Nanoseconds;

/// The shortest time between health checks that makes sense (moby `api/types/container`).
const MIN_HEALTH_DURATION: Nanoseconds = Nanoseconds(1_000_000);

/// The propagations that mount(8) knows.
const PROPAGATIONS: [&str; 7] = ["", "private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// How much likelier the kernel may kill it than others when memory runs out (proc_pid_oom_score_adj(5)).
const OOM_SCORES: RangeInclusive<i64> = -1000..=1000;

/// Fills in what absent members mean.
pub(super) fn complete(container: &mut ContainerSpec) {
    extension::complete(container);
    container.drop_empty_extensions();
    // To check nothing is not to check, which is what an update takes a check back with.
    let no_check = |config: &mut ReadinessConfig| config.test == ["NONE"];
    container.readiness.take_if(no_check);
}

/// Checks a container.
pub(super) fn check(container: &ContainerSpec) -> Result<()> {
    let image = &container.image;
    require(!image.is_empty(), || "ContainerSpec: image reference must be provided".to_owned())?;
    require(is_image(image), || format!("ContainerSpec: {image:?} is not a valid repository/tag"))?;
    mounts(&container.mounts)?;
    document::references(container)?;
    if let Some(health) = &container.healthcheck {
        healthcheck(health)?;
    }
    if let Some(config) = &container.readiness {
        readiness(config)?;
    }
    require(container.stop_grace_period.is_none_or(|grace| grace.0 >= 0), || {
        "ContainerSpec: StopGracePeriod cannot be negative".to_owned()
    })?;
    for line in &container.hosts {
        require(line.split_whitespace().count() > 1, || {
            format!("ContainerSpec: invalid line of Hosts {line:?}: must be an address and names")
        })?;
    }
    let score = container.oom_score_adj;
    require(OOM_SCORES.contains(&score), || {
        format!("Invalid value {score}, range for oom score adj is [-1000, 1000]")
    })?;
    if let Some(privileges) = &container.privileges {
        privileges::check(privileges)?;
    }
    extension::check(container)?;
    let windows = !matches!(container.isolation.as_str(), "" | "default");
    unsupported("TaskTemplate.ContainerSpec.Isolation", windows)
}

fn mounts(mounts: &[Mount]) -> Result<()> {
    let mut targets = BTreeSet::new();
    for mount in mounts {
        let target = mount.target.as_str();
        require(!target.is_empty(), || {
            "ContainerSpec: invalid mount config: field Target must not be empty".to_owned()
        })?;
        require(target.starts_with('/') && target != "/", || {
            format!("ContainerSpec: invalid mount target, must be an absolute path: {target}")
        })?;
        require(targets.insert(target.trim_end_matches('/')), || {
            format!("ContainerSpec: duplicate mount point: {target}")
        })?;
        mount_source(mount)?;
        let options = [
            (MountType::Bind, mount.bind_options.is_some()),
            (MountType::Volume, mount.volume_options.is_some()),
            (MountType::Tmpfs, mount.tmpfs_options.is_some()),
            (MountType::Image, mount.image_options.is_some()),
        ];
        let of_another_type = options.iter().any(|(kind, given)| *given && *kind != mount.kind);
        require(!of_another_type, || {
            format!("ContainerSpec: mount {target} has options of another mount type")
        })?;
        if let Some(MountBindOptions { propagation, .. }) = &mount.bind_options {
            require(PROPAGATIONS.contains(&propagation.as_str()), || {
                format!("ContainerSpec: invalid propagation mode: {propagation}")
            })?;
        }
        subpath(mount)?;
    }
    Ok(())
}

/// A part of a volume or image is named from its top (moby `volume/mounts/validate.go`).
fn subpath(mount: &Mount) -> Result<()> {
    let of_volume = mount.volume_options.as_ref().map(|options| &options.subpath);
    let subpath = of_volume.or(mount.image_options.as_ref().map(|options| &options.subpath));
    let Some(subpath) = subpath.filter(|subpath| !subpath.is_empty()) else { return Ok(()) };
    let inside = !subpath.starts_with('/') && subpath.split('/').all(|part| part != "..");
    require(inside, || {
        format!("ContainerSpec: subpath {subpath:?} must be a relative path within the volume")
    })?;
    require(!mount.source.is_empty(), || {
        "ContainerSpec: must not set Subpath when using anonymous volumes".to_owned()
    })
}

/// A bind mount needs a path of the host, a volume may have a name, and memory has no source.
fn mount_source(mount: &Mount) -> Result<()> {
    let source = mount.source.as_str();
    match mount.kind {
        MountType::Bind if source.is_empty() => Err(Error::invalid(
            "ContainerSpec: invalid mount config for type \"bind\": field Source must not be empty",
        )),
        MountType::Bind => require(source.starts_with('/'), || {
            format!(
                "ContainerSpec: invalid mount config for type \"bind\": invalid mount path: '{source}' mount path must be absolute"
            )
        }),
        MountType::Volume => require(!source.contains('/'), || {
            format!("ContainerSpec: {source:?} includes invalid characters for a local volume name")
        }),
        MountType::Image => require(is_image(source), || {
            format!(
                "ContainerSpec: invalid mount config for type \"image\": {source:?} is not a valid repository/tag"
            )
        }),
        MountType::Tmpfs => require(source.is_empty(), || {
            "ContainerSpec: invalid mount config for type \"tmpfs\": field Source must not be specified".to_owned()
        }),
    }
}

fn healthcheck(health: &HealthConfig) -> Result<()> {
    for (name, duration) in [
        ("Interval", health.interval),
        ("Timeout", health.timeout),
        ("StartPeriod", health.start_period),
        ("StartInterval", health.start_interval),
    ] {
        require(duration.is_zero() || duration >= MIN_HEALTH_DURATION, || {
            format!("ContainerSpec: {name} in HealthConfig cannot be less than 1ms")
        })?;
    }
    require(health.retries >= 0, || {
        "ContainerSpec: Retries in HealthConfig cannot be negative".to_owned()
    })
}

fn readiness(config: &ReadinessConfig) -> Result<()> {
    config
        .probe()
        .map_err(|unknown| Error::invalid(format!("ContainerSpec: Test in Readiness {unknown}")))?;
    for (name, duration) in [
        ("Interval", config.interval),
        ("Timeout", config.timeout),
        ("StartPeriod", config.start_period),
    ] {
        require(duration.is_zero() || duration >= MIN_HEALTH_DURATION, || {
            format!("ContainerSpec: {name} in Readiness cannot be less than 1ms")
        })?;
    }
    require(config.retries >= 0, || {
        "ContainerSpec: Retries in Readiness cannot be negative".to_owned()
    })
}
