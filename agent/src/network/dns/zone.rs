//! Names and what they stand for. Pure: made anew from the assignments whenever those change.
//!
//! On each network, the name of a service and its aliases stand for its virtual address, or, in dnsrr mode, for all its serving
//! tasks; `tasks.NAME` always stands for all serving tasks. The name of a standalone container, its short id and its aliases
//! stand for its address while it runs. A container sees the names of every network it is on, and of no other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::spec::EndpointMode;

/// The prefix of names that stand for all tasks of a service.
const TASKS_PREFIX: &str = "tasks.";

/// Everything that resolves on this node, and who may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    networks: BTreeMap<NetworkId, Zone>,
    /// The networks of each local container, by its address on each of them.
    clients: BTreeMap<(NetworkId, Ipv4Addr), Vec<NetworkId>>,
}

type Zone = BTreeMap<String, BTreeSet<Ipv4Addr>>;

impl Names {
    /// The names that follow from what this node was assigned.
    pub(crate) fn of<'a>(
        endpoints: impl IntoIterator<Item = &'a EndpointAssignment>,
        tasks: impl IntoIterator<Item = &'a TaskAssignment>,
        attachments: impl IntoIterator<Item = &'a AttachmentAssignment>,
    ) -> Self {
        let mut names = Self::default();
        for endpoint in endpoints {
            let zone = names.networks.entry(endpoint.network_id.clone()).or_default();
            add_endpoint(zone, endpoint);
        }
        for task in tasks {
            let networks: Vec<_> = task.attachments.iter().map(|a| a.network_id.clone()).collect();
            for attachment in &task.attachments {
                let address = (attachment.network_id.clone(), attachment.addr.addr());
                names.clients.insert(address, networks.clone());
            }
        }
        names.attach(attachments);
        names
    }

    /// Adds standalone containers. Those of one container see the names of all its networks.
    fn attach<'a>(&mut self, attachments: impl IntoIterator<Item = &'a AttachmentAssignment>) {
        let mut containers: BTreeMap<&str, Vec<(NetworkId, Ipv4Addr)>> = BTreeMap::new();
        for attachment in attachments {
            let Some(container) = &attachment.container else { continue };
            let address = (attachment.network_id.clone(), attachment.addr.addr());
            containers.entry(&container.id).or_default().push(address);
            if !attachment.serving {
                continue;
            }
            let zone = self.networks.entry(attachment.network_id.clone()).or_default();
            let aliases = attachment.aliases.iter().map(String::as_str);
            for name in aliases.chain([container.name.as_str(), container.short_id()]) {
                zone.entry(name.to_lowercase()).or_default().insert(attachment.addr.addr());
            }
        }
        for addresses in containers.into_values() {
            let networks: Vec<NetworkId> =
                addresses.iter().map(|(network, _)| network.clone()).collect();
            let clients = addresses.into_iter().map(|address| (address, networks.clone()));
            self.clients.extend(clients);
        }
    }

    /// What `name` stands for when `client` asks on `network`. `None`: this is no name of ours, and others may know it.
    ///
    /// A name that exists and has no task to stand for is ours all the same, and stands for nothing.
    #[must_use]
    pub(crate) fn resolve(
        &self,
        network: &NetworkId,
        client: Ipv4Addr,
        name: &str,
    ) -> Option<&BTreeSet<Ipv4Addr>> {
        let name = name.trim_end_matches('.').to_lowercase();
        let own = std::slice::from_ref(network);
        let visible = self.clients.get(&(network.clone(), client)).map_or(own, Vec::as_slice);
        visible.iter().find_map(|network| self.networks.get(network)?.get(&name))
    }
}

fn add_endpoint(zone: &mut Zone, endpoint: &EndpointAssignment) {
    let tasks: BTreeSet<Ipv4Addr> =
        endpoint.tasks.iter().filter(|task| task.serving).map(|task| task.addr).collect();
    let service = match (endpoint.mode, endpoint.vip) {
        (EndpointMode::Vip, Some(vip)) => BTreeSet::from([vip]),
        (EndpointMode::Vip | EndpointMode::DnsRr, _) => tasks.clone(),
    };
    // Services can share an alias: it then stands for all of them.
    for name in std::iter::once(&endpoint.name).chain(&endpoint.aliases) {
        let name = name.to_lowercase();
        zone.entry(format!("{TASKS_PREFIX}{name}")).or_default().extend(&tasks);
        zone.entry(name).or_default().extend(&service);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use swarmlite_proto::agent::EndpointTask;
    use swarmlite_proto::agent::TaskAttachment;
    use swarmlite_proto::attachment::AttachedContainer;
    use swarmlite_proto::balance::Balancing;
    use swarmlite_proto::id::AttachmentId;
    use swarmlite_proto::id::NodeId;
    use swarmlite_proto::id::ServiceId;
    use swarmlite_proto::id::TaskId;
    use swarmlite_proto::task_state::TaskState;

    use super::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
    const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 3);
    const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 4);
    const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 9);

    fn network(seed: u64) -> NetworkId {
        NetworkId::random(&mut StdRng::seed_from_u64(seed))
    }

    fn endpoint(network: &NetworkId, name: &str, vip: Option<Ipv4Addr>) -> EndpointAssignment {
        let mut rng = StdRng::seed_from_u64(1);
        let mut task = |addr, serving| EndpointTask {
            task_id: TaskId::random(&mut rng),
            addr,
            node_id: NodeId::random(&mut rng),
            serving,
        };
        EndpointAssignment {
            network_id: network.clone(),
            tasks: vec![task(ONE, true), task(TWO, true), task(CLIENT, false)],
            service_id: ServiceId::random(&mut rng),
            name: name.to_owned(),
            aliases: vec!["www".to_owned()],
            mode: if vip.is_some() { EndpointMode::Vip } else { EndpointMode::DnsRr },
            vip,
            balancing: Balancing::default(),
            http: Vec::new(),
            ports: Vec::new(),
        }
    }

    fn client(networks: &[NetworkId]) -> TaskAssignment {
        let mut rng = StdRng::seed_from_u64(2);
        TaskAssignment {
            id: TaskId::random(&mut rng),
            service_id: ServiceId::random(&mut rng),
            service_name: "client".to_owned(),
            service_labels: BTreeMap::default(),
            slot: 1,
            node_id: NodeId::random(&mut rng),
            spec: std::sync::Arc::default(),
            desired_state: TaskState::Running,
            observed_state: TaskState::Running,
            attachments: networks
                .iter()
                .map(|network| TaskAttachment {
                    network_id: network.clone(),
                    addr: ipnet::Ipv4Net::new_assert(CLIENT, 24),
                    aliases: Vec::new(),
                })
                .collect(),
            host_ports: Vec::new(),
            credentials: Default::default(),
            generic_resources: Vec::new(),
            log_driver: None,
        }
    }

    fn ask(names: &Names, network: &NetworkId, name: &str) -> Option<Vec<Ipv4Addr>> {
        names.resolve(network, CLIENT, name).map(|found| found.iter().copied().collect())
    }

    #[test]
    fn a_service_stands_for_its_vip_and_tasks_for_those_that_serve() {
        let front = network(1);
        let names = Names::of(&[endpoint(&front, "Web", Some(VIP))], &[], &[]);
        for (name, expected) in [
            ("web", vec![VIP]),
            ("WEB.", vec![VIP]),
            ("www", vec![VIP]),
            ("tasks.web", vec![ONE, TWO]),
            ("tasks.www", vec![ONE, TWO]),
        ] {
            assert_eq!(ask(&names, &front, name), Some(expected), "{name}");
        }
        assert_eq!(ask(&names, &front, "web.example.com"), None);
    }

    #[test]
    fn without_a_vip_the_name_stands_for_the_tasks() {
        let front = network(1);
        let names = Names::of(&[endpoint(&front, "web", None)], &[], &[]);
        assert_eq!(ask(&names, &front, "web"), Some(vec![ONE, TWO]));
    }

    #[test]
    fn a_container_sees_the_names_of_its_networks_and_of_no_other() {
        let (front, back, other) = (network(1), network(2), network(3));
        let endpoints = [
            endpoint(&front, "web", Some(VIP)),
            endpoint(&back, "db", Some(VIP)),
            endpoint(&other, "secret", Some(VIP)),
        ];
        let names = Names::of(&endpoints, &[client(&[front.clone(), back])], &[]);
        assert!(ask(&names, &front, "web").is_some());
        assert!(ask(&names, &front, "db").is_some(), "asked on one network, found on the other");
        assert_eq!(ask(&names, &front, "secret"), None);
        let stranger = Ipv4Addr::new(10, 0, 1, 77);
        assert_eq!(names.resolve(&front, stranger, "db"), None, "who is on one network only");
    }

    #[test]
    fn a_container_of_no_service_has_its_names_while_it_runs() {
        let (front, back) = (network(1), network(2));
        let mut rng = StdRng::seed_from_u64(3);
        let container = AttachedContainer {
            id: "0123456789abcdef".repeat(4),
            name: "Shell".to_owned(),
            running: true,
        };
        let mut on = |network: &NetworkId, addr| AttachmentAssignment {
            id: AttachmentId::random(&mut rng),
            network_id: network.clone(),
            node_id: NodeId::random(&mut rng),
            addr: ipnet::Ipv4Net::new_assert(addr, 24),
            aliases: vec!["db".to_owned()],
            container: Some(container.clone()),
            serving: true,
        };
        let both = [on(&front, CLIENT), on(&back, ONE)];
        let services = [endpoint(&back, "web", Some(VIP))];
        let names = Names::of(&services, &[], &both);
        for name in ["shell", "db", "0123456789ab"] {
            assert_eq!(ask(&names, &front, name), Some(vec![CLIENT]), "{name}");
        }
        assert_eq!(ask(&names, &front, "web"), Some(vec![VIP]), "it is on both networks");
        let stopped = both.map(|one| AttachmentAssignment { serving: false, ..one });
        assert_eq!(ask(&Names::of(&services, &[], &stopped), &front, "shell"), None);
    }

    #[test]
    fn a_shared_alias_stands_for_all_that_share_it() {
        let front = network(1);
        let second = Ipv4Addr::new(10, 0, 1, 100);
        let names = Names::of(
            &[endpoint(&front, "blue", Some(VIP)), endpoint(&front, "green", Some(second))],
            &[],
            &[],
        );
        assert_eq!(ask(&names, &front, "www"), Some(vec![VIP, second]));
    }
}
