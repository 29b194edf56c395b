//! The Docker Engine behind [`Runtime`]. The only file that calls it.
//!
//! The API version is negotiated: Debian 12 ships engine 20.10, which speaks 1.41.

mod answer;
mod attached;
#[cfg(test)]
mod conformance;
mod engine;
mod exec;
mod facts;
#[cfg(test)]
mod fields;
mod logs;
mod pull;
mod since;

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::NetworkConnectRequest;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use bollard::query_parameters::EventsOptionsBuilder;
use bollard::query_parameters::ListContainersOptionsBuilder;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use futures_util::Stream;
use futures_util::StreamExt;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::time::Timestamp;

use self::answer::failure;
use self::answer::found;
use self::answer::status;
pub(crate) use self::engine::DockerRuntime;
use self::engine::filters;
use crate::task::runtime::ContainerInfo;
use crate::task::runtime::Executed;
use crate::task::runtime::OwnContainer;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;
use crate::task::translate::ContainerPlan;
use crate::task::translate::EndpointPlan;
use crate::task::translate::NetworkPlan;
use crate::task::translate::network_of_labels;
use crate::task::translate::node_filter;
use crate::task::translate::task_of_labels;

/// How long a stop may take: as long as any grace period. The engine keeps the time, not this side.
const STOP_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What happens to containers that matters here. Health checks also make `exec_*` events, several per second on a full node.
const EVENTS: [&str; 4] = ["start", "die", "destroy", "health_status"];

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
        limit: Duration,
    ) -> Result<Executed, RuntimeError> {
        self.run_command(container, command, limit).await
    }

    fn is_alive(&self, pid: i64) -> bool {
        std::path::Path::new("/proc").join(pid.to_string()).exists()
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
