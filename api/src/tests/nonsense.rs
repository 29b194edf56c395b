//! Bodies that nobody should send: valid ones with something wrong in them, drawn from a seed. They are refused or taken, and nothing breaks.

use std::collections::BTreeMap;

use rand::RngExt;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoiled_json;

use super::*;

/// To how many nodes, one after the other, requests go.
const NODES: u64 = 10;

/// How many of them go to one node: what it took of them is there for the next.
const PER_NODE: u64 = 100;

/// What is answered with 500 or 503 as Docker does, for want of a type of its own or because a swarm or the engine is missing. Whatever else is a fault.
const DOCKERS_OWN: [&str; 6] = [
    "not found",
    "update out of sequence",
    "invalid base pool",
    "subnet size is out of range",
    "This node is not a swarm manager",
    "Cannot connect to the Docker daemon",
];

/// What is asked of a node that is in no swarm.
const FIRST_CALLS: [&str; 3] = ["/swarm/init", "/swarm/join", "/swarm/unlock"];

fn valid() -> Vec<(&'static str, Value)> {
    let service = json!({
        "Name": "web", "Labels": {"a": "b"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "nginx", "Env": ["A=B"], "Command": ["x"], "Hosts": ["10.0.0.1 a"], "StopGracePeriod": 1_000_000_000,
                "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "BindOptions": {"Propagation": "rprivate"}}],
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000_000, "Retries": 3},
                "DNSConfig": {"Nameservers": ["10.0.0.2"], "Search": ["a.b"]},
                "Sysctls": {"net.core.somaxconn": "10"}, "CapabilityAdd": ["CAP_NET_ADMIN"], "Isolation": "default",
            },
            "Resources": {"Limits": {"NanoCPUs": 1, "MemoryBytes": 10_000_000, "Pids": 5},
                "Reservations": {"NanoCPUs": 1, "GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}]}},
            "RestartPolicy": {"Condition": "any", "Delay": 1, "MaxAttempts": 2, "Window": 3},
            "Placement": {"Constraints": ["node.role==worker"], "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.a"}}],
                "MaxReplicas": 3, "Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
            "Networks": [{"Target": "net", "Aliases": ["a"]}], "ForceUpdate": 1, "LogDriver": {"Name": "none", "Options": {"a": "b"}},
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {"Parallelism": 1, "Delay": 1, "FailureAction": "pause", "Monitor": 5, "MaxFailureRatio": 0.5, "Order": "start-first"},
        "RollbackConfig": {"Parallelism": 1, "Order": "stop-first"},
        "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}]},
    });
    let network = json!({
        "Name": "net", "Driver": "overlay", "Attachable": true, "Internal": false, "Scope": "swarm", "Labels": {"a": "b"}, "Options": {"c": "d"},
        "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.5.0.0/24", "Gateway": "10.5.0.1", "IPRange": "10.5.0.0/25"}]},
    });
    let swarm = serde_json::to_value(SwarmSpec::defaults()).expect("serializes");
    vec![
        ("/services/create", service.clone()),
        ("/services/first/update?version=3", service),
        ("/networks/create", network),
        ("/secrets/create", json!({"Name": "s", "Labels": {"a": "b"}, "Data": "YQ=="})),
        ("/configs/create", json!({"Name": "c", "Data": "YQ==", "Templating": {"Name": "golang"}})),
        (
            "/nodes/worker/update?version=1",
            json!({"Role": "worker", "Availability": "drain", "Labels": {"a": "b"}, "Name": "n"}),
        ),
        ("/swarm/update?version=1", swarm.clone()),
        (
            "/swarm/init",
            json!({"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "10.9.0.1", "DefaultAddrPool": ["10.0.0.0/8"],
            "SubnetSize": 24, "DataPathPort": 4789, "Spec": swarm}),
        ),
        (
            "/swarm/join",
            json!({"ListenAddr": "0.0.0.0:2377", "RemoteAddrs": ["10.9.0.1:2377"], "JoinToken": "SWMTKN-1-a-b"}),
        ),
        ("/swarm/unlock", json!({"UnlockKey": "SWMKEY-1-a"})),
    ]
}

#[tokio::test]
async fn no_body_breaks_anything() {
    let valid = valid();
    let mut broken = BTreeMap::new();
    for mut case in cases(NODES) {
        let manager = Lab::manager();
        let alone = Lab::not_manager(LocalNodeState::Inactive, Path::new("/nowhere"));
        let first = json!({"Name": "first", "TaskTemplate": {"ContainerSpec": {"Image": "nginx"}}});
        assert_eq!(manager.post("/services/create", &first).await.status, 201);
        for _ in 0..PER_NODE {
            let (path, body) = &valid[case.random_range(0..valid.len())];
            let sent = spoiled_json(&mut case, body);
            let request = Request::post(*path)
                .header("Content-Type", "application/json")
                .header(contract::AS_GO_READS_IT, "nonsense");
            let lab = if FIRST_CALLS.contains(path) { &alone } else { &manager };
            let reply = lab.send(request.body(Body::from(sent.clone())).expect("a request")).await;
            let text = String::from_utf8_lossy(&sent).into_owned();
            let docker_does = DOCKERS_OWN.iter().any(|known| reply.message().contains(known));
            if !(200..500).contains(&reply.status) && !docker_does {
                broken
                    .insert((*path, reply.status, reply.message().to_owned()), (case.number, text));
            }
        }
        for path in ["/services", "/networks", "/nodes", "/secrets", "/configs", "/swarm", "/tasks"]
        {
            assert_eq!(manager.get(path).await.status, 200, "{path}");
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
