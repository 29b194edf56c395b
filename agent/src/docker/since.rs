//! Since which version of its API the engine knows what a container asks for. It would ignore what it does not know. Pure.

use bollard::ClientVersion;
use bollard::models::ContainerCreateBody;
use bollard::models::HostConfig;
use bollard::models::Mount;
use bollard::models::MountType;

use crate::task::runtime::RuntimeError;

/// A member of a container's spec: since which version it is known, its name, and whether a container asks for it.
struct Member {
    since: (usize, usize),
    name: &'static str,
    is_set: fn(&ContainerCreateBody) -> bool,
}

/// What came later than API 1.40 (moby `api/docs/CHANGELOG.md`). Engines from before that are not supported at all.
const MEMBERS: [Member; 9] = [
    Member {
        since: (1, 41),
        name: "CgroupnsMode",
        is_set: |body| host(body).is_some_and(|host| host.cgroupns_mode.is_some()),
    },
    Member {
        since: (1, 42),
        name: "BindOptions.CreateMountpoint",
        is_set: |body| bind(body, |options| options.create_mountpoint),
    },
    Member {
        since: (1, 44),
        name: "Healthcheck.StartInterval",
        is_set: |body| body.healthcheck.as_ref().is_some_and(|it| it.start_interval.is_some()),
    },
    Member {
        since: (1, 44),
        name: "BindOptions.ReadOnlyNonRecursive",
        is_set: |body| bind(body, |options| options.read_only_non_recursive),
    },
    Member {
        since: (1, 44),
        name: "BindOptions.ReadOnlyForceRecursive",
        is_set: |body| bind(body, |options| options.read_only_force_recursive),
    },
    Member {
        since: (1, 45),
        name: "VolumeOptions.Subpath",
        is_set: |body| {
            let subpath = |mount: &Mount| mount.volume_options.as_ref()?.subpath.as_ref().map(drop);
            mounts(body).any(|mount| subpath(mount).is_some())
        },
    },
    Member {
        since: (1, 46),
        name: "TmpfsOptions.Options",
        is_set: |body| {
            let options = |mount: &Mount| mount.tmpfs_options.as_ref()?.options.as_ref().map(drop);
            mounts(body).any(|mount| options(mount).is_some())
        },
    },
    Member {
        since: (1, 48),
        name: "a mount of type image",
        is_set: |body| mounts(body).any(|mount| mount.typ == Some(MountType::IMAGE)),
    },
    Member {
        since: (1, 48),
        name: "ImageOptions.Subpath",
        is_set: |body| mounts(body).any(|mount| mount.image_options.is_some()),
    },
];

/// Checks that an engine that speaks `version` knows all of `body`.
pub(super) fn check(
    body: &ContainerCreateBody,
    version: ClientVersion,
) -> Result<(), RuntimeError> {
    let speaks = (version.major_version, version.minor_version);
    match MEMBERS.iter().find(|member| speaks < member.since && (member.is_set)(body)) {
        None => Ok(()),
        Some(Member { since: (major, minor), name, .. }) => Err(RuntimeError::Refused(format!(
            "{name} requires API v{major}.{minor}, but the Docker daemon API version is {}.{}",
            speaks.0, speaks.1
        ))),
    }
}

/// Since which version the engine knows the member of a spec whose path ends so. `None`: since ever.
#[cfg(test)]
pub(crate) fn known_since(path: &str) -> Option<String> {
    let member = MEMBERS.iter().find(|member| path.ends_with(member.name));
    member.map(|Member { since: (major, minor), .. }| format!("{major}.{minor}"))
}

fn host(body: &ContainerCreateBody) -> Option<&HostConfig> {
    body.host_config.as_ref()
}

fn mounts(body: &ContainerCreateBody) -> impl Iterator<Item = &Mount> {
    host(body).and_then(|host| host.mounts.as_ref()).into_iter().flatten()
}

fn bind(
    body: &ContainerCreateBody,
    option: fn(&bollard::models::MountBindOptions) -> Option<bool>,
) -> bool {
    mounts(body).filter_map(|mount| mount.bind_options.as_ref()).any(|it| option(it) == Some(true))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    const fn version(minor_version: usize) -> ClientVersion {
        ClientVersion { major_version: 1, minor_version }
    }

    /// One container for each member.
    fn asking() -> [Value; MEMBERS.len()] {
        let mount = |mount: Value| json!({ "HostConfig": { "Mounts": [mount] } });
        [
            json!({ "HostConfig": { "CgroupnsMode": "host" } }),
            mount(json!({ "BindOptions": { "CreateMountpoint": true } })),
            json!({ "Healthcheck": { "StartInterval": 5 } }),
            mount(json!({ "BindOptions": { "ReadOnlyNonRecursive": true } })),
            mount(json!({ "BindOptions": { "ReadOnlyForceRecursive": true } })),
            mount(json!({ "VolumeOptions": { "Subpath": "a" } })),
            mount(json!({ "TmpfsOptions": { "Options": [["noexec"]] } })),
            mount(json!({ "Type": "image" })),
            mount(json!({ "ImageOptions": { "Subpath": "a" } })),
        ]
    }

    #[test]
    fn what_an_old_engine_would_ignore_is_refused_by_name() {
        for (member, body) in MEMBERS.iter().zip(asking()) {
            let body = serde_json::from_value(body).expect("the engine's form");
            let (_, minor) = member.since;
            check(&body, version(minor)).expect("known there");
            let refused = check(&body, version(minor - 1)).expect_err(member.name).to_string();
            let told = format!("{} requires API v1.{minor}, but", member.name);
            assert!(refused.starts_with(&told), "{refused}");
        }
    }

    #[test]
    fn what_is_switched_off_needs_no_new_engine() {
        let off = json!({ "HostConfig": { "Mounts": [{
            "Type": "bind", "BindOptions": { "CreateMountpoint": false },
        }] } });
        check(&serde_json::from_value(off).expect("the engine's form"), version(40))
            .expect("known");
    }
}
