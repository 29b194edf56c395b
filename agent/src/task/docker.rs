//! The Docker Engine behind [`Runtime`]. The only file that calls it.
//!
//! The API version is negotiated: Debian 12 ships engine 20.10, which speaks 1.41.

mod attached;
mod facts;
mod logs;
mod pull;
pub(crate) mod since;

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use bollard::API_DEFAULT_VERSION;
use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bollard::models::Network;
use bollard::models::NetworkConnectRequest;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use bollard::query_parameters::EventsOptionsBuilder;
use bollard::query_parameters::ListContainersOptionsBuilder;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use swarmlite_proto::api::NodeDescription;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::time::Timestamp;

use super::runtime::ContainerInfo;
use super::runtime::Executed;
use super::runtime::OwnContainer;
use super::runtime::Runtime;
use super::runtime::RuntimeError;
use super::translate::ContainerPlan;
use super::translate::EndpointPlan;
use super::translate::NetworkPlan;
use super::translate::network_filter;
use super::translate::network_of_labels;
use super::translate::node_filter;
use super::translate::task_of_labels;

/// How long the engine may take for a call that does not wait for a container, in seconds. It is slow when it starts many containers at once.
const CALL_TIMEOUT: u64 = 120;

/// How long a stop may take: as long as any grace period. The engine keeps the time, not this side.
const STOP_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How much is kept of what a command says, in bytes.
const MAX_OUTPUT: usize = 4096;

/// What happens to containers that matters here. Health checks also make `exec_*` events, several per second on a full node.
const EVENTS: [&str; 4] = ["start", "die", "destroy", "health_status"];

/// The Docker Engine of this node.
#[derive(Clone, Debug)]
pub struct DockerRuntime {
    docker: Docker,
    socket: PathBuf,
    node_id: NodeId,
}

impl DockerRuntime {
    /// Connects to the engine on the Unix socket `socket`. Only containers with the label of `node_id` are seen as the node's own.
    ///
    /// # Errors
    ///
    /// When no engine answers there.
    pub async fn connect(socket: &Path, node_id: NodeId) -> Result<Self, RuntimeError> {
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, CALL_TIMEOUT, API_DEFAULT_VERSION)
            .map_err(failure)?
            .negotiate_version()
            .await
            .map_err(failure)?;
        Ok(Self { docker, socket: socket.to_owned(), node_id })
    }

    /// The Docker networks that stand for the cluster's, or for this one.
    async fn list_networks(&self, which: Option<&NetworkId>) -> Result<Vec<Network>, RuntimeError> {
        let filters = filters("label", [network_filter(which)]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        self.docker.list_networks(Some(options)).await.map_err(failure)
    }

    /// The engine's id of the network that stands for one of the cluster's.
    async fn network_id(&self, network: &NetworkId) -> Result<Option<String>, RuntimeError> {
        let networks = self.list_networks(Some(network)).await?;
        Ok(networks.into_iter().find_map(|network| network.id))
    }
}

impl Runtime for DockerRuntime {
    async fn describe(&self) -> Result<NodeDescription, RuntimeError> {
        self.docker.info().await.map(facts::description).map_err(failure)
    }

    async fn ping(&self) -> Result<(), RuntimeError> {
        self.docker.ping().await.map(drop).map_err(failure)
    }

    async fn has_image(&self, image: &str) -> Result<bool, RuntimeError> {
        found(self.docker.inspect_image(image).await).map(|image| image.is_some())
    }

    async fn pull(&self, image: &str, auth: Option<&RegistryAuth>) -> Result<(), RuntimeError> {
        pull::pull(&self.socket, image, auth).await
    }

    async fn create(&self, plan: &ContainerPlan) -> Result<(), RuntimeError> {
        since::check(&plan.body, self.docker.client_version())?;
        let options = CreateContainerOptionsBuilder::default().name(&plan.name).build();
        match self.docker.create_container(Some(options), plan.body.clone()).await {
            // The name has the task's id: what has it is this task's container.
            Err(error) if status(&error) == Some(409) => Ok(()),
            other => other.map(drop).map_err(failure),
        }
    }

    async fn connect(&self, container: &str, endpoint: &EndpointPlan) -> Result<(), RuntimeError> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(endpoint.settings.clone()),
        };
        self.docker.connect_network(&endpoint.network, request).await.map_err(failure)
    }

    async fn start(&self, container: &str) -> Result<(), RuntimeError> {
        self.docker.start_container(container, None).await.map_err(failure)
    }

    async fn stop(&self, container: &str) -> Result<(), RuntimeError> {
        // Signal and grace period are those that the container was made with.
        let patient = self.docker.clone().with_timeout(STOP_TIMEOUT);
        found(patient.stop_container(container, None).await).map(drop)
    }

    async fn remove(&self, container: &str) -> Result<(), RuntimeError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        found(self.docker.remove_container(container, Some(options)).await).map(drop)
    }

    async fn inspect(&self, container: &str) -> Result<Option<ContainerInfo>, RuntimeError> {
        let inspected = found(self.docker.inspect_container(container, None).await)?;
        Ok(inspected.map(facts::container))
    }

    async fn execute(
        &self,
        container: &str,
        command: Vec<String>,
    ) -> Result<Executed, RuntimeError> {
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command),
            ..ExecConfig::default()
        };
        let made = self.docker.create_exec(container, config).await.map_err(failure)?;
        let mut text = Vec::new();
        let started = self.docker.start_exec(&made.id, None).await.map_err(failure)?;
        if let StartExecResults::Attached { mut output, .. } = started {
            // It is read to the end, as that is the end of the command.
            while let Some(part) = output.try_next().await.map_err(failure)? {
                if text.len() < MAX_OUTPUT {
                    text.extend_from_slice(&part.into_bytes());
                }
            }
        }
        let inspected = self.docker.inspect_exec(&made.id).await.map_err(failure)?;
        text.truncate(MAX_OUTPUT);
        Ok(Executed {
            exit_code: inspected.exit_code.unwrap_or(-1),
            output: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    fn is_alive(&self, pid: i64) -> bool {
        Path::new("/proc").join(pid.to_string()).exists()
    }

    async fn containers(&self) -> Result<Vec<OwnContainer>, RuntimeError> {
        let filters = filters("label", [node_filter(&self.node_id)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let containers = self.docker.list_containers(Some(options)).await.map_err(failure)?;
        let own = containers.into_iter().filter_map(|container| {
            let task = task_of_labels(&container.labels?)?;
            Some(OwnContainer { id: container.id?, task })
        });
        Ok(own.collect())
    }

    fn events(&self) -> impl Stream<Item = Result<TaskId, RuntimeError>> + Send + Unpin {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![node_filter(&self.node_id)]),
            ("event", EVENTS.map(str::to_owned).to_vec()),
        ]);
        // The engine is only asked when the stream is first polled; what happens until then counts too.
        let now = Timestamp::now().since(Timestamp::EPOCH).as_secs().to_string();
        let options = EventsOptionsBuilder::default().since(&now).filters(&filters).build();
        self.docker
            .events(Some(options))
            .filter_map(|event| async {
                let event = match event {
                    Ok(event) => event,
                    Err(error) => return Some(Err(failure(error))),
                };
                task_of_labels(&event.actor?.attributes?).map(Ok)
            })
            .boxed()
    }

    async fn ensure_network(&self, plan: &NetworkPlan) -> Result<String, RuntimeError> {
        if let Some(id) = self.network_id(&plan.id).await? {
            return Ok(id);
        }
        let made = self.docker.create_network(plan.body.clone()).await.map_err(failure)?;
        Ok(made.id)
    }

    async fn remove_network(&self, network: &NetworkId) -> Result<(), RuntimeError> {
        let Some(id) = self.network_id(network).await? else { return Ok(()) };
        found(self.docker.remove_network(&id).await).map(drop)
    }

    async fn networks(&self) -> Result<Vec<NetworkId>, RuntimeError> {
        let networks = self.list_networks(None).await?;
        let ours = networks.into_iter().filter_map(|network| network_of_labels(&network.labels?));
        Ok(ours.collect())
    }
}

fn filters<const N: usize>(
    key: &'static str,
    values: [String; N],
) -> HashMap<&'static str, Vec<String>> {
    HashMap::from([(key, values.to_vec())])
}

/// What the engine answered; `None` if it has no such thing.
fn found<T>(answer: Result<T, EngineError>) -> Result<Option<T>, RuntimeError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn status(error: &EngineError) -> Option<u16> {
    match error {
        EngineError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the engine has said no, in its own words, or could not be asked.
fn failure(error: EngineError) -> RuntimeError {
    match error {
        // It shuts down, or has not started yet.
        EngineError::DockerResponseServerError { status_code: 503, message } => {
            RuntimeError::Unavailable(message)
        }
        EngineError::DockerResponseServerError { message, .. } => RuntimeError::Refused(message),
        EngineError::DockerStreamError { error } => RuntimeError::Refused(error),
        error @ (EngineError::JsonDataError { .. } | EngineError::JsonSerdeError { .. }) => {
            RuntimeError::Refused(error.to_string())
        }
        error => RuntimeError::Unavailable(crate::identity::chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_final_and_outages_are_not() {
        let answer = |status_code| EngineError::DockerResponseServerError {
            status_code,
            message: "No such image: x".to_owned(),
        };
        let refused = RuntimeError::Refused("No such image: x".to_owned());
        assert_eq!(failure(answer(404)), refused);
        assert_eq!(failure(answer(500)), refused);
        assert!(matches!(failure(answer(503)), RuntimeError::Unavailable(_)));
        assert!(matches!(failure(EngineError::RequestTimeoutError), RuntimeError::Unavailable(_)));
        assert_eq!(found::<()>(Err(answer(404))), Ok(None));
    }
}
