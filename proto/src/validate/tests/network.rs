//! Networks of the cluster.

use serde_json::Value;
use serde_json::json;

use super::merge;
use crate::api::NetworkCreateRequest;
use crate::error::ErrorKind;
use crate::error::ErrorKind::InvalidArgument;
use crate::error::ErrorKind::NotImplemented;
use crate::error::ErrorKind::PermissionDenied;
use crate::error::Result;
use crate::json;
use crate::spec::NetworkSpec;
use crate::validate::network;

fn network_with(patch: &Value) -> Result<NetworkSpec> {
    let mut body = json!({"Name": "back", "Driver": "overlay"});
    merge(&mut body, patch);
    json::from_slice::<NetworkCreateRequest>(body.to_string().as_bytes()).and_then(network)
}

/// A patch to something that is fine, and the refusal it has to meet.
const NETWORKS: &[(&str, ErrorKind, &str)] = &[
    (
        r#"{"Name": "host"}"#,
        PermissionDenied,
        "host is a pre-defined network and cannot be created",
    ),
    (r#"{"Name": ""}"#, InvalidArgument, "meta: name must be provided"),
    (r#"{"Name": "a b"}"#, InvalidArgument, "name must be valid as a DNS name component"),
    (r#"{"Driver": "weave"}"#, InvalidArgument, "plugin weave not supported"),
    (
        r#"{"Driver": "bridge", "Ingress": true}"#,
        NotImplemented,
        "only overlay driver is currently supported for ingress network",
    ),
    (
        r#"{"Ingress": true, "Attachable": true}"#,
        InvalidArgument,
        "ingress network cannot be attachable",
    ),
    (
        r#"{"EnableIPv4": false}"#,
        InvalidArgument,
        "IPv4 cannot be disabled in a Swarm scoped network",
    ),
    (r#"{"EnableIPv6": true}"#, InvalidArgument, "unsupported field: EnableIPv6"),
    (r#"{"Options": {"encrypted": ""}}"#, InvalidArgument, "unsupported field: Options.encrypted"),
    (r#"{"ConfigFrom": {"Network": "x"}}"#, InvalidArgument, "unsupported field: ConfigFrom"),
    (
        r#"{"Labels": {"com.docker.swarm.predefined": "1"}}"#,
        PermissionDenied,
        "label com.docker.swarm.predefined is reserved",
    ),
    (r#"{"IPAM": {"Driver": "dhcp"}}"#, InvalidArgument, "unsupported field: IPAM.Driver"),
    (
        r#"{"IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}, {"Subnet": "10.2.0.0/24"}]}}"#,
        InvalidArgument,
        "invalid network config: several subnets in one network are not supported",
    ),
    (
        r#"{"IPAM": {"Config": [{"Subnet": "10.1.0.1/24"}]}}"#,
        InvalidArgument,
        "invalid network config: invalid subnet 10.1.0.1/24: it should be 10.1.0.0/24",
    ),
    (
        r#"{"IPAM": {"Config": [{"Subnet": "10.1.0.0/30"}]}}"#,
        InvalidArgument,
        "invalid network config: invalid subnet 10.1.0.0/30: its prefix may be 29 bits long at most",
    ),
    (
        r#"{"IPAM": {"Config": [{"Subnet": "fd00::/64"}]}}"#,
        InvalidArgument,
        "invalid network config: invalid subnet fd00::/64: IPv6 is not supported",
    ),
    (
        r#"{"IPAM": {"Config": [{"Gateway": "10.1.0.1"}]}}"#,
        InvalidArgument,
        "invalid network config: a range, a gateway or an auxiliary address needs a subnet",
    ),
    (
        r#"{"IPAM": {"Config": [{"Subnet": "10.1.0.0/24", "IPRange": "10.2.0.0/25"}]}}"#,
        InvalidArgument,
        "invalid network config: subnet 10.1.0.0/24 does not contain range 10.2.0.0/25",
    ),
    (
        r#"{"IPAM": {"Config": [{"Subnet": "10.1.0.0/24", "Gateway": "10.2.0.1"}]}}"#,
        InvalidArgument,
        "invalid network config: subnet 10.1.0.0/24 does not contain gateway 10.2.0.1",
    ),
];

#[test]
fn networks_are_refused_in_dockers_words() {
    for &(patch, kind, message) in NETWORKS {
        let patch: Value = serde_json::from_str(patch).expect("JSON");
        let refused = network_with(&patch).expect_err(message);
        assert_eq!((refused.kind, refused.message.as_str()), (kind, message), "{patch}");
    }
}

#[test]
fn what_the_docker_cli_sends_for_a_network_is_taken() {
    let spec = network_with(&json!({"IPAM": {"Driver": "default", "Options": {}, "Config": []},
        "EnableIPv4": true, "EnableIPv6": false, "ConfigFrom": null, "CheckDuplicate": true, "Options": {}}));
    assert_eq!(spec.expect("fine").ipam, None);
    let spec = network_with(
        &json!({"IPAM": {"Config": [{"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1"}]}}),
    );
    assert!(spec.expect("fine").ipam.is_some());
}
