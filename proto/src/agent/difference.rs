//! How the tasks of a service differ from those that a node knows: what it is told in place of all of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use super::EndpointAssignment;
use super::EndpointTask;
use crate::id::NetworkId;
use crate::id::ServiceId;
use crate::id::TaskId;

/// What is different in the tasks of a service on one network. Said to agents that speak
/// [`ENDPOINT_DIFFERENCES`](crate::protocol::ENDPOINT_DIFFERENCES).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointDifference {
    /// The network.
    pub network_id: NetworkId,
    /// The service.
    pub service_id: ServiceId,
    /// New and changed tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put: Vec<EndpointTask>,
    /// Tasks that are not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<TaskId>,
    /// The digest of all tasks as they are then: an agent that comes to another one did not have the tasks that this is the difference to.
    pub digest: u64,
}

/// A difference is to other tasks than those that the node knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the manager tells what has changed in service {0}, and this node does not know what it was"
)]
pub struct Unfitting(pub ServiceId);

impl EndpointDifference {
    /// How `new` differs from `old`. `None` when more is different than their tasks, or when it is shorter to tell all of them.
    #[must_use]
    pub fn between(old: &EndpointAssignment, new: &EndpointAssignment) -> Option<Self> {
        let EndpointAssignment {
            network_id,
            service_id,
            name,
            aliases,
            mode,
            vip,
            balancing,
            ports,
            http,
            tasks,
        } = old;
        let same = (network_id, service_id, name, aliases, mode, vip)
            == (&new.network_id, &new.service_id, &new.name, &new.aliases, &new.mode, &new.vip)
            && (balancing, ports, http) == (&new.balancing, &new.ports, &new.http);
        let (before, now) = (by_id(tasks), by_id(&new.tasks));
        let unique = before.len() == tasks.len() && now.len() == new.tasks.len();
        let changed = now.iter().filter(|(id, task)| before.get(*id) != Some(*task));
        let put: Vec<EndpointTask> = changed.map(|(_, task)| EndpointTask::clone(task)).collect();
        if !same || !unique || put.len() >= now.len() {
            return None;
        }
        Some(Self {
            network_id: network_id.clone(),
            service_id: service_id.clone(),
            put,
            remove: before.into_keys().filter(|id| !now.contains_key(id)).cloned().collect(),
            digest: digest(now.into_values()),
        })
    }

    /// Makes the tasks of `endpoint` those that the manager has.
    ///
    /// # Errors
    ///
    /// When they were not those that this is the difference to; `endpoint` is not changed then.
    pub fn apply(&self, endpoint: &mut EndpointAssignment) -> Result<(), Unfitting> {
        let mut tasks = by_id(&endpoint.tasks);
        for id in &self.remove {
            tasks.remove(id);
        }
        tasks.extend(by_id(&self.put));
        if digest(tasks.values().copied()) != self.digest {
            return Err(Unfitting(self.service_id.clone()));
        }
        endpoint.tasks = tasks.into_values().cloned().collect();
        Ok(())
    }
}

fn by_id(tasks: &[EndpointTask]) -> BTreeMap<&TaskId, &EndpointTask> {
    tasks.iter().map(|task| (&task.task_id, task)).collect()
}

/// The first eight bytes of a SHA-256 over these tasks, which are in the order of their ids. Later members of [`EndpointTask`] must not go into it: older
/// agents would not come to the same.
fn digest<'a>(tasks: impl Iterator<Item = &'a EndpointTask>) -> u64 {
    let mut digest = Sha256::new();
    for EndpointTask { task_id, addr, node_id, serving } in tasks {
        digest.update(task_id.as_str());
        digest.update(addr.octets());
        digest.update(node_id.as_str());
        digest.update([u8::from(*serving)]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::str::FromStr;

    use proptest::prelude::*;

    use super::*;
    use crate::balance::Balancing;
    use crate::spec::EndpointMode;

    fn id<T: FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
        let letter = char::from(b'a' + number);
        letter.to_string().repeat(25).parse().expect("an id")
    }

    fn task(number: u8, node: u8, serving: bool) -> EndpointTask {
        let addr = Ipv4Addr::new(10, 0, 1, number);
        EndpointTask { task_id: id(number), addr, node_id: id(node), serving }
    }

    fn endpoint(tasks: impl IntoIterator<Item = EndpointTask>) -> EndpointAssignment {
        EndpointAssignment {
            network_id: id(0),
            service_id: id(1),
            name: "web".to_owned(),
            aliases: Vec::new(),
            mode: EndpointMode::Vip,
            vip: None,
            balancing: Balancing::default(),
            ports: Vec::new(),
            http: Vec::new(),
            tasks: tasks.into_iter().collect(),
        }
    }

    fn any_endpoint() -> impl Strategy<Value = EndpointAssignment> {
        prop::collection::btree_map(0..20_u8, (0..2_u8, any::<bool>()), 0..20).prop_map(|tasks| {
            endpoint(tasks.into_iter().map(|(number, (node, serving))| task(number, node, serving)))
        })
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let before = endpoint([task(1, 1, true), task(2, 1, true), task(3, 1, true)]);
        let after = endpoint([task(1, 1, true), task(3, 1, false), task(4, 2, false)]);
        let difference = EndpointDifference::between(&before, &after).expect("is shorter");
        assert_eq!(difference.put, [task(3, 1, false), task(4, 2, false)]);
        assert_eq!(difference.remove, [id::<TaskId>(2)]);
    }

    #[test]
    fn all_is_told_if_that_is_shorter_or_more_is_different() {
        let one = endpoint([task(1, 1, true), task(2, 1, true)]);
        let none = endpoint([]);
        for (before, after) in [(&none, &one), (&one, &none)] {
            assert_eq!(EndpointDifference::between(before, after), None);
        }
        let renamed = EndpointAssignment { name: "shop".to_owned(), ..one.clone() };
        assert_eq!(EndpointDifference::between(&one, &renamed), None);
        let twice = endpoint([task(1, 1, true), task(1, 1, true)]);
        assert_eq!(EndpointDifference::between(&one, &twice), None, "two addresses of one task");
    }

    /// Kept, as agents of other versions have to come to the same.
    #[test]
    fn a_digest_stays_what_it_is() {
        let tasks = [task(1, 1, true), task(2, 1, false)];
        assert_eq!(digest(tasks.iter()), 7_668_345_971_789_038_788);
    }

    proptest! {
        #[test]
        fn a_difference_leads_from_one_to_the_other(
            before in any_endpoint(),
            after in any_endpoint(),
        ) {
            if let Some(difference) = EndpointDifference::between(&before, &after) {
                let mut told = before;
                difference.apply(&mut told).expect("fits");
                prop_assert_eq!(told, after);
            }
        }

        #[test]
        fn a_difference_to_something_else_is_noticed(
            [before, after, other] in [any_endpoint(), any_endpoint(), any_endpoint()],
        ) {
            if let Some(difference) = EndpointDifference::between(&before, &after) {
                let mut told = other.clone();
                match difference.apply(&mut told) {
                    Ok(()) => prop_assert_eq!(told.tasks, after.tasks),
                    Err(Unfitting(service)) => prop_assert_eq!((service, told), (id(1), other)),
                }
            }
        }
    }
}
