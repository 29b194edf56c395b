//! What is asked of nftables alone: a table that was amended is the table that would have been written as a whole.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use swarmlite_agent::testing::balancer::Backend;
use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::Service;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::held::Held;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use crate::ipvs::Case;
use crate::sandbox::Sandbox;
use crate::subject::ASKING;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;
use crate::subject::container;

/// All of them.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("an_amended_table_is_as_one_that_was_replaced", an_amended_table_is_as_one_that_was_replaced),
    ("what_others_change_after_an_amendment_is_repaired", what_others_change_is_repaired),
    ("no_change_refuses_a_connection", no_change_refuses_a_connection),
];

/// How many walks there are, and how many changes each has.
const WALKS: u64 = 6;
const CHANGES: u32 = 15;

/// How often a table is replaced under connections.
const REPLACEMENTS: usize = 100;

/// How many services there are to choose from.
const SERVICES: u8 = 12;

fn an_amended_table_is_as_one_that_was_replaced(sandbox: &Sandbox) {
    for seed in 0..WALKS {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut services = VirtualServices::new();
        for number in 0..SERVICES {
            change(&mut services, number, &mut rng);
        }
        sandbox.program(&services);
        for _ in 0..CHANGES {
            for _ in 0..rng.random_range(1..=3) {
                change(&mut services, rng.random_range(0..SERVICES), &mut rng);
            }
            sandbox.program(&services);
            assert_eq!(sandbox.held(), Held::Exactly(services.clone()), "seed {seed}");
        }
        let amended = table(sandbox);
        // One that remembers nothing writes all of it.
        sandbox.restart();
        sandbox.program(&services);
        assert_eq!(amended, table(sandbox), "seed {seed}: {services:?}");
    }
}

fn what_others_change_is_repaired(sandbox: &Sandbox) {
    let mut rng = StdRng::seed_from_u64(99);
    let mut services = VirtualServices::new();
    (0..SERVICES).for_each(|number| change(&mut services, number, &mut rng));
    sandbox.program(&services);
    for foreign in
        ["add rule ip swarmlite_balancer prerouting accept", "add table ip somebody_elses"]
    {
        let frontend = *services.keys().next().expect("there are some");
        let backends = vec![backend(&mut rng, frontend), backend(&mut rng, frontend)];
        services.insert(frontend, Service { backends, ..Service::default() });
        sandbox.program(&services);
        assert_eq!(sandbox.held(), Held::Exactly(services.clone()));
        sandbox.script(&format!("nft '{foreign}'"));
        assert_eq!(sandbox.held(), Held::Unknown, "{foreign}");
        sandbox.program(&services);
        assert_eq!(sandbox.held(), Held::Exactly(services.clone()), "{foreign}");
    }
    sandbox.script("nft 'delete table ip somebody_elses'");
}

/// A packet has to be on its way through the table just when that is replaced. So a chain of somebody else's, with as many rules as keep a packet busy for
/// some time, is put between the hooks of the table that is there and those of the one that comes.
fn no_change_refuses_a_connection(sandbox: &Sandbox) {
    let slow = "meta length 1 drop\n".repeat(1000);
    sandbox
        .script(&format!("nft -f - <<'END'\ntable ip slow {{\nchain rules {{\n{slow}}}\n}}\nEND"));
    let again = "add chain ip slow prerouting
        delete chain ip slow prerouting
        add chain ip slow prerouting { type nat hook prerouting priority dstnat; }
        add rule ip slow prerouting jump rules";
    let service = |backends: Vec<Backend>| {
        let service = Service { backends, ..Service::default() };
        VirtualServices::from([(Frontend::Address(VIP), service)])
    };
    let backend = |number| Backend { addr: container(number), port: None, weight: 1 };
    let [one, both] = [service(vec![backend(1)]), service(vec![backend(1), backend(2)])];
    sandbox.program(&one);
    let answers = sandbox.ask_during(container(ASKING), SocketAddrV4::new(VIP, PORT), || {
        for services in [&both, &one].into_iter().cycle().take(REPLACEMENTS) {
            sandbox.script(&format!("nft -f - <<'END'\n{again}\nEND"));
            sandbox.program(services);
        }
    });
    let of_servers = [1, 2].map(|number| format!("c{number} {}", container(ASKING)));
    let wrong: Vec<_> = answers.iter().filter(|answer| !of_servers.contains(answer)).collect();
    assert!(wrong.is_empty() && !answers.is_empty(), "of {}: {wrong:?}", answers.len());
    sandbox.script("nft 'delete table ip slow'");
}

/// Makes, changes or removes service `number`.
fn change(services: &mut VirtualServices, number: u8, rng: &mut StdRng) {
    let frontend = match number % 3 {
        0 => Frontend::Address(Ipv4Addr::new(10, 0, 2, number)),
        1 => Frontend::Port { protocol: PortProtocol::Tcp, port: number.into() },
        _ => Frontend::Port { protocol: PortProtocol::Udp, port: number.into() },
    };
    if rng.random_ratio(1, 4) {
        services.remove(&frontend);
        return;
    }
    let backends = (0..rng.random_range(0..4)).map(|_| backend(rng, frontend)).collect();
    let scheduler = if rng.random() { Scheduler::Rr } else { Scheduler::Wrr };
    let sticky = rng.random_ratio(1, 4).then_some(300);
    services.insert(frontend, Service { balancing: Balancing { scheduler, sticky }, backends });
}

fn backend(rng: &mut StdRng, frontend: Frontend) -> Backend {
    let addr = Ipv4Addr::new(10, 0, 3, rng.random());
    let port = match frontend {
        Frontend::Address(_) => None,
        Frontend::Port { .. } => Some(8000),
    };
    Backend { addr, port, weight: rng.random_range(0..3) }
}

/// The chains and maps of the table, as the kernel prints them. They have no order, and neither have the elements of a map.
fn table(sandbox: &Sandbox) -> BTreeSet<Vec<String>> {
    let printed = sandbox.script("nft -s list table ip swarmlite_balancer");
    let block = |block: &str| {
        let words = block.split([',', '\n']).map(|line| line.trim().to_owned());
        let words: BTreeSet<String> = words.filter(|line| !line.is_empty()).collect();
        words.into_iter().collect()
    };
    printed.split("\n\t}\n").map(block).collect()
}
