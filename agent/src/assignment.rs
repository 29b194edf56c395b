//! What this node knows of the cluster: the assignments it was sent, put together. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::agent::AcmeAnswer;
use swarmlite_proto::agent::Assignment;
use swarmlite_proto::agent::AssignmentKey;
use swarmlite_proto::agent::AssignmentSet;
use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::EndpointDifference;
use swarmlite_proto::agent::HttpAssignment;
use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::agent::Unfitting;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::Secret;
use swarmlite_proto::registry::PullCredentials;
use swarmlite_proto::version::Generation;

/// Everything this node is to know. Cheap to clone: what does not change is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignments {
    /// The state of the cluster this was computed from.
    pub generation: Generation,
    /// The tasks of this node.
    pub tasks: BTreeMap<TaskId, Arc<TaskAssignment>>,
    /// The networks this node has to be on.
    pub networks: BTreeMap<NetworkId, Arc<NetworkAssignment>>,
    /// The nodes of the data plane, this one included.
    pub peers: BTreeMap<NodeId, Arc<PeerAssignment>>,
    /// The services on those networks.
    pub endpoints: BTreeMap<(NetworkId, ServiceId), Arc<EndpointAssignment>>,
    /// The secrets of those tasks, and of the rules of HTTP routing. In memory only: they are never written down, and come anew with each session.
    #[serde(skip)]
    pub secrets: BTreeMap<SecretId, Arc<Secret>>,
    /// The configs of those tasks. Not written down either, as the files that were made of them are.
    #[serde(skip)]
    pub configs: BTreeMap<ConfigId, Arc<Config>>,
    /// The standalone containers on those networks, of every node.
    #[serde(default)]
    pub attachments: BTreeMap<AttachmentId, Arc<AttachmentAssignment>>,
    /// How this node answers HTTP, if it does.
    #[serde(default)]
    pub http: Option<HttpAssignment>,
    /// What ACME servers may ask for. In memory only, as it has no use once the order is done.
    #[serde(skip)]
    pub acme: Vec<AcmeAnswer>,
}

/// The set does not follow on what this node has already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is older.
    #[error("assignments of generation {got} are older than {have}")]
    Stale {
        /// The generation of the set.
        got: Generation,
        /// The generation this node has.
        have: Generation,
    },
    /// It tells what has changed, and that was not so here.
    #[error(transparent)]
    Unfitting(#[from] Unfitting),
}

impl Assignments {
    /// Applies `set`. In a difference, removals come first, so that it may replace what it removes.
    ///
    /// # Errors
    ///
    /// When `set` is older than what is here, or is the difference to something else; nothing is changed then.
    pub fn apply(&mut self, set: AssignmentSet) -> Result<(), Unusable> {
        if set.generation < self.generation {
            return Err(Unusable::Stale { got: set.generation, have: self.generation });
        }
        let changed = set.differences.iter().map(|difference| self.changed(difference));
        let changed = changed.collect::<Result<Vec<_>, _>>()?;
        if set.complete {
            *self = Self::default();
        }
        self.generation = set.generation;
        for key in set.remove {
            self.remove(key);
        }
        for assignment in set.put {
            self.put(assignment);
        }
        for endpoint in changed {
            self.put(Assignment::Endpoint(endpoint));
        }
        Ok(())
    }

    /// The service that `difference` is about, as it is now.
    fn changed(&self, difference: &EndpointDifference) -> Result<EndpointAssignment, Unfitting> {
        let key = (difference.network_id.clone(), difference.service_id.clone());
        let known = self.endpoints.get(&key).ok_or(Unfitting(key.1))?;
        let mut endpoint = EndpointAssignment::clone(known);
        difference.apply(&mut endpoint)?;
        Ok(endpoint)
    }

    /// What of this may lie on a disk: all but the credentials for registries.
    #[must_use]
    pub fn for_disk(&self) -> Self {
        let mut kept = self.clone();
        for task in kept.tasks.values_mut() {
            if matches!(task.credentials, PullCredentials::Known(_)) {
                Arc::make_mut(task).credentials = PullCredentials::Withheld;
            }
        }
        kept
    }

    /// The standalone containers of `node` that are on networks of the cluster.
    pub fn attachments_of<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> impl Iterator<Item = &'a Arc<AttachmentAssignment>> {
        self.attachments.values().filter(move |attachment| attachment.node_id == *node)
    }

    fn put(&mut self, assignment: Assignment) {
        match assignment {
            Assignment::Task(task) => {
                self.tasks.insert(task.id.clone(), Arc::from(task));
            }
            Assignment::Network(network) => {
                self.networks.insert(network.id.clone(), Arc::new(network));
            }
            Assignment::Peer(peer) => {
                self.peers.insert(peer.node_id.clone(), Arc::new(peer));
            }
            Assignment::Endpoint(endpoint) => {
                let key = (endpoint.network_id.clone(), endpoint.service_id.clone());
                self.endpoints.insert(key, Arc::new(endpoint));
            }
            Assignment::Secret(secret) => {
                self.secrets.insert(secret.id.clone(), secret);
            }
            Assignment::Config(config) => {
                self.configs.insert(config.id.clone(), config);
            }
            Assignment::Attachment(attachment) => {
                self.attachments.insert(attachment.id.clone(), Arc::new(attachment));
            }
            Assignment::Http(http) => self.http = Some(http),
            Assignment::Acme(answers) => self.acme = answers,
        }
    }

    fn remove(&mut self, key: AssignmentKey) {
        match key {
            AssignmentKey::Task(id) => drop(self.tasks.remove(&id)),
            AssignmentKey::Network(id) => drop(self.networks.remove(&id)),
            AssignmentKey::Peer(id) => drop(self.peers.remove(&id)),
            AssignmentKey::Secret(id) => drop(self.secrets.remove(&id)),
            AssignmentKey::Config(id) => drop(self.configs.remove(&id)),
            AssignmentKey::Endpoint(network, service) => {
                drop(self.endpoints.remove(&(network, service)));
            }
            AssignmentKey::Attachment(id) => drop(self.attachments.remove(&id)),
            AssignmentKey::Http => self.http = None,
            AssignmentKey::Acme => self.acme.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::net::Ipv4Addr;
    use std::str::FromStr;

    use proptest::prelude::*;
    use swarmlite_proto::agent::EndpointTask;
    use swarmlite_proto::balance::Balancing;
    use swarmlite_proto::object::NodeIndex;
    use swarmlite_proto::spec::EndpointMode;

    use super::*;

    fn peer(letter: char, index: u16) -> Assignment {
        Assignment::Peer(PeerAssignment {
            node_id: letter.to_string().repeat(25).parse().expect("an id"),
            index: NodeIndex(index),
            data_path_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        })
    }

    fn set(generation: u64, complete: bool, put: &[Assignment]) -> AssignmentSet {
        let generation = Generation(generation);
        AssignmentSet { generation, complete, put: put.to_vec(), ..AssignmentSet::default() }
    }

    #[test]
    fn a_complete_set_replaces_and_a_difference_amends() {
        let mut known = Assignments::default();
        known.apply(set(3, true, &[peer('a', 1), peer('b', 2)])).expect("newer");
        let remove = vec![peer('a', 1).key()];
        let difference = AssignmentSet { remove, ..set(4, false, &[peer('c', 3)]) };
        known.apply(difference).expect("newer");
        assert_eq!(known.peers.values().map(|peer| peer.index.0).collect::<Vec<_>>(), [2, 3]);
        known.apply(set(4, true, &[peer('a', 9)])).expect("as new");
        assert_eq!(known.peers.values().map(|peer| peer.index.0).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn an_older_set_is_refused_whole() {
        let mut known = Assignments::default();
        known.apply(set(3, true, &[peer('a', 1)])).expect("newer");
        let before = known.clone();
        let refused = known.apply(set(2, true, &[])).expect_err("older");
        assert_eq!(refused, Unusable::Stale { got: Generation(2), have: Generation(3) });
        assert_eq!(known, before);
    }

    fn id<T: FromStr<Err: std::fmt::Debug>>(letter: char) -> T {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    /// A service with these tasks.
    fn endpoint(tasks: &str) -> EndpointAssignment {
        let tasks = tasks.chars().map(|letter| EndpointTask {
            task_id: id(letter),
            addr: Ipv4Addr::LOCALHOST,
            node_id: id('n'),
            serving: true,
        });
        EndpointAssignment {
            network_id: id('e'),
            service_id: id('s'),
            name: "web".to_owned(),
            aliases: Vec::new(),
            mode: EndpointMode::Vip,
            vip: None,
            balancing: Balancing::default(),
            ports: Vec::new(),
            http: Vec::new(),
            tasks: tasks.collect(),
        }
    }

    #[test]
    fn a_difference_to_the_tasks_of_a_service_makes_them_those_it_leads_to() {
        let (before, after) = (endpoint("abc"), endpoint("acd"));
        let difference = EndpointDifference::between(&before, &after).expect("is shorter");
        let differences = vec![difference];
        let mut known = Assignments::default();
        known.apply(set(1, true, &[Assignment::Endpoint(before)])).expect("newer");
        known.apply(AssignmentSet { differences, ..set(2, false, &[]) }).expect("fits");
        assert_eq!(known.endpoints.values().map(AsRef::as_ref).collect::<Vec<_>>(), [&after]);
    }

    #[test]
    fn a_difference_to_something_else_is_refused_whole() {
        let difference = EndpointDifference::between(&endpoint("abc"), &endpoint("acd"));
        let differences = vec![difference.expect("is shorter")];
        for there in [None, Some(endpoint("abe"))] {
            let there: Vec<Assignment> = there.into_iter().map(Assignment::Endpoint).collect();
            let mut known = Assignments::default();
            known.apply(set(1, true, &there)).expect("newer");
            let before = known.clone();
            let next = set(2, false, &[peer('a', 1)]);
            let refused = known.apply(AssignmentSet { differences: differences.clone(), ..next });
            assert_eq!(refused, Err(Unusable::Unfitting(Unfitting(id('s')))));
            assert_eq!(known, before);
        }
    }

    proptest! {
        #[test]
        fn differences_add_up_to_the_complete_set(
            changes in prop::collection::vec((0..5u8, prop::option::of(1..9u16)), 0..30),
        ) {
            let mut known = Assignments::default();
            let mut expected = BTreeMap::new();
            for (generation, (letter, index)) in (1..).zip(changes) {
                let letter = char::from(b'a' + letter);
                let mut difference = set(generation, false, &[]);
                match index {
                    Some(index) => {
                        difference.put.push(peer(letter, index));
                        expected.insert(letter, index);
                    }
                    None => {
                        difference.remove.push(peer(letter, 0).key());
                        expected.remove(&letter);
                    }
                }
                known.apply(difference).expect("newer");
            }
            let everything: Vec<_> =
                expected.into_iter().map(|(letter, index)| peer(letter, index)).collect();
            let mut complete = Assignments::default();
            complete.apply(set(known.generation.0, true, &everything)).expect("newer");
            prop_assert_eq!(known, complete);
        }
    }
}
