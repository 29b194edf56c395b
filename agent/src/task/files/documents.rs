//! What a task's files are made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::Secret;

use crate::assignment::Assignments;

/// The secrets and configs of one task, as far as the node has been told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Documents {
    pub(crate) secrets: BTreeMap<SecretId, Arc<Secret>>,
    pub(crate) configs: BTreeMap<ConfigId, Arc<Config>>,
}

impl Documents {
    /// Those of `task` that are `known`.
    #[must_use]
    pub(crate) fn of(known: &Assignments, task: &TaskAssignment) -> Self {
        let Some(container) = &task.spec.container_spec else { return Self::default() };
        let secrets = container.secrets.iter().filter_map(|reference| {
            let secret = known.secrets.get(&reference.secret_id.parse().ok()?)?;
            Some((secret.id.clone(), Arc::clone(secret)))
        });
        let configs = container.configs.iter().filter_map(|reference| {
            let config = known.configs.get(&reference.config_id.parse().ok()?)?;
            Some((config.id.clone(), Arc::clone(config)))
        });
        Self { secrets: secrets.collect(), configs: configs.collect() }
    }
}
