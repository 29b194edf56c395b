//! One sandbox as the data plane makes it, with everything around it but the balancer: what a balancer finds.
//!
//! ```text
//!  node: 198.51.100.7, the outside client         sandbox: 10.0.1.1, the gateway; 10.0.1.2, a virtual address
//!   swarmlite0 169.254.255.1 ─── uplink0 169.254.255.2    e1 ── c1 10.0.1.11, a server
//!                                                         e2 ── c2 10.0.1.12, a server
//!                                                         e3 ── c3 10.0.1.13
//! ```

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use swarmlite_agent::network::balancer::Balancer;
use swarmlite_agent::network::balancer::VirtualServices;
use swarmlite_agent::network::balancer::choice::balancer;
use swarmlite_agent::network::linux::namespace::run_inside;
use swarmlite_agent::network::ruleset::Ruleset;
use swarmlite_agent::network::state::HOST_ADDRESS;
use swarmlite_agent::network::state::HOST_LINK;
use swarmlite_agent::network::state::Held;
use swarmlite_agent::network::state::INGRESS_ADDRESS;
use swarmlite_agent::network::state::Place;
use swarmlite_agent::network::state::SandboxName;
use swarmlite_agent::network::state::UPLINK;
use swarmlite_agent::network::state::namespace_sysctls;
use swarmlite_proto::balance::Balancer as Kind;

use crate::namespaces::Namespaces;
use crate::talk;
use crate::talk::Connection;

pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// The address of the client outside.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// The address of a container, by its number.
pub(crate) const fn container(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 10 + number)
}

/// A sandbox and what is around it. Dropping it removes all of it.
pub(crate) struct Sandbox {
    namespaces: Namespaces,
    kind: Kind,
    balancer: Arc<dyn Balancer>,
    place: Place,
}

impl Sandbox {
    /// A sandbox that balances nothing, and two servers at port 80.
    pub(crate) fn new(kind: Kind) -> Self {
        let mut namespaces = Namespaces::new("s");
        for name in ["box", "node", "c1", "c2", "c3"] {
            namespaces.add(name);
        }
        let name = SandboxName::from_file_name("conformance0").expect("a name");
        let place = Place::Sandbox(name);
        namespaces.script("box", &inside(&namespaces, &place));
        namespaces.script(
            "node",
            &format!(
                "ip addr add {HOST_ADDRESS}/30 dev {HOST_LINK}; ip addr add {OUTSIDE}/32 dev lo; ip link set {HOST_LINK} up
                 ip route add {INGRESS_ADDRESS}/32 dev {HOST_LINK} src {OUTSIDE}"
            ),
        );
        for number in 1..=3 {
            let address = container(number);
            namespaces.script(
                &format!("c{number}"),
                &format!(
                    "ip addr add {address}/24 dev eth0; ip link set eth0 up; ip route add default via {GATEWAY}"
                ),
            );
        }
        for name in ["c1", "c2"] {
            talk::serve_connections(&namespaces.path(name), name, 80);
        }
        Self { namespaces, kind, balancer: balancer(kind), place }
    }

    /// Makes the sandbox balance this, and asks whether it does.
    pub(crate) async fn program(&self, services: &VirtualServices) {
        let (balancer, place, wanted) =
            (self.balancer.clone(), self.place.clone(), services.clone());
        let held = run_inside(self.netns("box"), move || {
            balancer.program(&place, &wanted).expect("the kernel takes it");
            balancer.observe(&place).expect("the kernel tells")
        });
        match held.await.expect("namespace") {
            Held::Exactly(held) => assert_eq!(held, *services),
            Held::Absent if services.is_empty() => {}
            held => panic!("the kernel holds {held:?}"),
        }
    }

    /// The file of a namespace.
    pub(crate) fn netns(&self, name: &str) -> PathBuf {
        self.namespaces.path(name)
    }

    /// What connections in a row are answered.
    pub(crate) async fn ask_often(
        &self,
        times: u8,
        from: &str,
        to: Ipv4Addr,
        port: u16,
    ) -> Vec<String> {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push(Connection::ask_once(&self.netns(from), to, port).await);
        }
        answers
    }

    /// What datagrams from sockets of their own are answered.
    pub(crate) async fn ask_udp_often(
        &self,
        times: u8,
        from: &str,
        to: Ipv4Addr,
        port: u16,
    ) -> Vec<String> {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push(talk::ask_udp(&self.netns(from), to, port).await);
        }
        answers
    }

    /// What the kernel says that it balances, in whatever way: for the eye, and to find what is left.
    pub(crate) fn listed(&self) -> String {
        self.namespaces.script(
            "box",
            "nft list table ip swarmlite_balancer 2>/dev/null || true; cat /proc/net/ip_vs 2>/dev/null || true",
        )
    }

    /// Shows what Debian's tool says of IPVS, where there is one.
    pub(crate) fn show(&self) {
        if self.kind == Kind::Ipvs {
            eprintln!("{}", self.namespaces.script("box", "ipvsadm -Ln || true"));
        }
    }
}

/// What makes a namespace a sandbox.
fn inside(namespaces: &Namespaces, place: &Place) -> String {
    let mut script = Vec::new();
    for (key, value) in namespace_sysctls(place) {
        script.push(format!("echo {value} >/proc/sys/net/{key}"));
    }
    script.push(format!(
        "ip link add {UPLINK} type veth peer name {HOST_LINK} netns {}
         ip addr add {INGRESS_ADDRESS}/30 dev {UPLINK}; ip link set {UPLINK} up
         ip route add default via {HOST_ADDRESS}
         ip addr add {GATEWAY}/32 dev lo; ip addr add {VIP}/32 dev lo",
        namespaces.full("node")
    ));
    for number in 1..=3 {
        let (peer, address) = (namespaces.full(&format!("c{number}")), container(number));
        script.push(format!(
            "ip link add e{number} type veth peer name eth0 netns {peer}
             echo 1 >/proc/sys/net/ipv4/conf/e{number}/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/e{number}/proxy_delay
             ip link set e{number} up; ip route add {address}/32 dev e{number}"
        ));
    }
    let hairpin = (1..=3).map(container).collect();
    let rules = Ruleset::Sandbox { gateway: GATEWAY, hairpin, marks: None }.table();
    script.push(format!("nft -f - <<'END'\n{rules}\nEND"));
    script.join("\n")
}
