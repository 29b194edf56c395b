//! Mounts, as `type=volume,source=data,target=/data` (docker/cli `opts/mount.go`, `mount_utils.go`).

use std::path::Path;

use swarmlite_proto::spec::Mount;
use swarmlite_proto::spec::MountBindOptions;
use swarmlite_proto::spec::MountDriver;
use swarmlite_proto::spec::MountImageOptions;
use swarmlite_proto::spec::MountTmpfsOptions;
use swarmlite_proto::spec::MountType;
use swarmlite_proto::spec::MountVolumeOptions;

use super::bytes;
use super::fields;

/// Reads a mount.
pub(crate) fn parse(text: &str) -> Result<Mount, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("value is empty".to_owned());
    }
    let mut mount = Mount::default();
    for field in fields::split(text)? {
        let (key, value) = field.split_once('=').map_or((&*field, None), |(k, v)| (k, Some(v)));
        if key.trim() != key {
            return Err(format!(
                "invalid option '{}' in '{field}': option should not have whitespace",
                key.trim()
            ));
        }
        let key = key.to_ascii_lowercase();
        match value {
            Some(value) if value.trim().is_empty() => {
                return Err(format!("invalid value for '{key}': value is empty"));
            }
            Some(value) if value.trim() != value => {
                return Err(format!(
                    "invalid value for '{key}' in '{field}': value should not have whitespace"
                ));
            }
            Some(value) => set(&mut mount, &key, value, &field)?,
            None if is_switch(&key) => set(&mut mount, &key, "true", &field)?,
            None => return Err(format!("invalid field '{field}' must be a key=value pair")),
        }
    }
    validate(&mount)?;
    Ok(mount)
}

/// Whether the key may stand without a value.
fn is_switch(key: &str) -> bool {
    matches!(key, "readonly" | "ro" | "volume-nocopy" | "bind-create-src")
}

fn set(mount: &mut Mount, key: &str, value: &str, field: &str) -> Result<(), String> {
    match key {
        "type" => mount.kind = kind(value)?,
        "source" | "src" => mount.source = source(value),
        "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
        "readonly" | "ro" => mount.read_only = switch(key, value)?,
        "consistency" => mount.consistency = value.to_ascii_lowercase(),
        "tmpfs-size" => {
            let size =
                bytes::parse(value).map_err(|_| format!("invalid value for {key}: {value}"))?;
            tmpfs(mount).size_bytes = size;
        }
        "tmpfs-mode" => {
            let mode = u32::from_str_radix(value, 8)
                .map_err(|_| format!("invalid value for {key}: {value}"))?;
            tmpfs(mount).mode = mode;
        }
        "image-subpath" => {
            let options = mount.image_options.get_or_insert_with(MountImageOptions::default);
            value.clone_into(&mut options.subpath);
        }
        _ if key.starts_with("bind-") => set_bind(mount, key, value)?,
        _ if key.starts_with("volume-") => set_volume(mount, key, value, field)?,
        _ => return Err(unknown(key, field)),
    }
    Ok(())
}

fn set_bind(mount: &mut Mount, key: &str, value: &str) -> Result<(), String> {
    let options = mount.bind_options.get_or_insert_with(MountBindOptions::default);
    match (key, value) {
        ("bind-propagation", _) => options.propagation = value.to_ascii_lowercase(),
        ("bind-create-src", _) => options.create_mountpoint = switch(key, value)?,
        ("bind-recursive", "enabled") => {}
        ("bind-recursive", "disabled") => options.non_recursive = true,
        ("bind-recursive", "writable") => options.read_only_non_recursive = true,
        ("bind-recursive", "readonly") => options.read_only_force_recursive = true,
        ("bind-recursive", _) => {
            return Err(format!(
                "invalid value for {key}: {value} (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")"
            ));
        }
        ("bind-nonrecursive", _) => {
            return Err(
                "bind-nonrecursive is deprecated, use bind-recursive=disabled instead".to_owned()
            );
        }
        _ => return Err(unknown(key, &format!("{key}={value}"))),
    }
    Ok(())
}

fn set_volume(mount: &mut Mount, key: &str, value: &str, field: &str) -> Result<(), String> {
    let options = mount.volume_options.get_or_insert_with(MountVolumeOptions::default);
    let (name, content) = value.split_once('=').unwrap_or((value, ""));
    match key {
        "volume-nocopy" => options.no_copy = switch(key, value)?,
        "volume-subpath" => value.clone_into(&mut options.subpath),
        "volume-label" => {
            options.labels.insert(name.to_owned(), content.to_owned());
        }
        "volume-driver" => {
            value.clone_into(
                &mut options.driver_config.get_or_insert_with(MountDriver::default).name,
            );
        }
        "volume-opt" => {
            let driver = options.driver_config.get_or_insert_with(MountDriver::default);
            driver.options.insert(name.to_owned(), content.to_owned());
        }
        _ => return Err(unknown(key, field)),
    }
    Ok(())
}

fn unknown(key: &str, field: &str) -> String {
    format!("unknown option '{key}' in '{field}'")
}

fn tmpfs(mount: &mut Mount) -> &mut MountTmpfsOptions {
    mount.tmpfs_options.get_or_insert_with(MountTmpfsOptions::default)
}

fn kind(text: &str) -> Result<MountType, String> {
    match text.to_ascii_lowercase().as_str() {
        "bind" => Ok(MountType::Bind),
        "volume" => Ok(MountType::Volume),
        "tmpfs" => Ok(MountType::Tmpfs),
        "image" => Ok(MountType::Image),
        "npipe" => Err("mount type npipe is for Windows containers only".to_owned()),
        "cluster" => {
            Err("mount type cluster is not supported: there are no cluster volumes".to_owned())
        }
        kind => Err(format!("invalid mount type '{kind}': must be bind, volume, tmpfs or image")),
    }
}

/// A relative source is relative to where the user is.
fn source(text: &str) -> String {
    if text.starts_with('.')
        && let Ok(path) = std::path::absolute(text)
    {
        return path.display().to_string();
    }
    text.to_owned()
}

/// Go's `strconv.ParseBool`.
fn switch(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!(
            "invalid value for '{key}': invalid boolean value (\"{value}\"): must be one of \"true\", \"1\", \"false\", or \"0\" (default \"true\")"
        )),
    }
}

/// What is mounted below a read-only source can be made read-only only with it.
fn recursion(read_only: bool, options: &MountBindOptions) -> Result<(), String> {
    let needs = |option: &str, needed: &str| {
        Err(format!(
            "option 'bind-recursive={option}' requires '{needed}' to be specified in conjunction"
        ))
    };
    if options.read_only_non_recursive && !read_only {
        return needs("writable", "readonly");
    }
    if options.read_only_force_recursive && !read_only {
        return needs("readonly", "readonly");
    }
    if options.read_only_force_recursive && options.propagation != "rprivate" {
        return needs("readonly", "bind-propagation=rprivate");
    }
    Ok(())
}

fn validate(mount: &Mount) -> Result<(), String> {
    if mount.target.is_empty() {
        return Err("target is required".to_owned());
    }
    for (kind, present) in [
        (MountType::Volume, mount.volume_options.is_some()),
        (MountType::Bind, mount.bind_options.is_some()),
        (MountType::Tmpfs, mount.tmpfs_options.is_some()),
        (MountType::Image, mount.image_options.is_some()),
    ] {
        if present && kind != mount.kind {
            let (options, name) = (kind.as_str(), mount.kind.as_str());
            return Err(format!("cannot mix '{options}-*' options with mount type '{name}'"));
        }
    }
    if let Some(options) = &mount.bind_options {
        recursion(mount.read_only, options)?;
    }
    match mount.kind {
        MountType::Bind if mount.source.is_empty() => {
            Err("source is required for mount type 'bind'".to_owned())
        }
        MountType::Bind if !Path::new(&mount.source).is_absolute() => Err(format!(
            "invalid source '{}' for mount type 'bind': must be an absolute path",
            mount.source
        )),
        MountType::Image if mount.source.is_empty() => {
            Err("source is required for mount type 'image'".to_owned())
        }
        MountType::Tmpfs if !mount.source.is_empty() => {
            Err("source must not be specified for mount type 'tmpfs'".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
