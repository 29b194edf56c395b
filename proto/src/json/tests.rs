//! What clients may write, and what they are told.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::InitRequest;
use crate::balance::Scheduler;
use crate::spec::ContainerSpec;
use crate::spec::EndpointMode;
use crate::spec::EndpointOptions;
use crate::spec::EndpointSpec;
use crate::spec::Labels;
use crate::spec::NodeRole;
use crate::spec::NodeSpec;
use crate::spec::PortConfig;
use crate::spec::PortProtocol;
use crate::spec::RestartCondition;
use crate::spec::RestartPolicy;
use crate::spec::ServiceMode;
use crate::spec::ServiceSpec;
use crate::spec::UpdateConfig;
use crate::testing::cases;
use crate::testing::spoiled_json;
use crate::time::Nanoseconds;
use crate::validate;
use crate::value::http;

fn read<T: DeserializeOwned>(json: &Value) -> Result<T> {
    from_slice(json.to_string().as_bytes())
}

#[test]
fn names_match_whatever_their_case() {
    let spec: ServiceSpec = read(&json!({
        "name": "web", "LABELS": {"Key": "Value", "key": "other"},
        "Mode": {"replicated": {"rePLicas": 2}},
        "taskTemplate": {"containerspec": {"image": "nginx", "tty": true}},
    }))
    .expect("reads");
    assert_eq!(spec.name, "web");
    assert_eq!(spec.mode, ServiceMode::Replicated { replicas: 2 });
    assert_eq!(spec.labels["Key"], "Value");
    assert_eq!(spec.labels["key"], "other", "keys of maps are data");
    let container = spec.task_template.container_spec.expect("a container");
    assert_eq!((container.image.as_str(), container.tty), ("nginx", true));
}

#[test]
fn null_is_the_same_as_absent() {
    let spec: ServiceSpec = read(&json!({
        "Name": null, "Labels": null, "Mode": null, "EndpointSpec": null, "Nonsense": null,
        "TaskTemplate": {"ContainerSpec": {"Env": [null], "Labels": {"a": null}}, "ForceUpdate": null},
        "UpdateConfig": {"Order": null, "FailureAction": ""},
    }))
    .expect("reads");
    let container = ContainerSpec {
        env: vec![String::new()],
        labels: Labels::from([("a".to_owned(), String::new())]),
        ..ContainerSpec::default()
    };
    let mut expected =
        ServiceSpec { update_config: Some(UpdateConfig::default()), ..ServiceSpec::default() };
    expected.task_template.container_spec = Some(container);
    assert_eq!(spec, expected);
    assert_eq!(from_slice::<NodeSpec>(b"null"), Ok(NodeSpec::default()));
}

#[test]
fn what_the_docker_cli_sends_for_init_reads() {
    let request: InitRequest = read(&json!({
        "ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "", "DataPathAddr": "", "DataPathPort": 0,
        "ForceNewCluster": false, "AutoLockManagers": false, "Availability": "",
        "DefaultAddrPool": null, "SubnetSize": 24,
        "Spec": {"Labels": null, "Orchestration": {}, "Dispatcher": {}, "EncryptionConfig": {"AutoLockManagers": false},
            "Raft": {"ElectionTick": 0, "HeartbeatTick": 0}, "CAConfig": {"ExternalCAs": []}, "TaskDefaults": {}},
    }))
    .expect("reads");
    assert_eq!(request.listen_addr, "0.0.0.0:2377");
}

#[test]
fn empty_unknown_members_are_tolerated_and_others_refused_by_path() {
    let empty = json!({"TaskTemplate": {"ContainerSpec": {
        "Privileges": {"CredentialSpec": null, "SELinuxContext": {"Disable": false, "User": ""}},
        "Secrets": [], "Configs": null}}});
    assert!(read::<ServiceSpec>(&empty).is_ok());

    let one = json!({"TaskTemplate": {"ContainerSpec": {"Secrets": [{"Colour": "red"}]}}});
    assert_eq!(
        read::<ServiceSpec>(&one),
        Err(Error::invalid("unsupported field: TaskTemplate.ContainerSpec.Secrets[0].Colour"))
    );
    let two = json!({"EndpointSpec": {"Ports": [{}, {"Colour": "red"}]}, "Weather": {"Sun": true}});
    assert_eq!(
        read::<ServiceSpec>(&two),
        Err(Error::invalid("unsupported fields: EndpointSpec.Ports[1].Colour, Weather"))
    );
    assert!(peek::<ServiceSpec>(two.to_string().as_bytes()).is_ok());
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let cases = [
        (
            json!({"Mode": {"Replicated": {}, "Global": {}}}),
            "Mode: must specify only one service mode",
        ),
        (
            json!({"TaskTemplate": {"RestartPolicy": {"Condition": "maybe"}}}),
            "invalid TaskTemplate.RestartPolicy.Condition: \"maybe\"",
        ),
        (
            json!({"TaskTemplate": {"ContainerSpec": {"Args": ["a", 1]}}}),
            "invalid JSON: TaskTemplate.ContainerSpec.Args[1]: invalid type: integer `1`, expected a string",
        ),
        (
            json!({"EndpointSpec": {"Ports": [{"PublishedPort": 70000}]}}),
            "invalid JSON: EndpointSpec.Ports[0].PublishedPort: invalid value: integer `70000`, expected u16",
        ),
        (json!({"Labels": []}), "invalid JSON: Labels: invalid type: sequence, expected a map"),
        (json!({"Name": "a", "NAME": "b"}), "invalid JSON: Name: given twice, in different case"),
        (json!([]), "invalid JSON: invalid type: sequence, expected struct ServiceSpec"),
        (
            json!({"Name": true}),
            "invalid JSON: Name: invalid type: boolean `true`, expected a string",
        ),
    ];
    for (body, text) in cases {
        let refused = read::<ServiceSpec>(&body).expect_err("wrong");
        assert!(refused.message.contains(text), "{body}: {refused}");
    }
    let node = read::<NodeSpec>(&json!({"Role": "boss"}));
    assert_eq!(node, Err(Error::invalid("invalid Role: \"boss\"")));
}

#[test]
fn what_is_not_one_document_is_refused() {
    let cases = [
        (&b""[..], "invalid JSON: got EOF while reading request body"),
        (b" \n", "invalid JSON: got EOF while reading request body"),
        (b"{", "invalid JSON: "),
        (b"{} {}", "unexpected content after JSON"),
        (b"{} x", "unexpected content after JSON"),
    ];
    for (body, text) in cases {
        let refused = from_slice::<NodeSpec>(body).expect_err("wrong");
        assert!(refused.message.starts_with(text), "{refused}");
    }
}

#[test]
fn enumerations_match_whatever_their_case() {
    let spec: NodeSpec = read(&json!({"Role": "Manager", "Availability": ""})).expect("reads");
    assert_eq!(spec.role, NodeRole::Manager);
}

prop_compose! {
    fn any_spec()(
        name in "[a-z]{0,8}",
        labels in proptest::collection::btree_map("[a-zA-Z.]{1,6}", ".{0,6}", 0..4),
        env in proptest::collection::vec("[A-Z]=.{0,5}", 0..4),
        replicas in any::<u64>(),
        global in any::<bool>(),
        ports in proptest::collection::vec((1..u16::MAX, any::<u16>(), any::<bool>()), 0..4),
        restart in proptest::option::of((any::<i64>(), any::<u64>())),
        quarters in 0..=4_u8,
        dnsrr in any::<bool>(),
        sticky in proptest::option::of(1..2_000_000_u32),
        rule in proptest::option::of("[a-z]{1,5}/[a-z]{0,5},port=[1-9]{1,4}(,sticky=[1-9]h)?"),
    ) -> ServiceSpec {
        let ports = ports.into_iter().map(|(target_port, published_port, udp)| PortConfig {
            protocol: if udp { PortProtocol::Udp } else { PortProtocol::Tcp },
            target_port, published_port, ..PortConfig::default()
        }).collect();
        let mode = if dnsrr { EndpointMode::DnsRr } else { EndpointMode::Vip };
        let options = sticky.map(|seconds| {
            let sticky = format!("{seconds}s").parse().ok();
            EndpointOptions { scheduler: Some(Scheduler::Sh), sticky }
        });
        let http = rule.map(|rule| vec![http::parse(&rule).expect("a rule")]);
        let mut spec = ServiceSpec {
            name, labels: labels.clone(),
            mode: if global { ServiceMode::Global } else { ServiceMode::Replicated { replicas } },
            endpoint_spec: Some(EndpointSpec { mode, ports, options, http }),
            update_config: Some(UpdateConfig { max_failure_ratio: f64::from(quarters) / 4.0, ..UpdateConfig::default() }),
            ..ServiceSpec::default()
        };
        spec.task_template.container_spec = Some(ContainerSpec { env, labels, ..ContainerSpec::default() });
        spec.task_template.restart_policy = restart.map(|(delay, attempts)| RestartPolicy {
            condition: RestartCondition::OnFailure,
            delay: Some(Nanoseconds(delay)), max_attempts: Some(attempts), window: None,
        });
        spec
    }
}

/// Changes the case of members, but not that of keys in `Labels` and `Options`, by the bits of `seed`.
fn shuffle_case(value: &Value, seed: &mut u64) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(|one| shuffle_case(one, seed)).collect(),
        Value::Object(members) => {
            let shuffled = members.iter().map(|(name, value)| {
                let is_data = matches!(name.as_str(), "Labels" | "Options");
                let value = if is_data { value.clone() } else { shuffle_case(value, seed) };
                let recase = |letter: char| {
                    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if *seed >> 63 == 0 {
                        letter.to_ascii_lowercase()
                    } else {
                        letter.to_ascii_uppercase()
                    }
                };
                (name.chars().map(recase).collect(), value)
            });
            Value::Object(shuffled.collect())
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    #[test]
    fn any_spec_reads_back_in_any_case(spec in any_spec(), mut seed in any::<u64>()) {
        let json = serde_json::to_value(&spec).expect("serializes");
        prop_assert_eq!(read::<ServiceSpec>(&shuffle_case(&json, &mut seed)), Ok(spec));
    }
}

#[test]
fn nothing_in_a_spec_breaks_anything() {
    let rule = "shop.example.com/cart,port=8080,sticky=1h,rate=5/m,header=a:b";
    let spec = json!({
        "Name": "web", "Labels": {"swarmlite.http.shop": rule},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "nginx", "StopGracePeriod": 5, "Mounts": [{"Type": "tmpfs", "Target": "/t"}], "Hosts": ["10.0.0.1 a"]},
            "RestartPolicy": {"Condition": "any", "Delay": 1, "Window": 3},
            "Placement": {"Constraints": ["node.role==worker"], "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.a"}}]},
            "Networks": [{"Target": "net"}],
        },
        "Mode": {"Replicated": {"Replicas": 2}}, "UpdateConfig": {"Parallelism": 1, "Monitor": 5, "MaxFailureRatio": 0.5},
        "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}], "HTTP": []},
    });
    let mut taken = 0;
    for mut case in cases(500) {
        let body = spoiled_json(&mut case, &spec);
        let Ok(read) = from_slice::<ServiceSpec>(&body) else { continue };
        let refused = validate::service(read.clone()).is_err();
        taken += u32::from(!refused && read.http_rules().is_ok());
    }
    assert!(taken > 0, "some of what is wrong does no harm");
}
