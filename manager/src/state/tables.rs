//! The tables of the state, and nothing that follows from them.

use std::sync::Arc;

use imbl::OrdMap;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::attachment::Attachment;
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
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::version::Version;

use super::Cursors;
use super::Revision;

/// The tables themselves. What a snapshot holds; all else follows from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) nodes: OrdMap<NodeId, Arc<Node>>,
    pub(crate) services: OrdMap<ServiceId, Arc<Service>>,
    pub(crate) tasks: OrdMap<TaskId, Arc<Task>>,
    pub(crate) networks: OrdMap<NetworkId, Arc<Network>>,
    #[serde(default)]
    pub(crate) secrets: OrdMap<SecretId, Arc<Secret>>,
    #[serde(default)]
    pub(crate) configs: OrdMap<ConfigId, Arc<Config>>,
    pub(crate) revisions: OrdMap<ServiceId, OrdMap<Version, Arc<Revision>>>,
    #[serde(default)]
    pub(crate) attachments: OrdMap<AttachmentId, Arc<Attachment>>,
    #[serde(default)]
    pub(crate) cursors: Cursors,
    #[serde(default)]
    pub(crate) acme_account: Option<Arc<AcmeAccount>>,
    #[serde(default)]
    pub(crate) acme_hosts: OrdMap<String, Arc<AcmeHost>>,
}

impl Tables {
    /// The spec that a service had at `version`.
    pub(super) fn revision(&self, service: &ServiceId, version: Version) -> Option<&Arc<Revision>> {
        self.revisions.get(service)?.get(&version)
    }

    /// The spec that `task` was made from.
    pub(super) fn revision_of(&self, task: &Task) -> Option<&Revision> {
        self.revision(&task.service_id, task.spec_version).map(AsRef::as_ref)
    }
}
