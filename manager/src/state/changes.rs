//! What has changed from one state to another, object by object. Tables share what has not changed, which is skipped: to tell costs as
//! much as has changed, and not as much as there is.

use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;

use super::State;

/// What has become of one object. It is there before, or after, or both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a, T> {
    /// What it was.
    pub(crate) old: Option<&'a T>,
    /// What it is.
    pub(crate) new: Option<&'a T>,
}

impl<'a, T> Change<'a, T> {
    /// What it was and what it is, without what is not there.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.old.into_iter().chain(self.new)
    }
}

/// What has changed from one state to another, in the order of ids.
#[derive(Clone, Debug)]
pub(crate) struct Changes<'a> {
    /// Whether the cluster object has.
    pub(crate) cluster: bool,
    /// Whether what is known of a host by ACME has.
    pub(crate) acme: bool,
    /// The nodes that have.
    pub(crate) nodes: Vec<Change<'a, Node>>,
    /// The services.
    pub(crate) services: Vec<Change<'a, Service>>,
    /// The tasks.
    pub(crate) tasks: Vec<Change<'a, Task>>,
    /// The networks.
    pub(crate) networks: Vec<Change<'a, Network>>,
    /// The attached containers.
    pub(crate) attachments: Vec<Change<'a, Attachment>>,
    /// The secrets.
    pub(crate) secrets: Vec<Change<'a, Secret>>,
    /// The configs.
    pub(crate) configs: Vec<Change<'a, Config>>,
}

impl State {
    /// What has changed since the state was `old`.
    pub(crate) fn changes_since<'a>(&'a self, old: &'a Self) -> Changes<'a> {
        let (old, new) = (&old.tables, &self.tables);
        Changes {
            cluster: old.cluster != new.cluster,
            acme: old.acme_hosts.diff(&new.acme_hosts).next().is_some(),
            nodes: changes(&old.nodes, &new.nodes),
            services: changes(&old.services, &new.services),
            tasks: changes(&old.tasks, &new.tasks),
            networks: changes(&old.networks, &new.networks),
            attachments: changes(&old.attachments, &new.attachments),
            secrets: changes(&old.secrets, &new.secrets),
            configs: changes(&old.configs, &new.configs),
        }
    }
}

fn changes<'a, K: Ord, T: Eq>(
    old: &'a OrdMap<K, Arc<T>>,
    new: &'a OrdMap<K, Arc<T>>,
) -> Vec<Change<'a, T>> {
    let changes = old.diff(new).map(|item| match item {
        DiffItem::Add(_, new) => Change { old: None, new: Some(new.as_ref()) },
        DiffItem::Update { old: (_, old), new: (_, new) } => {
            Change { old: Some(old.as_ref()), new: Some(new.as_ref()) }
        }
        DiffItem::Remove(_, old) => Change { old: Some(old.as_ref()), new: None },
    });
    changes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Op;
    use crate::state::fixture::commit;
    use crate::state::fixture::node;
    use crate::state::fixture::service;

    #[test]
    fn only_what_differs_is_told() {
        let mut old = State::default();
        let puts = (1..=200).map(|number| Op::PutNode(Box::new(node(number, number as u16))));
        commit(&mut old, puts.collect()).expect("is sound");
        assert!(old.changes_since(&old).nodes.is_empty());

        let mut new = old.clone();
        let changed = old.nodes().values().nth(70).expect("so many").as_ref().clone();
        let gone = old.nodes().values().nth(150).expect("so many").as_ref().clone();
        let remove = crate::state::ObjectRef::Node(gone.id.clone());
        let web = Op::PutService(Box::new(service(1, "web")));
        let ops = vec![
            Op::PutNode(Box::new(changed.clone())),
            Op::Remove(remove, gone.meta.version),
            web,
        ];
        commit(&mut new, ops).expect("is sound");
        let changes = new.changes_since(&old);
        let told: Vec<_> = changes.nodes.iter().map(|it| (it.old.is_some(), it.new)).collect();
        let after = new.nodes()[&changed.id].as_ref();
        assert_eq!(told, [(true, Some(after)), (true, None)]);
        assert!(changes.services.iter().all(|it| it.old.is_none()));
        assert_eq!(changes.services.len(), 1);
        assert!(!changes.cluster && !changes.acme && changes.tasks.is_empty());
    }
}
