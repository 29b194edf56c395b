//! What a transaction is made of.

use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::AcmeAccount;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

/// Changes that happen together or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// When it was made, by the clock of the manager that made it.
    pub at: Timestamp,
    /// The changes, in order.
    pub ops: Vec<Op>,
}

impl Transaction {
    /// A transaction without changes yet.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self { at, ops: Vec::new() }
    }

    /// Adds a change.
    #[must_use]
    pub fn with(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }
}

/// One change.
///
/// A `Put` carries the whole object. Its `meta.version` is the version it was computed from: [`Version::NONE`] makes a new object, any
/// other must be the one that the state holds. The state machine sets `meta` of what it stores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// Makes or replaces the cluster object.
    PutCluster(Box<Cluster>),
    /// Makes or replaces a node.
    PutNode(Box<Node>),
    /// Makes or replaces a service. Its `spec_version` is set by the state machine whenever the spec changes, unless the spec is put
    /// back to a revision that the state still has, which is then named by `spec_version`.
    PutService(Box<Service>),
    /// Makes or replaces a task.
    PutTask(Box<Task>),
    /// Makes or replaces a network.
    PutNetwork(Box<Network>),
    /// Makes or replaces a secret.
    PutSecret(Box<Secret>),
    /// Makes or replaces a config.
    PutConfig(Box<Config>),
    /// Makes or replaces an attachment.
    PutAttachment(Box<Attachment>),
    /// Makes or replaces the account with an ACME server. Like all about ACME only from [`Format::ACME`](swarmlite_proto::format::Format::ACME) on.
    PutAcmeAccount(Box<AcmeAccount>),
    /// Makes or replaces what is known of a host that is to have a certificate by ACME.
    PutAcmeHost(Box<AcmeHost>),
    /// Removes an object that still has this version.
    Remove(ObjectRef, Version),
    /// Refuses the transaction unless the object still has this version; [`Version::NONE`]: unless it is absent.
    Expect(ObjectRef, Version),
    /// What an agent says of a task. Has no effect if the task is gone, belongs to another node, or has come further already.
    ReportTask {
        /// The node that says so.
        node_id: NodeId,
        /// The task.
        task_id: TaskId,
        /// Where it is.
        status: Box<TaskStatus>,
    },
    /// What is known of a node. Has no effect if the node is gone.
    ReportNode(Box<NodeReport>),
}

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The node.
    pub node_id: NodeId,
    /// Whether it is alive.
    pub status: NodeStatus,
    /// What it is, if its agent said so.
    pub description: Option<NodeDescription>,
    /// Where tunnel traffic for it goes, if its agent said so.
    pub data_path_addr: Option<std::net::IpAddr>,
    /// Which version of swarmlite it runs, if its agent said so.
    #[serde(default)]
    pub versions: Option<Versions>,
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectRef {
    /// The cluster object.
    Cluster,
    /// A node.
    Node(NodeId),
    /// A service.
    Service(ServiceId),
    /// A task.
    Task(TaskId),
    /// A network.
    Network(NetworkId),
    /// A secret.
    Secret(SecretId),
    /// A config.
    Config(ConfigId),
    /// An attachment.
    Attachment(AttachmentId),
    /// The account with an ACME server.
    AcmeAccount,
    /// A host that is to have a certificate by ACME.
    AcmeHost(String),
}
