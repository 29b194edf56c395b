//! From the engine's answers to what tasks need to know. Pure.

use std::collections::BTreeSet;

use bollard::models::ContainerInspectResponse;
use bollard::models::ContainerState;
use bollard::models::ContainerStateStatusEnum as Status;
use bollard::models::HealthStatusEnum;
use bollard::models::NetworkSettings;
use bollard::models::SystemInfo;
use swarmlite_proto::object::EngineDescription;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::object::PluginDescription;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;

use crate::task::runtime::ContainerInfo;
use crate::task::step::Container;
use crate::task::step::Health;

/// Billionths in one processor.
const NANO: i64 = 1_000_000_000;

/// What the engine's `GET /info` says about the node.
pub(super) fn description(info: SystemInfo) -> NodeDescription {
    let labels = info.labels.unwrap_or_default().into_iter().map(|label| {
        let (key, value) = label.split_once('=').unwrap_or((&label, ""));
        (key.to_owned(), value.to_owned())
    });
    let drivers = info.plugins.unwrap_or_default();
    let kinds = [("Log", drivers.log), ("Network", drivers.network), ("Volume", drivers.volume)];
    let plugins: BTreeSet<PluginDescription> = kinds
        .into_iter()
        .flat_map(|(kind, names)| {
            let plugin = |name| PluginDescription { kind: kind.to_owned(), name };
            names.unwrap_or_default().into_iter().map(plugin)
        })
        .collect();
    NodeDescription {
        hostname: info.name.unwrap_or_default(),
        platform: Platform {
            architecture: info.architecture.unwrap_or_default(),
            os: info.os_type.unwrap_or_default(),
        },
        resources: NodeResources {
            nano_cpus: info.ncpu.unwrap_or_default().saturating_mul(NANO),
            memory_bytes: info.mem_total.unwrap_or_default(),
            generic_resources: Vec::new(),
        },
        engine: EngineDescription {
            engine_version: info.server_version.unwrap_or_default(),
            labels: labels.collect(),
            plugins: plugins.into_iter().collect(),
        },
        ..NodeDescription::default()
    }
}

/// What the engine's `GET /containers/{id}/json` says about a container.
pub(super) fn container(inspected: ContainerInspectResponse) -> ContainerInfo {
    let state = inspected.state.unwrap_or_default();
    let settings = inspected.network_settings.unwrap_or_default();
    ContainerInfo {
        id: inspected.id.unwrap_or_default(),
        pid: state.pid.unwrap_or_default(),
        exit_code: state.exit_code.unwrap_or_default(),
        state: container_state(&state),
        host_ports: host_ports(&settings),
        networks: networks(settings),
    }
}

fn container_state(state: &ContainerState) -> Container {
    match state.status.unwrap_or(Status::EMPTY) {
        Status::CREATED => Container::Created,
        Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING => {
            Container::Running(health(state))
        }
        Status::EMPTY | Status::REMOVING | Status::EXITED | Status::DEAD => Container::Exited {
            exit_code: state.exit_code.unwrap_or_default(),
            error: state.error.clone().unwrap_or_default(),
        },
    }
}

fn health(state: &ContainerState) -> Health {
    match state.health.as_ref().and_then(|health| health.status) {
        None | Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE) => Health::Unchecked,
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
    }
}

/// The networks by what the engine calls them: before the first start it may know only one of name and id.
fn networks(settings: NetworkSettings) -> Vec<String> {
    let named = settings.networks.unwrap_or_default().into_iter();
    named
        .flat_map(|(name, endpoint)| [Some(name), endpoint.network_id])
        .flatten()
        .filter(|network| !network.is_empty())
        .collect()
}

/// The engine lists each port once per address family.
fn host_ports(settings: &NetworkSettings) -> Vec<PortConfig> {
    let mut ports = BTreeSet::new();
    for (port, bindings) in settings.ports.iter().flatten() {
        let Some((target_port, protocol)) = container_port(port) else { continue };
        for binding in bindings.iter().flatten() {
            let number = binding.host_port.as_deref().and_then(|number| number.parse().ok());
            ports.extend(number.map(|published_port| PortConfig {
                name: String::new(),
                protocol,
                target_port,
                published_port,
                publish_mode: PublishMode::Host,
            }));
        }
    }
    ports.into_iter().collect()
}

/// Reads `80/tcp`.
fn container_port(text: &str) -> Option<(u16, PortProtocol)> {
    let (number, protocol) = text.split_once('/')?;
    let protocols = [PortProtocol::Tcp, PortProtocol::Udp, PortProtocol::Sctp];
    let protocol = protocols.into_iter().find(|known| known.as_str() == protocol)?;
    Some((number.parse().ok()?, protocol))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inspect(json: serde_json::Value) -> ContainerInfo {
        container(serde_json::from_value(json).expect("the engine's form"))
    }

    #[test]
    fn a_running_container_is_understood() {
        let info = inspect(json!({
            "Id": "abc",
            "State": {
                "Status": "running", "Running": true, "Pid": 42, "ExitCode": 0,
                "Health": { "Status": "starting" },
            },
            "NetworkSettings": {
                "Ports": {
                    "80/tcp": [
                        { "HostIp": "0.0.0.0", "HostPort": "8080" },
                        { "HostIp": "::", "HostPort": "8080" },
                    ],
                    "53/udp": null,
                },
                "Networks": { "mynet": { "NetworkID": "n1" } },
            },
        }));
        assert_eq!(info.state, Container::Running(Health::Starting));
        assert_eq!((info.id.as_str(), info.pid), ("abc", 42));
        assert_eq!(info.networks, ["mynet", "n1"]);
        assert_eq!(info.host_ports.len(), 1);
        assert_eq!(info.host_ports[0].published_port, 8080);
    }

    #[test]
    fn states_are_told_apart() {
        let state = |status: &str| {
            inspect(json!({ "State": { "Status": status, "ExitCode": 3, "Error": "why" } })).state
        };
        let ended = Container::Exited { exit_code: 3, error: "why".to_owned() };
        assert_eq!(state("created"), Container::Created);
        assert_eq!(state("paused"), Container::Running(Health::Unchecked));
        assert_eq!(state("exited"), ended);
        assert_eq!(state("dead"), ended);
    }

    #[test]
    fn the_node_is_described() {
        let info = json!({
            "Name": "host-1", "NCPU": 2, "MemTotal": 1024, "ServerVersion": "20.10.24",
            "Architecture": "x86_64", "OSType": "linux", "Labels": ["disk=ssd", "bare"],
            "Plugins": { "Volume": ["local"], "Network": ["bridge"], "Log": ["json-file"] },
        });
        let node = description(serde_json::from_value(info).expect("the engine's form"));
        assert_eq!(node.hostname, "host-1");
        assert_eq!(node.resources.nano_cpus, 2_000_000_000);
        assert_eq!(node.engine.labels.get("disk").map(String::as_str), Some("ssd"));
        assert_eq!(node.engine.labels.get("bare").map(String::as_str), Some(""));
        assert_eq!(node.engine.plugins.len(), 3);
    }
}
