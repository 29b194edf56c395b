//! Each rule once, with Docker's class and words.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::api::InitRequest;
use crate::api::JoinRequest;
use crate::balance::Balancing;
use crate::balance::Scheduler;
use crate::error::ErrorKind;
use crate::error::ErrorKind::InvalidArgument;
use crate::error::ErrorKind::NotImplemented;
use crate::error::ErrorKind::Unknown;
use crate::json;
use crate::spec::ServiceSpec;

/// Puts `patch` over `base`, member by member.
fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

fn service_with(patch: &Value) -> Result<ServiceSpec> {
    let mut body = json!({"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx"}}});
    merge(&mut body, patch);
    json::from_slice(body.to_string().as_bytes()).and_then(service)
}

fn ports(ports: &Value) -> Value {
    json!({"EndpointSpec": {"Ports": ports}})
}

mod container;
mod http;
mod network;

#[test]
fn a_plain_service_is_taken_and_filled_in() {
    let spec = service_with(&json!({})).expect("fine");
    assert_eq!(spec.endpoint_spec, Some(Default::default()));
    assert_eq!(service(spec.clone()), Ok(spec), "what was checked once is not changed again");
}

/// A patch to something that is fine, and the refusal it has to meet.
const SERVICES: &[(&str, ErrorKind, &str)] = &[
    (r#"{"Name": ""}"#, InvalidArgument, "meta: name must be provided"),
    (r#"{"Name": "a b"}"#, InvalidArgument, "name must be valid as a DNS name component"),
    (r#"{"Name": "-a"}"#, InvalidArgument, "name must be valid as a DNS name component"),
    (r#"{"Name": "a_"}"#, InvalidArgument, "name must be valid as a DNS name component"),
    (
        r#"{"Name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
        InvalidArgument,
        "name must be 63 characters or fewer",
    ),
    (
        r#"{"Mode": {"Replicated": {"Replicas": 18446744073709551615}}}"#,
        InvalidArgument,
        "Number of replicas must be non-negative",
    ),
    (
        r#"{"Mode": {"ReplicatedJob": {"MaxConcurrent": 18446744073709551615, "TotalCompletions": 1}}}"#,
        InvalidArgument,
        "Maximum concurrent jobs must not be negative",
    ),
    (
        r#"{"Mode": {"ReplicatedJob": {"TotalCompletions": 18446744073709551615}}}"#,
        InvalidArgument,
        "Total completed jobs must not be negative",
    ),
    (
        r#"{"Mode": {"GlobalJob": {}}, "UpdateConfig": {}}"#,
        InvalidArgument,
        "Jobs may not have an update config",
    ),
    (
        r#"{"Mode": {"ReplicatedJob": {}}, "RollbackConfig": {}}"#,
        InvalidArgument,
        "Jobs may not have a rollback config",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": null}}"#,
        InvalidArgument,
        "TaskSpec: missing container specification",
    ),
    (
        r#"{"TaskTemplate": {"Runtime": "plugin"}}"#,
        InvalidArgument,
        "unsupported field: TaskTemplate.Runtime",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Image": ""}}}"#,
        InvalidArgument,
        "ContainerSpec: image reference must be provided",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Image": "A"}}}"#,
        InvalidArgument,
        "ContainerSpec: \"A\" is not a valid repository/tag",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Isolation": "hyperv"}}}"#,
        InvalidArgument,
        "unsupported field: TaskTemplate.ContainerSpec.Isolation",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"StopGracePeriod": -1}}}"#,
        InvalidArgument,
        "ContainerSpec: StopGracePeriod cannot be negative",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Healthcheck": {"Interval": 999999}}}}"#,
        InvalidArgument,
        "ContainerSpec: Interval in HealthConfig cannot be less than 1ms",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Healthcheck": {"StartInterval": -1}}}}"#,
        InvalidArgument,
        "ContainerSpec: StartInterval in HealthConfig cannot be less than 1ms",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Healthcheck": {"Retries": -1}}}}"#,
        InvalidArgument,
        "ContainerSpec: Retries in HealthConfig cannot be negative",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Readiness": {}}}}"#,
        InvalidArgument,
        "ContainerSpec: Test in Readiness must be [\"CMD\", program, ...], [\"CMD-SHELL\", command], [\"HTTP\", \"port/path\"] or [\"TCP\", \"port\"]",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Readiness": {"Test": ["TCP", "80"], "Timeout": 1}}}}"#,
        InvalidArgument,
        "ContainerSpec: Timeout in Readiness cannot be less than 1ms",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Readiness": {"Test": ["TCP", "80"], "Retries": -1}}}}"#,
        InvalidArgument,
        "ContainerSpec: Retries in Readiness cannot be negative",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Readiness": {"StartInterval": 1000000000}}}}"#,
        InvalidArgument,
        "unsupported field: TaskTemplate.ContainerSpec.Readiness.StartInterval",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a"}, {"Target": "/a/"}]}}}"#,
        InvalidArgument,
        "ContainerSpec: duplicate mount point: /a/",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{}]}}}"#,
        InvalidArgument,
        "ContainerSpec: invalid mount config: field Target must not be empty",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "a"}]}}}"#,
        InvalidArgument,
        "ContainerSpec: invalid mount target, must be an absolute path: a",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Type": "bind"}]}}}"#,
        InvalidArgument,
        "ContainerSpec: invalid mount config for type \"bind\": field Source must not be empty",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Source": "/b"}]}}}"#,
        InvalidArgument,
        "ContainerSpec: \"/b\" includes invalid characters for a local volume name",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Type": "tmpfs", "VolumeOptions": {}}]}}}"#,
        InvalidArgument,
        "ContainerSpec: mount /a has options of another mount type",
    ),
    (
        r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "Type": "cluster"}]}}}"#,
        InvalidArgument,
        "invalid TaskTemplate.ContainerSpec.Mounts[0].Type: \"cluster\"",
    ),
    (
        r#"{"TaskTemplate": {"Resources": {"Limits": {"NanoCPUs": 500000}}}}"#,
        InvalidArgument,
        "invalid cpu value 0.0005: Must be at least 0.001",
    ),
    (
        r#"{"TaskTemplate": {"Resources": {"Reservations": {"MemoryBytes": 1024}}}}"#,
        InvalidArgument,
        "invalid memory value 1024: Must be at least 4MiB",
    ),
    (
        r#"{"TaskTemplate": {"Resources": {"Limits": {"Pids": -1}}}}"#,
        InvalidArgument,
        "invalid pids limit -1: cannot be negative",
    ),
    (
        r#"{"TaskTemplate": {"RestartPolicy": {"Delay": -1}}}"#,
        InvalidArgument,
        "TaskSpec: restart-delay cannot be negative",
    ),
    (
        r#"{"TaskTemplate": {"RestartPolicy": {"Window": -1}}}"#,
        InvalidArgument,
        "TaskSpec: restart-window cannot be negative",
    ),
    (
        r#"{"TaskTemplate": {"Placement": {"Constraints": ["node.role"]}}}"#,
        Unknown,
        "constraint expected one operator from ==, !=",
    ),
    (
        r#"{"TaskTemplate": {"Placement": {"Preferences": [{}]}}}"#,
        InvalidArgument,
        "TaskTemplate: a placement preference needs a spread descriptor",
    ),
    (
        r#"{"TaskTemplate": {"Placement": {"Volumes": "leave"}}}"#,
        InvalidArgument,
        "unknown placement of volumes \"leave\": stay is known",
    ),
    (
        r#"{"TaskTemplate": {"Placement": {"Volumes": "stay"}}}"#,
        InvalidArgument,
        "placement option volumes is stay, but no volume or path of the node is mounted",
    ),
    (
        r#"{"TaskTemplate": {"Placement": {"Affinity": ["db"]}}}"#,
        InvalidArgument,
        "invalid affinity \"db\": it is [soft:]service==NAME or [soft:]service.labels.KEY==VALUE, and may end with over node.labels.KEY, over node.hostname or over node.id",
    ),
    (
        r#"{"TaskTemplate": {"Placement": {"AntiAffinity": ["service==db over zone"]}}}"#,
        InvalidArgument,
        "invalid affinity \"service==db over zone\": it is [soft:]service==NAME or [soft:]service.labels.KEY==VALUE, and may end with over node.labels.KEY, over node.hostname or over node.id",
    ),
    (
        r#"{"TaskTemplate": {"Resources": {"Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": -1}}]}}}}"#,
        InvalidArgument,
        "invalid argument for resource gpu",
    ),
    (
        r#"{"TaskTemplate": {"Networks": [{}]}}"#,
        InvalidArgument,
        "TaskTemplate: a network attachment needs a target",
    ),
    (
        r#"{"UpdateConfig": {"Delay": -1}}"#,
        InvalidArgument,
        "TaskSpec: update-delay cannot be negative",
    ),
    (
        r#"{"UpdateConfig": {"Monitor": -1}}"#,
        InvalidArgument,
        "TaskSpec: update-monitor cannot be negative",
    ),
    (
        r#"{"UpdateConfig": {"MaxFailureRatio": 1.1}}"#,
        InvalidArgument,
        "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1",
    ),
    (
        r#"{"RollbackConfig": {"FailureAction": "rollback"}}"#,
        InvalidArgument,
        "invalid RollbackConfig.FailureAction: \"rollback\"",
    ),
    (
        r#"{"UpdateConfig": {"Order": "sideways"}}"#,
        InvalidArgument,
        "invalid UpdateConfig.Order: \"sideways\"",
    ),
    (
        r#"{"EndpointSpec": {"Mode": "anycast"}}"#,
        InvalidArgument,
        "invalid EndpointSpec.Mode: \"anycast\"",
    ),
    (
        r#"{"EndpointSpec": {"Mode": "dnsrr", "Ports": [{"TargetPort": 80}]}}"#,
        InvalidArgument,
        "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
    ),
    (
        r#"{"EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 80}, {"TargetPort": 81, "PublishedPort": 80, "PublishMode": "host"}]}}"#,
        InvalidArgument,
        "EndpointSpec: duplicate published ports provided",
    ),
    (
        r#"{"EndpointSpec": {"Ports": [{"PublishedPort": 80}]}}"#,
        InvalidArgument,
        "EndpointSpec: TargetPort must be between 1 and 65535",
    ),
    (
        r#"{"EndpointSpec": {"Ports": [{"TargetPort": 80, "Protocol": "sctp"}]}}"#,
        NotImplemented,
        "EndpointSpec: protocol sctp is not supported yet, only tcp and udp are",
    ),
    (
        r#"{"EndpointSpec": {"Options": {"weight": "3"}}}"#,
        InvalidArgument,
        "EndpointSpec.Options: unknown endpoint option \"weight\": scheduler and sticky are known",
    ),
    (
        r#"{"EndpointSpec": {"Options": {"scheduler": "wlc"}}}"#,
        InvalidArgument,
        "EndpointSpec.Options: unknown scheduler \"wlc\": rr, wrr, lc, mh and sh are known",
    ),
    (
        r#"{"EndpointSpec": {"Options": {"sticky": "0s"}}}"#,
        InvalidArgument,
        "EndpointSpec.Options: invalid sticky \"0s\": whole seconds from 1s to 744h are possible, such as 10m",
    ),
    (
        r#"{"EndpointSpec": {"Mode": "dnsrr", "Options": {"sticky": "10m"}}}"#,
        InvalidArgument,
        "EndpointSpec: endpoint option sticky can't be used with dnsrr mode",
    ),
    (
        r#"{"EndpointSpec": {"Mode": "dnsrr"}, "Labels": {"swarmlite.endpoint.scheduler": "sh"}}"#,
        InvalidArgument,
        "EndpointSpec: endpoint option scheduler can't be used with dnsrr mode",
    ),
    (
        r#"{"Labels": {"swarmlite.endpoint.weight": "3"}}"#,
        InvalidArgument,
        "label swarmlite.endpoint.weight: unknown endpoint option \"weight\": scheduler and sticky are known",
    ),
    (
        r#"{"Labels": {"swarmlite.endpoint.sticky": "600"}}"#,
        InvalidArgument,
        "label swarmlite.endpoint.sticky: invalid sticky \"600\": whole seconds from 1s to 744h are possible, such as 10m",
    ),
    (
        r#"{"EndpointSpec": {"Options": {"sticky": "10m"}}, "Labels": {"swarmlite.endpoint.sticky": "5m"}}"#,
        InvalidArgument,
        "endpoint option sticky is 10m, but label swarmlite.endpoint.sticky is 5m",
    ),
];

#[test]
fn options_and_labels_ask_for_the_same_balancing() {
    let by_option = json!({"EndpointSpec": {"Options": {"scheduler": "sh", "sticky": "90s"}}});
    let by_labels = json!({"Labels": {"swarmlite.endpoint.scheduler": "sh", "swarmlite.endpoint.sticky": "1m30s"}});
    let mut by_both = by_option.clone();
    merge(&mut by_both, &by_labels);
    for body in [by_option, by_labels, by_both] {
        let spec = service_with(&body).expect("fine");
        let expected = Balancing { scheduler: Scheduler::Sh, sticky: Some(90) };
        assert_eq!(spec.endpoint_options().expect("fine").balancing(), expected, "{body}");
    }
}

#[test]
fn without_options_the_endpoint_has_dockers_form() {
    let patch = json!({"EndpointSpec": {"Options": {}}});
    for spec in [service_with(&json!({})), service_with(&patch)] {
        let spec = serde_json::to_value(spec.expect("fine")).expect("serializes");
        assert_eq!(spec["EndpointSpec"], json!({"Mode": "vip"}));
    }
}

#[test]
fn services_are_refused_in_dockers_words() {
    for &(patch, kind, message) in SERVICES {
        let patch: Value = serde_json::from_str(patch).expect("JSON");
        let refused = service_with(&patch).expect_err(message);
        assert_eq!((refused.kind, refused.message.as_str()), (kind, message), "{patch}");
    }
}

#[test]
fn ports_that_do_not_clash_are_taken() {
    for fine in [
        json!([{"TargetPort": 80}, {"TargetPort": 81}]),
        json!([{"TargetPort": 80, "PublishedPort": 80}, {"TargetPort": 80, "PublishedPort": 80, "Protocol": "udp"}]),
    ] {
        assert!(service_with(&ports(&fine)).is_ok(), "{fine}");
    }
    let dnsrr = json!({"EndpointSpec": {"Mode": "dnsrr", "Ports": [{"TargetPort": 80, "PublishMode": "host"}]}});
    assert!(service_with(&dnsrr).is_ok());
}

#[test]
fn made_up_names_are_names() {
    let mut rng = StdRng::seed_from_u64(1);
    for attempt in [0, 0, 0, 1, 5, 20] {
        let name = name::random(&mut rng, attempt);
        assert_eq!(name::check(&name), Ok(()), "{name}");
        assert!(name.contains('_'), "{name}");
    }
}

/// A patch to something that is fine, and the refusal it has to meet.
const CLUSTERS: &[(&str, ErrorKind, &str)] = &[
    (r#"{"ListenAddr": ""}"#, InvalidArgument, "invalid ListenAddr \"\": missing port in address"),
    (r#"{"Availability": "away"}"#, InvalidArgument, "invalid Availability: \"away\""),
    (
        r#"{"DataPathPort": 80}"#,
        Unknown,
        "Datapath port number is not in valid range (1024-49151) : 80",
    ),
    (
        r#"{"Spec": {"Http": {"Port": 80, "TLSPort": 80}}}"#,
        InvalidArgument,
        "HTTP with and without TLS cannot have the same port 80",
    ),
    (
        r#"{"Spec": {"Http": {"TLSPort": 2377}}}"#,
        InvalidArgument,
        "HTTP cannot have port 2377, which is that of managers",
    ),
    (r#"{"SubnetSize": 30}"#, Unknown, "subnet size is out of range: 30"),
    (r#"{"DefaultAddrPool": ["10.0.0.0"]}"#, Unknown, "invalid base pool 10.0.0.0: not a CIDR"),
    (
        r#"{"DefaultAddrPool": ["10.0.0.0/26"]}"#,
        Unknown,
        "invalid CIDR: \"10.0.0.0/26\". Subnet size is too small for pool: 24",
    ),
    (r#"{"Spec": {"Name": "mine"}}"#, InvalidArgument, "swarm spec must be named \"default\""),
    (
        r#"{"Spec": {"CAConfig": {"NodeCertExpiry": 1}}}"#,
        InvalidArgument,
        "minimum certificate expiry time is: 1h0m0s",
    ),
    (
        r#"{"Spec": {"Dispatcher": {"HeartbeatPeriod": -1}}}"#,
        InvalidArgument,
        "heartbeat time period cannot be a negative duration",
    ),
    (
        r#"{"Spec": {"CAConfig": {"ExternalCAs": [{"Protocol": "acme", "URL": "https://ca"}]}}}"#,
        InvalidArgument,
        "unrecognized external CA protocol: \"acme\"",
    ),
    (
        r#"{"Spec": {"CAConfig": {"ExternalCAs": [{"Protocol": "cfssl", "URL": "http://ca"}]}}}"#,
        InvalidArgument,
        "invalid external CA URL \"http://ca\": https://HOST/PATH is needed",
    ),
    (
        r#"{"Spec": {"CAConfig": {"ExternalCAs": [{"URL": "https://ca", "Options": {"a": "b"}}]}}}"#,
        InvalidArgument,
        "unsupported field: ExternalCA.Options.a",
    ),
];

#[test]
fn clusters_are_refused_in_dockers_words() {
    for &(patch, kind, message) in CLUSTERS {
        let patch: Value = serde_json::from_str(patch).expect("JSON");
        let mut body = json!({"ListenAddr": "0.0.0.0:2377"});
        merge(&mut body, &patch);
        let request: InitRequest = json::from_slice(body.to_string().as_bytes()).expect("reads");
        assert_eq!(
            init(&request),
            Err(Error { kind, message: message.to_owned(), reason: None }),
            "{patch}"
        );
    }
    let fine = InitRequest { listen_addr: "0.0.0.0:2377".to_owned(), ..InitRequest::default() };
    assert_eq!(init(&fine), Ok(()));
    let nowhere = JoinRequest { listen_addr: "0.0.0.0:2377".to_owned(), ..JoinRequest::default() };
    let message = "at least 1 RemoteAddr is required to join";
    assert_eq!(join(&nowhere), Err(Error::invalid(message)));
}
