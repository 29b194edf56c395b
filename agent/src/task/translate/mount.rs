//! Mounts.

use bollard::models::Mount as EngineMount;
use bollard::models::MountBindOptions as EngineBindOptions;
use bollard::models::MountBindOptionsPropagationEnum as Propagation;
use bollard::models::MountImageOptions as EngineImageOptions;
use bollard::models::MountTmpfsOptions as EngineTmpfsOptions;
use bollard::models::MountType as EngineMountType;
use bollard::models::MountVolumeOptions as EngineVolumeOptions;
use bollard::models::MountVolumeOptionsDriverConfig as EngineDriver;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::Mount;
use swarmlite_proto::spec::MountBindOptions;
use swarmlite_proto::spec::MountTmpfsOptions;
use swarmlite_proto::spec::MountType;
use swarmlite_proto::spec::MountVolumeOptions;

use super::error::TranslateError;
use super::values::some_list;
use super::values::some_text;
use super::values::to_map;
use crate::task::template::Context;
use crate::task::template::TemplateError;
use crate::task::template::expand;

/// One mount, with its placeholders replaced.
pub(super) fn translate(
    mount: &Mount,
    context: &Context<'_>,
) -> Result<EngineMount, TranslateError> {
    let kind = match mount.kind {
        MountType::Bind => EngineMountType::BIND,
        MountType::Volume => EngineMountType::VOLUME,
        MountType::Tmpfs => EngineMountType::TMPFS,
        MountType::Image => EngineMountType::IMAGE,
    };
    let volume = mount.volume_options.as_ref().map(|options| volume(options, context));
    Ok(EngineMount {
        target: Some(expand(&mount.target, context)?),
        source: some_text(&expand(&mount.source, context)?),
        typ: Some(kind),
        read_only: Some(mount.read_only),
        consistency: some_text(&mount.consistency),
        bind_options: mount.bind_options.as_ref().map(bind).transpose()?,
        volume_options: volume.transpose()?,
        image_options: mount
            .image_options
            .as_ref()
            .map(|options| EngineImageOptions { subpath: some_text(&options.subpath) }),
        tmpfs_options: mount.tmpfs_options.as_ref().map(tmpfs),
    })
}

fn bind(options: &MountBindOptions) -> Result<EngineBindOptions, TranslateError> {
    let propagation = match options.propagation.as_str() {
        "" => None,
        "private" => Some(Propagation::PRIVATE),
        "rprivate" => Some(Propagation::RPRIVATE),
        "shared" => Some(Propagation::SHARED),
        "rshared" => Some(Propagation::RSHARED),
        "slave" => Some(Propagation::SLAVE),
        "rslave" => Some(Propagation::RSLAVE),
        other => {
            let value = other.to_owned();
            return Err(TranslateError::Unsupported { field: "Propagation", value });
        }
    };
    Ok(EngineBindOptions {
        propagation,
        non_recursive: Some(options.non_recursive),
        create_mountpoint: Some(options.create_mountpoint),
        read_only_non_recursive: options.read_only_non_recursive.then_some(true),
        read_only_force_recursive: options.read_only_force_recursive.then_some(true),
    })
}

fn volume(
    options: &MountVolumeOptions,
    context: &Context<'_>,
) -> Result<EngineVolumeOptions, TemplateError> {
    let driver = options.driver_config.as_ref().map(|driver| {
        let options = expand_values(&driver.options, context)?;
        Ok::<_, TemplateError>(EngineDriver {
            name: some_text(&driver.name),
            options: Some(to_map(&options)),
        })
    });
    Ok(EngineVolumeOptions {
        no_copy: Some(options.no_copy),
        labels: Some(to_map(&expand_values(&options.labels, context)?)),
        driver_config: driver.transpose()?,
        subpath: some_text(&options.subpath),
    })
}

fn tmpfs(options: &MountTmpfsOptions) -> EngineTmpfsOptions {
    EngineTmpfsOptions {
        size_bytes: (options.size_bytes != 0).then_some(options.size_bytes),
        mode: (options.mode != 0).then(|| i64::from(options.mode)),
        options: some_list(options.options.clone()),
    }
}

fn expand_values(values: &Labels, context: &Context<'_>) -> Result<Labels, TemplateError> {
    values.iter().map(|(key, value)| Ok((key.clone(), expand(value, context)?))).collect()
}
