//! Standalone containers, those that are not of a service, on networks of the cluster.

use std::collections::BTreeMap;
use std::collections::HashMap;

use bollard::models::ContainerInspectResponse;
use bollard::models::ContainerStateStatusEnum;
use bollard::models::ContainerSummary;
use bollard::models::ContainerSummaryStateEnum as State;
use bollard::models::EndpointSettings;
use bollard::models::Network;
use bollard::models::NetworkDisconnectRequest;
use bollard::models::RestartPolicyNameEnum as Policy;
use bollard::query_parameters::EventsOptionsBuilder;
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::Stream;
use futures_util::StreamExt;
use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::time::Timestamp;

use super::answer::failure;
use super::answer::found;
use super::engine::DockerRuntime;
use crate::attachments::Containers;
use crate::attachments::Held;
use crate::attachments::Process;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;
use crate::task::translate::network_of_labels;
use crate::task::translate::task_of_labels;

/// What happens to a container, or to its place on a network, that changes who has which address.
const EVENTS: [&str; 7] = ["create", "start", "die", "destroy", "rename", "connect", "disconnect"];

impl Containers for DockerRuntime {
    async fn held(&self) -> Result<Vec<Held>, RuntimeError> {
        let networks = names(self.list_networks(None).await?);
        if networks.is_empty() {
            return Ok(Vec::new());
        }
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let containers = self.docker.list_containers(Some(options)).await.map_err(failure)?;
        Ok(containers.into_iter().flat_map(|container| held(container, &networks)).collect())
    }

    async fn detach(&self, held: &Held) -> Result<(), RuntimeError> {
        let Some(network) = self.network_id(&held.network).await? else { return Ok(()) };
        let request =
            NetworkDisconnectRequest { container: held.container.id.clone(), force: Some(true) };
        found(self.docker.disconnect_network(&network, request).await).map(drop)
    }

    async fn process(&self, container: &str) -> Result<Option<Process>, RuntimeError> {
        let Some(inspected) = found(self.docker.inspect_container(container, None).await)? else {
            return Ok(None);
        };
        let dns = inspected.host_config.and_then(|config| config.dns).unwrap_or_default();
        let pid = inspected.state.and_then(|state| state.pid).unwrap_or_default();
        let process = |pid| Process { pid, has_resolver: !dns.is_empty() };
        Ok(u32::try_from(pid).ok().filter(|pid| *pid != 0).map(process))
    }

    async fn is_stranded(&self, container: &str) -> Result<bool, RuntimeError> {
        let inspected = found(self.docker.inspect_container(container, None).await)?;
        Ok(inspected.is_some_and(|container| is_stranded(&container)))
    }

    async fn start(&self, container: &str) -> Result<(), RuntimeError> {
        Runtime::start(self, container).await
    }

    fn changes(&self) -> impl Stream<Item = Result<(), RuntimeError>> + Send + Unpin {
        let filters = HashMap::from([
            ("type", ["container", "network"].map(str::to_owned).to_vec()),
            ("event", EVENTS.map(str::to_owned).to_vec()),
        ]);
        // The engine is only asked when the stream is first polled; what happens until then counts too.
        let now = Timestamp::now().since(Timestamp::EPOCH).as_secs().to_string();
        let options = EventsOptionsBuilder::default().since(&now).filters(&filters).build();
        self.docker.events(Some(options)).map(|event| event.map(drop).map_err(failure)).boxed()
    }
}

/// Whether the last thing that has become of a container is that the engine could not start it, although it is to be kept running. The engine
/// tells why it could not start one until it has started it, and forgets that when a user stops it.
fn is_stranded(container: &ContainerInspectResponse) -> bool {
    let policy = container.host_config.as_ref().and_then(|config| config.restart_policy.as_ref());
    let is_kept = matches!(
        policy.and_then(|policy| policy.name),
        Some(Policy::ALWAYS | Policy::UNLESS_STOPPED | Policy::ON_FAILURE)
    );
    let state = container.state.as_ref();
    let has_ended =
        state.is_some_and(|state| state.status == Some(ContainerStateStatusEnum::EXITED));
    let refused = state.and_then(|state| state.error.as_ref());
    is_kept && has_ended && refused.is_some_and(|error| !error.is_empty())
}

/// The networks of the cluster, by name and by the engine's id: which of them it tells depends on whether the container was ever started.
fn names(networks: Vec<Network>) -> BTreeMap<String, NetworkId> {
    let mut names = BTreeMap::new();
    for network in networks {
        let Some(of_cluster) = network.labels.as_ref().and_then(network_of_labels) else {
            continue;
        };
        for name in network.id.into_iter().chain(network.name) {
            names.insert(name, of_cluster.clone());
        }
    }
    names
}

/// The places of one container on networks of the cluster.
fn held(container: ContainerSummary, networks: &BTreeMap<String, NetworkId>) -> Vec<Held> {
    if container.labels.as_ref().and_then(task_of_labels).is_some() {
        return Vec::new();
    }
    let name = container.names.iter().flatten().map(|name| name.trim_start_matches('/'));
    let attached = AttachedContainer {
        id: container.id.unwrap_or_default(),
        // Names with a slash are links of other containers to this one.
        name: name.filter(|name| !name.contains('/')).map(str::to_owned).next().unwrap_or_default(),
        running: matches!(container.state, Some(State::RUNNING | State::PAUSED)),
    };
    let places = container.network_settings.and_then(|settings| settings.networks);
    let place = |(name, settings): (String, EndpointSettings)| {
        let id = settings.network_id.filter(|id| !id.is_empty()).unwrap_or(name);
        // The address that it was made with: it has that also while it does not run.
        let addr = settings.ipam_config?.ipv4_address?.parse().ok()?;
        Some(Held { network: networks.get(&id)?.clone(), addr, container: attached.clone() })
    };
    places.into_iter().flatten().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerState;
    use bollard::models::ContainerSummaryNetworkSettings;
    use bollard::models::EndpointIpamConfig;
    use bollard::models::HostConfig;
    use bollard::models::RestartPolicy;
    use swarmlite_proto::engine::NETWORK_ID_LABEL;
    use swarmlite_proto::engine::TASK_ID_LABEL;

    use super::*;
    use crate::task::samples::id;

    fn networks() -> BTreeMap<String, NetworkId> {
        let label = |letter| {
            let id: NetworkId = id(letter);
            HashMap::from([(NETWORK_ID_LABEL.to_owned(), id.to_string())])
        };
        let network = |name: &str, labels| Network {
            id: Some(format!("id-of-{name}")),
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..Network::default()
        };
        names(vec![network("back", label('x')), network("mine", HashMap::new())])
    }

    fn place(network_id: &str) -> EndpointSettings {
        let address = "10.0.1.9".to_owned();
        EndpointSettings {
            network_id: Some(network_id.to_owned()),
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some(address),
                ..EndpointIpamConfig::default()
            }),
            ..EndpointSettings::default()
        }
    }

    fn container(label: &str, place: EndpointSettings) -> ContainerSummary {
        let networks =
            HashMap::from([("back".to_owned(), place.clone()), ("mine".to_owned(), place)]);
        ContainerSummary {
            id: Some("c1".to_owned()),
            names: Some(vec!["/other/link".to_owned(), "/shell".to_owned()]),
            labels: Some(HashMap::from([(
                label.to_owned(),
                id::<swarmlite_proto::id::TaskKind>('t').to_string(),
            )])),
            state: Some(State::EXITED),
            network_settings: Some(ContainerSummaryNetworkSettings { networks: Some(networks) }),
            ..ContainerSummary::default()
        }
    }

    #[test]
    fn a_container_holds_its_address_whether_it_was_started_or_not() {
        let expected = vec![Held {
            network: id('x'),
            addr: [10, 0, 1, 9].into(),
            container: AttachedContainer {
                id: "c1".to_owned(),
                name: "shell".to_owned(),
                running: false,
            },
        }];
        assert_eq!(held(container("a", place("")), &networks()), expected, "by name");
        let mut started = container("a", place("id-of-back"));
        let settings = started.network_settings.as_mut().and_then(|all| all.networks.as_mut());
        settings.expect("some").remove("mine");
        assert_eq!(held(started, &networks()), expected, "by id");
    }

    #[test]
    fn only_what_the_engine_should_have_started_and_could_not_is_stranded() {
        use ContainerStateStatusEnum::CREATED;
        use ContainerStateStatusEnum::EXITED;
        use ContainerStateStatusEnum::RUNNING;
        const NO_DRIVER: &str = "error looking up network driver";
        for (policy, status, error, expected) in [
            (Policy::ALWAYS, EXITED, NO_DRIVER, true),
            (Policy::UNLESS_STOPPED, EXITED, NO_DRIVER, true),
            (Policy::ON_FAILURE, EXITED, NO_DRIVER, true),
            (Policy::NO, EXITED, NO_DRIVER, false),
            (Policy::ALWAYS, EXITED, "", false),
            (Policy::ALWAYS, CREATED, NO_DRIVER, false),
            (Policy::ALWAYS, RUNNING, NO_DRIVER, false),
        ] {
            let container = ContainerInspectResponse {
                state: Some(ContainerState {
                    status: Some(status),
                    error: Some(error.to_owned()),
                    ..ContainerState::default()
                }),
                host_config: Some(HostConfig {
                    restart_policy: Some(RestartPolicy {
                        name: Some(policy),
                        ..RestartPolicy::default()
                    }),
                    ..HostConfig::default()
                }),
                ..ContainerInspectResponse::default()
            };
            assert_eq!(is_stranded(&container), expected, "{policy} {status} {error}");
        }
    }

    #[test]
    fn containers_of_services_are_not_meant() {
        assert_eq!(held(container(TASK_ID_LABEL, place("")), &networks()), []);
    }
}
