//! The boundary to the container engine, as tasks need it. [`crate::docker`] is the real one.

use std::future::Future;
use std::time::Duration;

use futures_util::Stream;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::PortConfig;

use super::step::Container;
use super::translate::ContainerPlan;
use super::translate::EndpointPlan;
use super::translate::NetworkPlan;

/// A container engine. Every operation may be repeated: what is done already is no error.
pub(crate) trait Runtime: Send + Sync + 'static {
    /// What the engine says about the machine and itself.
    fn describe(&self) -> impl Future<Output = Result<NodeDescription, RuntimeError>> + Send;

    /// Whether the engine answers at all. Cheap, however much the engine has to do.
    fn ping(&self) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Whether `image` is on the node.
    fn has_image(&self, image: &str) -> impl Future<Output = Result<bool, RuntimeError>> + Send;

    /// Fetches `image` from its registry, which is told `auth` if there is some.
    fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Makes a container.
    fn create(&self, plan: &ContainerPlan)
    -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Attaches a container that does not run yet to one more network.
    fn connect(
        &self,
        container: &str,
        endpoint: &EndpointPlan,
    ) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Starts a container.
    fn start(&self, container: &str) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Asks a container to stop and waits until it has; after its grace period it is killed. No error if there is none.
    fn stop(&self, container: &str) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// Removes a container with its anonymous volumes, running or not. No error if there is none.
    fn remove(&self, container: &str) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// A container; `None` if there is none.
    fn inspect(
        &self,
        container: &str,
    ) -> impl Future<Output = Result<Option<ContainerInfo>, RuntimeError>> + Send;

    /// Runs a command in a container and waits until it has ended. One that has not ended after `limit` is killed.
    fn execute(
        &self,
        container: &str,
        command: Vec<String>,
        limit: Duration,
    ) -> impl Future<Output = Result<Executed, RuntimeError>> + Send;

    /// Whether the first process of a container lives. Not asked of the engine, so that it is known while that is away.
    fn is_alive(&self, pid: i64) -> bool;

    /// The containers of the tasks of this node.
    fn containers(&self) -> impl Future<Output = Result<Vec<OwnContainer>, RuntimeError>> + Send;

    /// The tasks whose containers have changed, as they do. Ends when the engine does.
    fn events(&self) -> impl Stream<Item = Result<TaskId, RuntimeError>> + Send + Unpin;

    /// Makes a network; the answer is the engine's id of it.
    fn ensure_network(
        &self,
        plan: &NetworkPlan,
    ) -> impl Future<Output = Result<String, RuntimeError>> + Send;

    /// Removes a network. No error if there is none.
    fn remove_network(
        &self,
        network: &NetworkId,
    ) -> impl Future<Output = Result<(), RuntimeError>> + Send;

    /// The cluster's networks that the engine has.
    fn networks(&self) -> impl Future<Output = Result<Vec<NetworkId>, RuntimeError>> + Send;
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerInfo {
    /// The engine's id of it.
    pub(crate) id: String,
    /// Its first process, in the node's numbering; 0 when it does not run.
    pub(crate) pid: i64,
    /// How it is.
    pub(crate) state: Container,
    /// What its first process ended with.
    pub(crate) exit_code: i64,
    /// The networks it is attached to, by name, and by the engine's id as far as it tells.
    pub(crate) networks: Vec<String>,
    /// The ports that the engine publishes for it.
    pub(crate) host_ports: Vec<PortConfig>,
}

/// A container of a task of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnContainer {
    /// The engine's id of it.
    pub(crate) id: String,
    pub(crate) task: TaskId,
}

/// How a command has ended in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Executed {
    /// By itself.
    Exited {
        /// With this.
        exit_code: i64,
        /// The beginning of what it said, on both streams.
        output: String,
    },
    /// It took too long and was killed.
    Killed,
}

/// The engine did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// The engine says no, in its own words; asking again is of no use.
    #[error("{0}")]
    Refused(String),
    /// The engine cannot be reached or broke off: ask again later.
    #[error("cannot reach the container engine: {0}")]
    Unavailable(String),
}
