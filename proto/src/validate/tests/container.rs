//! What a container may ask for beyond its image.

use serde_json::json;

use super::InvalidArgument;
use super::service_with;

#[test]
fn what_means_the_same_is_kept_in_one_form() {
    let spec = service_with(&json!({
        "Networks": [{"Target": "old"}],
        "TaskTemplate": {"ContainerSpec": {
            "Devices": [{"PathOnHost": "/dev/null"}], "Privileged": false, "SecurityOpt": [],
            "Readiness": {"Test": ["NONE"]},
        }},
    }));
    let task = serde_json::to_value(spec.expect("fine")).expect("serializes");
    assert_eq!(task["TaskTemplate"]["Networks"], json!([{"Target": "old"}]));
    let device = json!({
        "PathOnHost": "/dev/null", "PathInContainer": "/dev/null", "CgroupPermissions": "rwm",
    });
    let container = json!({"Image": "nginx", "Devices": [device]});
    assert_eq!(task["TaskTemplate"]["ContainerSpec"], container);
}

/// A patch to something that is fine, and the refusal it has to meet.
const REFUSED: &[(&str, &str)] = &[
    (
        r#"{"TaskTemplate": {"Resources": {"SwapBytes": 1}}}"#,
        "invalid swap value: SwapBytes needs a limit of memory",
    ),
    (
        r#"{"TaskTemplate": {"Resources": {"SwapBytes": -2}}}"#,
        "invalid swap value -2: Must be -1 or more",
    ),
    (
        r#"{"TaskTemplate": {"Resources": {"MemorySwappiness": 101}}}"#,
        "Invalid value: 101, valid memory swappiness range is 0-100",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"OomScoreAdj": 1001}}}"#,
        "Invalid value 1001, range for oom score adj is [-1000, 1000]",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Hosts": ["10.0.0.1"]}}}"#,
        "ContainerSpec: invalid line of Hosts \"10.0.0.1\": must be an address and names",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"CredentialSpec": {"File": "x.json"}}}}}"#,
        "unsupported field: TaskTemplate.ContainerSpec.Privileges.CredentialSpec",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"Seccomp": {"Mode": "custom"}}}}}"#,
        "ContainerSpec: Privileges.Seccomp.Profile is needed with mode custom, and with no other",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"Seccomp": {"Mode": "custom", "Profile": "{}"}}}}}"#,
        "ContainerSpec: Privileges.Seccomp.Profile is no text in base 64",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"AppArmor": {"Mode": "custom"}}}}}"#,
        "invalid TaskTemplate.ContainerSpec.Privileges.AppArmor.Mode: \"custom\"",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Type": "bind", "Source": "/b", "BindOptions": {"Propagation": "x"}}]}}}"#,
        "ContainerSpec: invalid propagation mode: x",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Source": "v", "VolumeOptions": {"Subpath": "a/../b"}}]}}}"#,
        "ContainerSpec: subpath \"a/../b\" must be a relative path within the volume",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "VolumeOptions": {"Subpath": "a"}}]}}}"#,
        "ContainerSpec: must not set Subpath when using anonymous volumes",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Type": "image"}]}}}"#,
        "ContainerSpec: invalid mount config for type \"image\": \"\" is not a valid repository/tag",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Type": "npipe"}]}}}"#,
        "invalid TaskTemplate.ContainerSpec.Mounts[0].Type: \"npipe\"",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Devices": [{"PathOnHost": "null"}]}}}"#,
        "ContainerSpec: invalid device: null is not an absolute path",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Devices": [{"PathOnHost": "/dev/null", "CgroupPermissions": "x"}]}}}"#,
        "ContainerSpec: invalid device: bad mode specified: x",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"DeviceCgroupRules": ["x"]}}}"#,
        "ContainerSpec: invalid device cgroup format 'x'",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"DeviceRequests": [{"Count": 1, "DeviceIDs": ["0"]}]}}}"#,
        "ContainerSpec: cannot set both Count and DeviceIDs on device request",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"ShmSize": -1}}}"#,
        "ContainerSpec: SHM size can not be less than 0",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"SecurityOpt": ["systempaths=unconfined"]}}}"#,
        "ContainerSpec: SecurityOpt \"systempaths=unconfined\" is not supported",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"IpcMode": "container:x"}}}"#,
        "ContainerSpec: invalid IpcMode \"container:x\": must be none, private, shareable, host",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"PidMode": "container:x"}}}"#,
        "ContainerSpec: invalid PidMode \"container:x\": must be host",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"CgroupnsMode": "x"}}}"#,
        "ContainerSpec: invalid CgroupnsMode \"x\": must be private, host",
    ),
    (
        r#"{"Labels": {"swarmlite.container.pid": "x"}}"#,
        "ContainerSpec: invalid PidMode \"x\": must be host",
    ),
    (
        r#"{"Labels": {"swarmlite.container.privileged": "x"}}"#,
        "label swarmlite.container.privileged: invalid boolean value \"x\": must be true or false",
    ),
    (
        r#"{"TaskTemplate": {"PluginSpec": {"Name": "x"}}}"#,
        "unsupported field: TaskTemplate.PluginSpec",
    ),
    (
        r#"{"TaskTemplate": {"NetworkAttachmentSpec": {"ContainerID": "x"}}}"#,
        "unsupported field: TaskTemplate.NetworkAttachmentSpec",
    ),
];

#[test]
fn what_makes_no_sense_is_refused() {
    for (patch, message) in REFUSED {
        let patch = serde_json::from_str(patch).expect("JSON");
        let refused = service_with(&patch).expect_err(message);
        assert_eq!((refused.kind, &*refused.message), (InvalidArgument, *message));
    }
}
