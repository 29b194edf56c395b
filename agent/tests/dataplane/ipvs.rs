//! What is asked of IPVS alone: its settings, read back from the kernel.

use std::net::SocketAddrV4;

use swarmlite_agent::testing::balancer::Backend;
use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::Service;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::held::Held;

use crate::sandbox::Sandbox;
use crate::subject::ASKING;
use crate::subject::Conversation;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;
use crate::subject::container;

/// A test. It panics if it fails.
pub(crate) type Case = fn(&Sandbox);

/// All of them.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("settings_are_as_the_data_plane_needs_them", settings_are_as_the_data_plane_needs_them),
    ("settings_that_others_change_are_repaired", settings_that_others_change_are_repaired),
    (
        "connections_are_remembered_for_as_long_as_said",
        connections_are_remembered_for_as_long_as_said,
    ),
];

/// Settings below `/proc/sys/net/ipv4/vs`, and what they have to be.
const SETTINGS: [(&str, &str); 6] = [
    ("conntrack", "1"),
    ("conn_reuse_mode", "1"),
    ("expire_nodest_conn", "1"),
    ("expire_quiescent_template", "1"),
    ("sloppy_tcp", "0"),
    ("drop_entry", "0"),
];

fn one_service() -> VirtualServices {
    let backends = vec![Backend { addr: container(1), port: None, weight: 1 }];
    VirtualServices::from([(Frontend::Address(VIP), Service { backends, ..Service::default() })])
}

fn setting(sandbox: &Sandbox, name: &str) -> String {
    sandbox.script(&format!("cat /proc/sys/net/ipv4/vs/{name}")).trim().to_owned()
}

fn settings_are_as_the_data_plane_needs_them(sandbox: &Sandbox) {
    sandbox.program(&one_service());
    for (name, value) in SETTINGS {
        assert_eq!(setting(sandbox, name), value, "{name}");
    }
}

fn settings_that_others_change_are_repaired(sandbox: &Sandbox) {
    let services = one_service();
    sandbox.program(&services);
    for (name, value) in SETTINGS {
        let other = if value == "0" { "1" } else { "0" };
        sandbox.script(&format!("echo {other} >/proc/sys/net/ipv4/vs/{name}"));
        assert_eq!(sandbox.held(), Held::Unknown, "{name}");
        sandbox.program(&services);
        assert_eq!(setting(sandbox, name), value, "{name}");
        assert_eq!(sandbox.held(), Held::Exactly(services.clone()));
    }
}

fn connections_are_remembered_for_as_long_as_said(sandbox: &Sandbox) {
    sandbox.program(&one_service());
    let client = container(ASKING);
    let mut connection = sandbox.connect(client, SocketAddrV4::new(VIP, PORT));
    assert_eq!(connection.ask(), "c1 10.0.1.13");
    // The kernel tells how much is left, in whole seconds.
    let days = 5 * 24 * 3600;
    let left = expiry(sandbox, "ESTABLISHED");
    assert!((days - 60..=days).contains(&left), "{left}");
    connection.hang_up().expect("the server ends it");
    let left = expiry(sandbox, "FIN_WAIT");
    assert!((90..=120).contains(&left), "{left}");
}

/// In how many seconds the last connection in this state is forgotten (`ip_vs_conn_seq_show`).
pub(crate) fn expiry(sandbox: &Sandbox, state: &str) -> u64 {
    let listed = sandbox.script("cat /proc/net/ip_vs_conn");
    let each = |line: &str| {
        let mut words = line.split_whitespace().skip(7);
        (words.next() == Some(state)).then(|| words.next()?.parse().ok()).flatten()
    };
    listed.lines().filter_map(each).max().unwrap_or_else(|| panic!("no {state}: {listed}"))
}
