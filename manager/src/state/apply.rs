//! Carries out transactions.

use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Served;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use super::NodeReport;
use super::ObjectRef;
use super::Op;
use super::Revision;
use super::State;
use super::Transaction;
use super::undo::Undo;

/// The refusal of a write that was computed from an object that has changed since, in Docker's words (swarmkit `manager/state/store/memory.go`).
#[must_use]
pub fn out_of_sequence() -> Error {
    Error::unknown("update out of sequence").because(Reason::OutOfSequence)
}

impl State {
    /// Carries out `transaction`, which is at `index` of the raft log, or refuses it and stays as it is. Several transactions
    /// can share one index. Returns the version that everything written has now.
    ///
    /// # Errors
    ///
    /// When an object is no longer at the version that the transaction was computed from, or when something would no longer be unique.
    pub fn apply(&mut self, index: u64, transaction: Transaction) -> Result<Version> {
        let write = Write { version: Version::at(index), at: transaction.at };
        let before = self.applied;
        self.applied = index;
        let mut undo = Undo::default();
        match self.carry_out(transaction.ops, write, &mut undo) {
            Ok(touched) => {
                touched.iter().for_each(|service| self.drop_unused_revisions(service));
                Ok(write.version)
            }
            Err(refusal) => {
                undo.take_back(self);
                self.applied = before;
                Err(refusal)
            }
        }
    }

    /// Carries out all changes up to the first that cannot be. Returns the services whose revisions may have become unused.
    fn carry_out(
        &mut self,
        ops: Vec<Op>,
        write: Write,
        undo: &mut Undo,
    ) -> Result<BTreeSet<ServiceId>> {
        let mut touched = BTreeSet::new();
        for op in ops {
            undo.note(self, &op);
            touched.extend(self.apply_op(op, write)?);
        }
        Ok(touched)
    }

    /// Moves on to `index`, at which there was nothing to carry out.
    pub const fn skip_to(&mut self, index: u64) {
        self.applied = index;
    }

    /// Carries out one change. Returns the service whose revisions may have become unused.
    fn apply_op(&mut self, op: Op, write: Write) -> Result<Option<ServiceId>> {
        match op {
            Op::PutCluster(mut cluster) => {
                self.check_http_ports(&cluster)?;
                let old = self.tables.cluster.as_ref().map(|old| old.meta);
                cluster.meta = write.meta(cluster.meta.version, old)?;
                self.tables.cluster = Some(Arc::from(cluster));
            }
            Op::PutNode(node) => self.put_node(*node, write)?,
            Op::PutNetwork(network) => self.put_network(*network, write)?,
            Op::PutSecret(secret) => self.put_document::<SecretKind>(*secret, write)?,
            Op::PutConfig(config) => self.put_document::<ConfigKind>(*config, write)?,
            Op::PutAttachment(attachment) => self.put_attachment(*attachment, write)?,
            Op::PutAcmeAccount(account) => self.put_acme_account(*account, write)?,
            Op::PutAcmeHost(host) => self.put_acme_host(*host, write)?,
            Op::PutService(service) => return self.put_service(*service, write).map(Some),
            Op::PutTask(task) => self.put_task(*task, write)?,
            Op::Remove(object, version) => return self.remove(&object, version),
            Op::Expect(object, version) => self.expect(&object, version)?,
            Op::ReportTask { node_id, task_id, status } => {
                self.report_task(&node_id, &task_id, *status, write);
            }
            Op::ReportNode(report) => self.report_node(*report, write),
        }
        Ok(None)
    }

    fn put_node(&mut self, mut node: Node, write: Write) -> Result<()> {
        let old = self.tables.nodes.get(&node.id);
        node.meta = write.meta(node.meta.version, old.map(|old| old.meta))?;
        if old.is_none_or(|old| old.spec != node.spec) {
            node.meta.spec_changed = write.version;
        }
        self.check_node(&node)?;
        self.set_node(node);
        Ok(())
    }

    fn put_network(&mut self, mut network: Network, write: Write) -> Result<()> {
        let old = self.tables.networks.get(&network.id).cloned();
        network.meta = write.meta(network.meta.version, old.as_ref().map(|old| old.meta))?;
        self.check_network(&network)?;
        self.tables.cursors.follow_network(old.as_deref(), &network);
        if let Some(old) = old {
            self.indexes.remove_network(&old);
        }
        self.indexes.add_network(&network);
        self.tables.networks.insert(network.id.clone(), Arc::new(network));
        Ok(())
    }

    fn put_attachment(&mut self, mut attachment: Attachment, write: Write) -> Result<()> {
        let old = self.tables.attachments.get(&attachment.id).cloned();
        attachment.meta = write.meta(attachment.meta.version, old.as_ref().map(|old| old.meta))?;
        self.check_attachment(&attachment)?;
        self.tables.cursors.follow_attachment(old.as_deref(), &attachment);
        if let Some(old) = old {
            self.indexes.remove_attachment(&old);
        }
        self.indexes.add_attachment(&attachment);
        self.tables.attachments.insert(attachment.id.clone(), Arc::new(attachment));
        Ok(())
    }

    fn put_service(&mut self, mut service: Service, write: Write) -> Result<ServiceId> {
        let old = self.tables.services.get(&service.id).cloned();
        service.meta = write.meta(service.meta.version, old.as_ref().map(|old| old.meta))?;
        if old.as_ref().is_none_or(|old| old.spec != service.spec) {
            service.meta.spec_changed = write.version;
        }
        self.check_service(&service)?;
        let known = self.revision(&service.id, service.spec_version);
        if known.is_none_or(|revision| *revision.service != service.spec) {
            service.spec_version = write.version;
            let revision = Revision {
                // Labels that no task can be made of have been refused before.
                task: Arc::new(
                    service.spec.task().unwrap_or_else(|_| service.spec.task_template.clone()),
                ),
                service: Arc::new(service.spec.clone()),
                expressions: Default::default(),
            };
            let revisions = self.tables.revisions.entry(service.id.clone()).or_default();
            revisions.insert(write.version, Arc::new(revision));
        }
        self.tables.cursors.follow_service(old.as_deref(), &service);
        if let Some(old) = old {
            self.indexes.remove_service(&old);
        }
        self.indexes.add_service(&service);
        let id = service.id.clone();
        self.tables.services.insert(id.clone(), Arc::new(service));
        Ok(id)
    }

    fn put_task(&mut self, mut task: Task, write: Write) -> Result<()> {
        let old = self.tables.tasks.get(&task.id).cloned();
        task.meta = write.meta(task.meta.version, old.as_ref().map(|old| old.meta))?;
        self.check_task(old.as_deref(), &task)?;
        if self.revision_of(&task).is_none() {
            return Err(Error::unknown(format!(
                "service {} has no spec of version {}",
                task.service_id, task.spec_version
            )));
        }
        self.tables.cursors.follow_task(old.as_deref(), &task);
        self.replace_task(old.as_deref(), Some(Arc::new(task)));
        Ok(())
    }

    /// Puts `new` in the place of `old`, which is the same task, or takes it out.
    pub(super) fn replace_task(&mut self, old: Option<&Task>, new: Option<Arc<Task>>) {
        let made = |task| (task, self.tables.revision_of(task));
        self.indexes.change_task(old.map(made), new.as_deref().map(made));
        match (old, new) {
            (_, Some(new)) => drop(self.tables.tasks.insert(new.id.clone(), new)),
            (Some(old), None) => drop(self.tables.tasks.remove(&old.id)),
            (None, None) => {}
        }
    }

    fn set_node(&mut self, node: Node) {
        self.indexes
            .usage
            .change_node(self.tables.nodes.get(&node.id).map(AsRef::as_ref), Some(&node));
        self.tables.nodes.insert(node.id.clone(), Arc::new(node));
    }

    fn remove(&mut self, object: &ObjectRef, version: Version) -> Result<Option<ServiceId>> {
        self.expect(object, version)?;
        match object {
            ObjectRef::Cluster => self.tables.cluster = None,
            ObjectRef::Node(id) => {
                let node = self.tables.nodes.remove(id);
                self.indexes.usage.change_node(node.as_deref(), None);
            }
            ObjectRef::Service(id) => {
                if let Some(service) = self.tables.services.remove(id) {
                    self.indexes.remove_service(&service);
                }
                return Ok(Some(id.clone()));
            }
            ObjectRef::Task(id) => {
                if let Some(task) = self.tables.tasks.get(id).cloned() {
                    self.replace_task(Some(&task), None);
                    return Ok(Some(task.service_id.clone()));
                }
            }
            ObjectRef::Network(id) => {
                if let Some(network) = self.tables.networks.remove(id) {
                    self.check_unused(&network)?;
                    self.indexes.remove_network(&network);
                    self.tables.cursors.forget_network(id);
                }
            }
            ObjectRef::Secret(id) => self.remove_document::<SecretKind>(id)?,
            ObjectRef::Config(id) => self.remove_document::<ConfigKind>(id)?,
            ObjectRef::Attachment(id) => {
                if let Some(attachment) = self.tables.attachments.remove(id) {
                    self.indexes.remove_attachment(&attachment);
                }
            }
            ObjectRef::AcmeAccount => self.tables.acme_account = None,
            ObjectRef::AcmeHost(host) => drop(self.tables.acme_hosts.remove(host)),
        }
        Ok(None)
    }

    fn expect(&self, object: &ObjectRef, version: Version) -> Result<()> {
        let meta = match object {
            ObjectRef::Cluster => self.tables.cluster.as_ref().map(|object| object.meta),
            ObjectRef::Node(id) => self.tables.nodes.get(id).map(|object| object.meta),
            ObjectRef::Service(id) => self.tables.services.get(id).map(|object| object.meta),
            ObjectRef::Task(id) => self.tables.tasks.get(id).map(|object| object.meta),
            ObjectRef::Network(id) => self.tables.networks.get(id).map(|object| object.meta),
            ObjectRef::Secret(id) => self.tables.secrets.get(id).map(|object| object.meta),
            ObjectRef::Config(id) => self.tables.configs.get(id).map(|object| object.meta),
            ObjectRef::Attachment(id) => self.tables.attachments.get(id).map(|object| object.meta),
            ObjectRef::AcmeAccount => self.tables.acme_account.as_ref().map(|object| object.meta),
            ObjectRef::AcmeHost(host) => self.tables.acme_hosts.get(host).map(|object| object.meta),
        };
        if meta.map_or(Version::NONE, |meta| meta.version) == version {
            Ok(())
        } else {
            Err(out_of_sequence())
        }
    }

    fn report_task(&mut self, node: &NodeId, task: &TaskId, status: TaskStatus, write: Write) {
        let Some(old) = self.tables.tasks.get(task).cloned() else { return };
        // Equal states pass: the container's process or message may be new.
        if old.node_id.as_ref() != Some(node) || status.state < old.status.state {
            return;
        }
        if old.status.state.is_terminal() || old.status == status {
            return;
        }
        let mut task = Task::clone(&old);
        if let Routing::Routed { at: from } = old.routing
            && status.state.is_terminal()
        {
            task.served = Some(Served { from, until: write.at });
        }
        task.status = status;
        task.meta = write.stamp(old.meta);
        self.replace_task(Some(&old), Some(Arc::new(task)));
    }

    fn report_node(&mut self, report: NodeReport, write: Write) {
        let Some(old) = self.tables.nodes.get(&report.node_id) else { return };
        let mut node = Node::clone(old);
        node.status = report.status;
        node.description = report.description.or(node.description);
        if !node.witness {
            node.data_path_addr = report.data_path_addr.or(node.data_path_addr);
        }
        node.versions = report.versions.unwrap_or(node.versions);
        if node == **old {
            return;
        }
        node.meta = write.stamp(old.meta);
        self.set_node(node);
    }

    /// Forgets the specs of a service that neither it nor a task of it needs.
    fn drop_unused_revisions(&mut self, service: &ServiceId) {
        let Some(revisions) = self.tables.revisions.get(service) else { return };
        let current = self.tables.services.get(service);
        let mut needed: Vec<Version> = current
            .into_iter()
            .flat_map(|service| [Some(service.spec_version), service.previous_spec_version])
            .flatten()
            .collect();
        // The usual case: all that is kept is what the service itself names, and no task has to be looked at.
        if revisions.keys().all(|version| needed.contains(version)) {
            return;
        }
        needed.extend(self.tasks_of_service(service).map(|task| task.spec_version));
        let mut kept = revisions.clone();
        for version in revisions.keys().filter(|version| !needed.contains(version)) {
            kept.remove(version);
        }
        if kept.is_empty() {
            self.tables.revisions.remove(service);
        } else {
            self.tables.revisions.insert(service.clone(), kept);
        }
    }
}

/// What a transaction stamps on everything it writes.
#[derive(Clone, Copy)]
pub(super) struct Write {
    version: Version,
    at: Timestamp,
}

impl Write {
    /// The bookkeeping of an object that was computed from version `from`, where the state has `old`.
    pub(super) fn meta(self, from: Version, old: Option<Meta>) -> Result<Meta> {
        match old {
            None if from == Version::NONE => Ok(Meta {
                version: self.version,
                created_at: self.at,
                updated_at: self.at,
                spec_changed: self.version,
            }),
            Some(old) if old.version == from => Ok(self.stamp(old)),
            _ => Err(out_of_sequence()),
        }
    }

    fn stamp(self, old: Meta) -> Meta {
        Meta { version: self.version, updated_at: self.at, ..old }
    }
}
