//! Mounts of a service.

use swarmlite_proto::spec::Mount;
use swarmlite_proto::spec::MountBindOptions;
use swarmlite_proto::spec::MountImageOptions;
use swarmlite_proto::spec::MountTmpfsOptions;
use swarmlite_proto::spec::MountType;
use swarmlite_proto::spec::MountVolumeOptions;
use swarmlite_proto::value::bytes;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::Context;

/// Converts the list of volumes.
pub(super) fn volumes(node: &Node<'_>, context: &mut Context<'_>) -> Result<Vec<Mount>> {
    node.items()?.iter().map(|node| volume(node, context)).collect()
}

fn volume(node: &Node<'_>, context: &mut Context<'_>) -> Result<Mount> {
    let mut section = node.section()?;
    let kind = section.read("type", kind)?.unwrap_or_default();
    let mut mount = Mount {
        kind,
        source: section.get("source", Node::string)?,
        target: section.get("target", Node::string)?,
        read_only: section.get("read_only", Node::boolean)?,
        consistency: section.get("consistency", Node::string)?,
        ..Mount::default()
    };
    // The options of other types are left for finish to refuse.
    if kind == MountType::Bind {
        if mount.source.is_empty() {
            return Err(node.invalid("invalid bind source, source cannot be empty"));
        }
        mount.bind_options = section.read("bind", |node| bind(node, context))?;
    } else if kind == MountType::Tmpfs {
        if !mount.source.is_empty() {
            return Err(node.invalid("invalid tmpfs source, source must be empty"));
        }
        mount.tmpfs_options = section.read("tmpfs", tmpfs_options)?;
    } else if kind == MountType::Image {
        if mount.source.is_empty() {
            return Err(node.invalid("invalid image source, source cannot be empty"));
        }
        mount.image_options = section.read("image", image_options)?;
    } else {
        named_volume(&mut mount, &mut section, context)?;
    }
    section.finish()?;
    Ok(mount)
}

fn kind(node: &Node<'_>) -> Result<MountType> {
    node.one_of(&[
        ("volume", MountType::Volume),
        ("bind", MountType::Bind),
        ("tmpfs", MountType::Tmpfs),
        ("image", MountType::Image),
    ])
}

/// Fills in what the top-level section says of a volume. A volume without a name is made for each task.
fn named_volume(
    mount: &mut Mount,
    section: &mut Section<'_>,
    context: &mut Context<'_>,
) -> Result<()> {
    let own = section.section("volume")?;
    let options = volume_options(own)?;
    if mount.source.is_empty() {
        // As docker, which has no options for such a volume.
        mount.volume_options = (options != MountVolumeOptions::default()).then_some(options);
        return Ok(());
    }
    let volume = context
        .definitions
        .volumes
        .get(&mount.source)
        .ok_or_else(|| ComposeError::Refused(format!("undefined volume {:?}", mount.source)))?;
    mount.source.clone_from(&volume.name);
    mount.volume_options = Some(if volume.external {
        options
    } else {
        let mut labels = volume.labels.clone();
        labels.extend(options.labels.clone());
        MountVolumeOptions { labels, driver_config: volume.driver.clone(), ..options }
    });
    Ok(())
}

fn volume_options(mut section: Section<'_>) -> Result<MountVolumeOptions> {
    let options = MountVolumeOptions {
        no_copy: section.get("nocopy", Node::boolean)?,
        subpath: section.get("subpath", Node::string)?,
        labels: section.get("labels", Node::labels)?,
        ..MountVolumeOptions::default()
    };
    section.finish()?;
    Ok(options)
}

fn image_options(node: &Node<'_>) -> Result<MountImageOptions> {
    let mut section = node.section()?;
    let options = MountImageOptions { subpath: section.get("subpath", Node::string)? };
    section.finish()?;
    Ok(options)
}

fn bind(node: &Node<'_>, context: &mut Context<'_>) -> Result<MountBindOptions> {
    let mut section = node.section()?;
    section.ignore(&["selinux"], "volumes.bind.", context.notes);
    let recursive =
        section.read("recursive", |node| node.one_of(&[("enabled", true), ("disabled", false)]))?;
    let options = MountBindOptions {
        propagation: section.get("propagation", Node::string)?,
        non_recursive: recursive == Some(false),
        create_mountpoint: section.get("create_host_path", Node::boolean)?,
        ..MountBindOptions::default()
    };
    section.finish()?;
    Ok(options)
}

fn tmpfs_options(node: &Node<'_>) -> Result<MountTmpfsOptions> {
    let mut section = node.section()?;
    let options = MountTmpfsOptions {
        size_bytes: section.get("size", Node::bytes)?,
        mode: section.get("mode", Node::integer)?,
        ..MountTmpfsOptions::default()
    };
    section.finish()?;
    Ok(options)
}

/// The short form of memory file systems, `target[:size=...,mode=...]`. Docker reads it and drops it.
pub(super) fn tmpfs(node: &Node<'_>) -> Result<Vec<Mount>> {
    let mount = |node: &Node<'_>| {
        let text = node.string()?;
        let (target, options) = text.split_once(':').unwrap_or((&text, ""));
        let mut mount =
            Mount { kind: MountType::Tmpfs, target: target.to_owned(), ..Mount::default() };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let tmpfs = mount.tmpfs_options.get_or_insert_default();
            match option.split_once('=') {
                Some(("size", size)) => {
                    tmpfs.size_bytes = bytes::parse(size).map_err(|why| node.invalid(why))?;
                }
                Some(("mode", mode)) => {
                    tmpfs.mode = u32::from_str_radix(mode, 8)
                        .map_err(|_| node.invalid(format!("has an invalid mode: {mode}")))?;
                }
                None if option == "ro" => mount.read_only = true,
                None if option == "rw" => {}
                _ => return Err(node.invalid(format!("has an unknown option: {option}"))),
            }
        }
        Ok(mount)
    };
    node.items()?.iter().map(mount).collect()
}
