//! Members that stay, members that go, and labels that stand for them.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::json::from_slice;

/// Every one of the members.
fn all() -> Value {
    json!({
        "Devices": [{
            "PathOnHost": "/dev/null", "PathInContainer": "/dev/xnull", "CgroupPermissions": "rw",
        }],
        "DeviceCgroupRules": ["c 13:* rwm"],
        "DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}],
        "Privileged": true,
        "ShmSize": 64 << 20,
        "SecurityOpt": ["apparmor=unconfined"],
        "IpcMode": "host",
        "PidMode": "host",
        "CgroupParent": "/batch",
        "CgroupnsMode": "host",
        "Runtime": "runsc",
    })
}

fn container(json: &Value) -> ContainerSpec {
    from_slice(json.to_string().as_bytes()).expect("a container")
}

#[test]
fn what_an_update_does_not_name_stays() {
    let old = container(&all());
    let mut new = container(&json!({"Image": "other"}));
    new.keep_extensions(&old);
    assert_eq!(new, ContainerSpec { image: "other".to_owned(), ..old });
}

#[test]
fn what_an_update_empties_goes() {
    let old = container(&all());
    let Value::Object(members) = all() else { panic!("an object") };
    for (name, value) in members {
        let empty = match value {
            Value::Array(_) => json!([]),
            Value::Bool(_) => json!(false),
            Value::Number(_) => json!(0),
            _ => json!(""),
        };
        let mut new = container(&json!({ &name: empty }));
        new.keep_extensions(&old);
        new.drop_empty_extensions();
        let left = serde_json::to_value(&new).expect("serializes");
        assert_eq!(left.get(&name), None, "{name}");
        let kept = left.as_object().expect("an object").len();
        assert_eq!(kept, ContainerOption::ALL.len(), "all others, and the image: {left}");
    }
}

fn service(labels: &[(&str, &str)], container: &Value) -> ServiceSpec {
    let labels: serde_json::Map<String, Value> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let body = json!({"Labels": labels, "TaskTemplate": {"ContainerSpec": container}});
    from_slice(body.to_string().as_bytes()).expect("a service")
}

#[test]
fn a_label_stands_for_every_member() {
    let labels = [
        ("swarmlite.container.device", "/dev/null:/dev/xnull:rw"),
        ("swarmlite.container.device-cgroup-rule", "c 13:* rwm"),
        ("swarmlite.container.gpus", "all"),
        ("swarmlite.container.privileged", "true"),
        ("swarmlite.container.shm-size", "64m"),
        ("swarmlite.container.security-opt", "apparmor=unconfined"),
        ("swarmlite.container.ipc", "host"),
        ("swarmlite.container.pid", "host"),
        ("swarmlite.container.cgroup-parent", "/batch"),
        ("swarmlite.container.cgroupns", "host"),
        ("swarmlite.container.runtime", "runsc"),
        ("unrelated", "x"),
    ];
    let task = service(&labels, &json!({})).task().expect("a task");
    assert_eq!(task.container_spec, Some(container(&all())));
    service(&labels, &all()).task().expect("both say the same");
}

#[test]
fn labels_are_refused_by_name() {
    for (label, value, container, message) in [
        (
            "swarmlite.container.colour",
            "red",
            json!({}),
            "label swarmlite.container.colour: unknown container option \"colour\": device, device-cgroup-rule, gpus, privileged, shm-size, security-opt, ipc, pid, cgroup-parent, cgroupns, runtime are known",
        ),
        (
            "swarmlite.container.shm-size",
            "huge",
            json!({}),
            "label swarmlite.container.shm-size: invalid size: 'huge'",
        ),
        (
            "swarmlite.container.privileged",
            "yes",
            json!({}),
            "label swarmlite.container.privileged: invalid boolean value \"yes\": must be true or false",
        ),
        (
            "swarmlite.container.pid",
            "host",
            json!({"PidMode": "x"}),
            "container option pid is x, but label swarmlite.container.pid is host",
        ),
    ] {
        let refused = service(&[(label, value)], &container).task().expect_err("refused");
        assert_eq!(refused, Error::invalid(message));
    }
}
