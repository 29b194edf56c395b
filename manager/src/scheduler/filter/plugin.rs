//! The drivers that a task needs must be installed: for its log and its volumes.

use swarmlite_proto::spec::MountType;

use super::Refusal;
use crate::scheduler::candidate::Candidate;
use crate::scheduler::candidate::Group;

pub(super) fn check(group: &Group, candidate: &Candidate<'_>) -> Result<(), Refusal> {
    missing(group, candidate).next().map_or(Ok(()), Err)
}

/// Every driver that is missing.
pub(in crate::scheduler) fn missing<'a>(
    group: &'a Group,
    candidate: &'a Candidate<'_>,
) -> impl Iterator<Item = Refusal> + 'a {
    let description = candidate.node.description.as_ref();
    let missing = needed(group).into_iter().filter(move |(kind, name)| {
        let plugins = description.iter().flat_map(|description| &description.engine.plugins);
        // An engine that does not list a kind at all has not been asked for it.
        let mut listed = plugins.filter(|plugin| plugin.kind == *kind).peekable();
        listed.peek().is_some() && !listed.any(|plugin| same(&plugin.name, name))
    });
    missing.map(|(_, name)| Refusal::MissingPlugin(name.to_owned()))
}

fn needed(group: &Group) -> Vec<(&'static str, &str)> {
    let task = &group.revision.task;
    let log = task.log_driver.iter().map(|driver| ("Log", driver.name.as_str()));
    let mounts = task.container_spec.iter().flat_map(|container| &container.mounts);
    let volumes = mounts
        .filter(|mount| mount.kind == MountType::Volume)
        .filter_map(|mount| mount.volume_options.as_ref()?.driver_config.as_ref())
        .map(|driver| ("Volume", driver.name.as_str()));
    // Without a name the engine takes its own; `none` keeps no log.
    log.chain(volumes).filter(|(_, name)| !name.is_empty() && *name != "none").collect()
}

/// A plugin's name has the tag `latest` unless it says otherwise.
fn same(installed: &str, needed: &str) -> bool {
    installed == needed || installed.strip_suffix(":latest") == Some(needed)
}
