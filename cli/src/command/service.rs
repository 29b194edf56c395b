//! `service ...`.

mod create;
mod inspect;
mod logs;
mod ls;
mod pretty;
mod ps;
mod rm;
mod rollback;
mod scale;
mod update;
mod wait;

use std::collections::BTreeSet;

pub(super) use create::create;
pub(super) use inspect::inspect;
pub(super) use logs::logs;
pub(super) use ls::ls;
pub(super) use ls::print;
pub(super) use ps::ps;
pub(super) use rm::rm;
pub(super) use rollback::rollback;
pub(super) use scale::scale;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Kind;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::SecretReference;
pub(super) use update::update;
pub(super) use wait::wait;

use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::value::filter::Filters;

/// Replaces the names of networks by their ids, so that a network that is missing is noticed before anything is sent.
async fn resolve_networks(networks: &mut [NetworkAttachmentConfig], client: &Client) -> Result<()> {
    for network in networks {
        network.target = client.swarm_network(&network.target).await?.id;
    }
    Ok(())
}

/// Finds the secrets by their names, so that one that is missing is noticed before anything is sent.
pub(super) async fn resolve_secrets(
    secrets: &mut [SecretReference],
    client: &Client,
) -> Result<()> {
    let files = secrets.iter().map(|secret| (secret.secret_name.as_str(), &secret.file));
    different_targets("secret", files)?;
    let names = secrets.iter().map(|secret| secret.secret_name.clone()).collect();
    let ids = ids::<SecretKind>(names, client).await?;
    for (secret, id) in secrets.iter_mut().zip(ids) {
        secret.secret_id = id;
    }
    Ok(())
}

/// Finds the configs by their names, so that one that is missing is noticed before anything is sent.
pub(super) async fn resolve_configs(
    configs: &mut [ConfigReference],
    client: &Client,
) -> Result<()> {
    let files = configs.iter().map(|config| (config.config_name.as_str(), &config.file));
    different_targets("config", files)?;
    let names = configs.iter().map(|config| config.config_name.clone()).collect();
    let ids = ids::<ConfigKind>(names, client).await?;
    for (config, id) in configs.iter_mut().zip(ids) {
        config.config_id = id;
    }
    Ok(())
}

/// No two of what is added become the same file.
fn different_targets<'a>(
    kind: &str,
    files: impl Iterator<Item = (&'a str, &'a Option<FileTarget>)>,
) -> Result<()> {
    let mut targets = BTreeSet::new();
    for (name, file) in files {
        let target = file.as_ref().map(|file| file.name.as_str());
        if !targets.insert(target) {
            let message = format!("duplicate {kind} target for {name} not allowed");
            return Err(Error::refused(message));
        }
    }
    Ok(())
}

/// The ids of secrets, or configs, in the order of their names.
async fn ids<K: Kind>(names: Vec<String>, client: &Client) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let filters = names.iter().fold(Filters::default(), |all, name| all.with("name", name));
    let found = client.documents::<K>(&filters).await?;
    let id = |name: &String| {
        // The filter takes the beginnings of names, too.
        let found = found.iter().find(|one| one.spec.name == *name);
        let missing = || Error::refused(format!("{} not found: {name}", K::NAME));
        found.map(|one| one.id.to_string()).ok_or_else(missing)
    };
    names.iter().map(id).collect()
}
