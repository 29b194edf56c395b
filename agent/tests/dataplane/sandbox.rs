//! One sandbox as the data plane makes it, with everything around it but the balancer: what a balancer finds.
//!
//! ```text
//!  node: 198.51.100.7, the outside client         sandbox: 10.0.1.1, the gateway; 10.0.1.2, a virtual address
//!   swarmlite0 169.254.255.1 ─── uplink0 169.254.255.2    e1 ── c1 10.0.1.11, a server
//!                                                         e2 ── c2 10.0.1.12, a server
//!                                                         e3 ── c3 10.0.1.13, and guests: more clients
//!                                                         e4 ── c4 10.0.1.14, a server
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use swarmlite_agent::testing::balancer::Balancer;
use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::balancer::choice::balancer;
use swarmlite_agent::testing::balancer::statistics::Statistics;
use swarmlite_agent::testing::held::Held;
use swarmlite_agent::testing::linux::namespace::run_inside;
use swarmlite_agent::testing::netns::Netns;
use swarmlite_agent::testing::netns::SandboxName;
use swarmlite_agent::testing::ruleset::Ruleset;
use swarmlite_agent::testing::state::namespace_sysctls;
use swarmlite_agent::testing::uplink::HOST_ADDRESS;
use swarmlite_agent::testing::uplink::HOST_LINK;
use swarmlite_agent::testing::uplink::INGRESS_ADDRESS;
use swarmlite_agent::testing::uplink::UPLINK;
use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::spec::PortProtocol;
use tokio::runtime::Runtime;

use crate::ipvs;
use crate::namespaces::Namespaces;
use crate::subject::ASKING;
use crate::subject::Conversation;
use crate::subject::GATEWAY;
use crate::subject::GUESTS;
use crate::subject::OUTSIDE;
use crate::subject::PORT;
use crate::subject::SERVERS;
use crate::subject::Subject;
use crate::subject::Target;
use crate::subject::VIP;
use crate::subject::container;
use crate::talk;
use crate::talk::Connection;
use crate::talk::Flow;

/// Containers 1 to this one.
const CONTAINERS: u8 = 4;

/// A sandbox and what is around it. Dropping it removes all of it.
pub(crate) struct Sandbox {
    namespaces: Namespaces,
    kind: Kind,
    balancer: Mutex<Arc<dyn Balancer>>,
    netns: Netns,
    runtime: Runtime,
}

impl Sandbox {
    /// A sandbox that balances nothing, and its servers.
    pub(crate) fn new(kind: Kind) -> Self {
        let mut namespaces = Namespaces::new("s");
        for name in ["box", "node", "c1", "c2", "c3", "c4"] {
            namespaces.add(name);
        }
        let name = SandboxName::from_file_name("conformance0").expect("a name");
        let netns = Netns::Sandbox(name);
        namespaces.script("box", &inside(&namespaces, &netns));
        namespaces.script(
            "node",
            &format!(
                "ip addr add {HOST_ADDRESS}/30 dev {HOST_LINK}; ip addr add {OUTSIDE}/32 dev lo; ip link set {HOST_LINK} up
                 ip route add {INGRESS_ADDRESS}/32 dev {HOST_LINK} src {OUTSIDE}"
            ),
        );
        for number in 1..=CONTAINERS {
            let address = container(number);
            namespaces.script(
                &format!("c{number}"),
                &format!(
                    "ip addr add {address}/24 dev eth0; ip link set eth0 up; ip route add default via {GATEWAY}"
                ),
            );
        }
        namespaces.script("c3", &format!("ip route add local {GUESTS} dev lo"));
        for (number, name) in SERVERS.into_iter().zip(["c1", "c2", "c4"]) {
            assert_eq!(name, format!("c{number}"));
            talk::serve_connections(&namespaces.path(name), name, PORT);
        }
        let runtime = Runtime::new().expect("runtime");
        Self { namespaces, kind, balancer: Mutex::new(balancer(kind)), netns, runtime }
    }

    /// What a script prints that runs in the sandbox.
    pub(crate) fn script(&self, script: &str) -> String {
        self.namespaces.script("box", script)
    }

    /// A connection that has been tried from this address.
    pub(crate) fn connect(&self, from: Ipv4Addr, to: SocketAddrV4) -> Connection {
        self.runtime.block_on(Connection::open(&self.netns_of(from), from, to))
    }

    /// Has two clients at this address ask over one new connection after the other while these changes are made: what was answered.
    pub(crate) fn ask_during(
        &self,
        from: Ipv4Addr,
        to: SocketAddrV4,
        changes: impl FnOnce(),
    ) -> Vec<String> {
        let enough = Arc::new(AtomicBool::new(false));
        let asking = [(); 2].map(|()| {
            let (netns, enough) = (self.netns_of(from), enough.clone());
            self.runtime.spawn(talk::ask_until(netns, from, to, enough))
        });
        changes();
        enough.store(true, Ordering::Relaxed);
        let answers = asking.map(|asking| self.runtime.block_on(asking).expect("no panic"));
        answers.concat()
    }

    /// Does something inside the sandbox.
    fn inside<T: Send + 'static>(&self, work: impl FnOnce(&Netns) -> T + Send + 'static) -> T {
        let netns = self.netns.clone();
        let done = run_inside(self.namespaces.path("box"), move || work(&netns));
        self.runtime.block_on(done).expect("namespace")
    }

    fn balancer(&self) -> MutexGuard<'_, Arc<dyn Balancer>> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespace with this address.
    fn netns_of(&self, addr: Ipv4Addr) -> PathBuf {
        let is = |number: &u8| container(*number) == addr;
        self.namespaces.path(&match (1..=CONTAINERS).find(is) {
            Some(number) => format!("c{number}"),
            None if addr == OUTSIDE => "node".to_owned(),
            None => format!("c{ASKING}"),
        })
    }
}

impl Subject for Sandbox {
    fn program(&self, services: &VirtualServices) {
        let (balancer, wanted) = (self.balancer().clone(), services.clone());
        self.inside(move |netns| balancer.program(netns, &wanted)).expect("the kernel takes it");
    }

    fn held(&self) -> Held<VirtualServices> {
        let balancer = self.balancer().clone();
        self.inside(move |netns| balancer.observe(netns)).expect("the kernel tells")
    }

    fn restart(&self) {
        *self.balancer() = balancer(self.kind);
    }

    fn damage(&self, services: &VirtualServices) {
        let (another, wanted) = (balancer(self.kind), services.clone());
        self.inside(move |netns| another.program(netns, &wanted)).expect("the kernel takes it");
    }

    fn open(&self, from: Ipv4Addr, to: Target) -> Box<dyn Conversation> {
        let at = SocketAddrV4::new(to.addr, to.port);
        match to.protocol {
            PortProtocol::Tcp => Box::new(self.connect(from, at)),
            PortProtocol::Udp => {
                Box::new(self.runtime.block_on(Flow::open(&self.netns_of(from), from, at)))
            }
            PortProtocol::Sctp => panic!("nobody serves SCTP here"),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "whether the kernel has forgotten by then is what is asked"
    )]
    fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn statistics(&self, services: &VirtualServices) -> BTreeMap<Frontend, Statistics> {
        let (balancer, services) = (self.balancer().clone(), services.clone());
        self.inside(move |netns| balancer.statistics(netns, &services)).expect("the kernel tells")
    }

    /// The first three lines of what IPVS says are a heading.
    fn listed(&self) -> String {
        self.script(
            "nft list table ip swarmlite_balancer 2>/dev/null | grep '10[.]0[.]1' || true
             nft list tables | grep swarmlite_traffic || true
             tail -n +4 /proc/net/ip_vs 2>/dev/null || true",
        )
    }

    /// By Debian's tool, where there is one.
    fn show(&self) {
        if self.kind == Kind::Ipvs {
            eprintln!("{}", self.script("ipvsadm -Ln || true"));
        }
    }

    fn idle_limit(&self, protocol: PortProtocol) -> Duration {
        let seconds = match (self.kind, protocol) {
            (Kind::Ipvs, PortProtocol::Udp) => ipvs::expiry(self, "UDP"),
            (Kind::Ipvs, _) => ipvs::expiry(self, "ESTABLISHED"),
            (Kind::Nftables, PortProtocol::Udp) => self.conntrack("udp_timeout_stream"),
            (Kind::Nftables, _) => self.conntrack("tcp_timeout_established"),
        };
        Duration::from_secs(seconds)
    }
}

impl Sandbox {
    /// A time of connection tracking in seconds.
    fn conntrack(&self, name: &str) -> u64 {
        let read = self.script(&format!("cat /proc/sys/net/netfilter/nf_conntrack_{name}"));
        read.trim().parse().expect("a number")
    }
}

/// What makes a namespace a sandbox.
fn inside(namespaces: &Namespaces, netns: &Netns) -> String {
    let mut script = Vec::new();
    for (key, value) in namespace_sysctls(netns) {
        script.push(format!("echo {value} >/proc/sys/net/{key}"));
    }
    script.push(format!(
        "ip link add {UPLINK} type veth peer name {HOST_LINK} netns {}
         ip addr add {INGRESS_ADDRESS}/30 dev {UPLINK}; ip link set {UPLINK} up
         ip route add default via {HOST_ADDRESS}
         ip addr add {GATEWAY}/32 dev lo; ip addr add {VIP}/32 dev lo",
        namespaces.full("node")
    ));
    for number in 1..=CONTAINERS {
        let (peer, address) = (namespaces.full(&format!("c{number}")), container(number));
        script.push(format!(
            "ip link add e{number} type veth peer name eth0 netns {peer}
             echo 1 >/proc/sys/net/ipv4/conf/e{number}/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/e{number}/proxy_delay
             ip link set e{number} up; ip route add {address}/32 dev e{number}"
        ));
    }
    script.push(format!("ip route add {GUESTS} dev e{ASKING}"));
    let hairpin = (1..=CONTAINERS).map(container).collect();
    let rules = Ruleset::Sandbox { gateway: GATEWAY, hairpin, marks: None }.table();
    script.push(format!("nft -f - <<'END'\n{rules}\nEND"));
    script.join("\n")
}
