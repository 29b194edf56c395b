//! The tables of the state, and nothing that follows from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use serde::Deserialize;
use serde::Deserializer;
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
    #[serde(deserialize_with = "table")]
    pub(crate) nodes: OrdMap<NodeId, Arc<Node>>,
    #[serde(deserialize_with = "table")]
    pub(crate) services: OrdMap<ServiceId, Arc<Service>>,
    #[serde(deserialize_with = "table")]
    pub(crate) tasks: OrdMap<TaskId, Arc<Task>>,
    #[serde(deserialize_with = "table")]
    pub(crate) networks: OrdMap<NetworkId, Arc<Network>>,
    #[serde(default, deserialize_with = "table")]
    pub(crate) secrets: OrdMap<SecretId, Arc<Secret>>,
    #[serde(default, deserialize_with = "table")]
    pub(crate) configs: OrdMap<ConfigId, Arc<Config>>,
    #[serde(deserialize_with = "table_of_tables")]
    pub(crate) revisions: OrdMap<ServiceId, OrdMap<Version, Arc<Revision>>>,
    #[serde(default, deserialize_with = "table")]
    pub(crate) attachments: OrdMap<AttachmentId, Arc<Attachment>>,
    #[serde(default)]
    pub(crate) cursors: Cursors,
    #[serde(default)]
    pub(crate) acme_account: Option<Arc<AcmeAccount>>,
    #[serde(default, deserialize_with = "table")]
    pub(crate) acme_hosts: OrdMap<String, Arc<AcmeHost>>,
}

/// Reads a table. Those of imbl make room for as many rows as the input says that it has, and damaged input says what it likes.
pub(super) fn table<'de, D, K, V>(deserializer: D) -> Result<OrdMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Ord + Clone + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    BTreeMap::deserialize(deserializer).map(|rows| rows.into_iter().collect())
}

/// Reads a table whose rows are tables.
fn table_of_tables<'de, D, K, L, V>(deserializer: D) -> Result<OrdMap<K, OrdMap<L, V>>, D::Error>
where
    D: Deserializer<'de>,
    K: Ord + Clone + Deserialize<'de>,
    L: Ord + Clone + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    let rows = BTreeMap::<K, BTreeMap<L, V>>::deserialize(deserializer)?;
    Ok(rows.into_iter().map(|(key, rows)| (key, OrdMap::from(rows))).collect())
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

#[cfg(test)]
mod tests {
    use swarmlite_proto::messagepack;

    use super::super::Snapshot;
    use super::super::State;

    /// The header of a map that says it has 2³² − 1 rows.
    const FULL: [u8; 5] = [0xdf, 0xff, 0xff, 0xff, 0xff];

    #[test]
    fn a_table_that_says_it_is_huge_is_damaged_and_takes_no_memory() {
        let sound = messagepack::encode(&Snapshot::from(State::default())).expect("encodes");
        let mut tables = 0;
        // Empty maps, and the last letters of their names before them.
        for at in
            (1..sound.len()).filter(|at| sound[*at] == 0x80 && sound[at - 1].is_ascii_lowercase())
        {
            let damaged = [&sound[..at], &FULL, &sound[at + 1..]].concat();
            messagepack::decode::<Snapshot>(&damaged).expect_err("has no such rows");
            tables += 1;
        }
        assert_eq!(tables, 11, "nine of the state, and two of the cursors");
    }

    #[test]
    fn a_table_in_a_table_that_says_it_is_huge_is_damaged_too() {
        let sound = messagepack::encode(&Snapshot::from(State::default())).expect("encodes");
        let name = b"revisions";
        let at = sound.windows(name.len()).position(|bytes| bytes == name).expect("is there");
        let (before, after) = sound.split_at(at + name.len());
        let service = [&[0x81, 0xb9][..], &[b'a'; 25], &FULL].concat();
        let damaged = [before, &service, &after[1..]].concat();
        messagepack::decode::<Snapshot>(&damaged).expect_err("has no such rows");
    }
}
