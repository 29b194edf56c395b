//! A client and a server with a sandbox between them, all of them network namespaces.
//!
//! ```text
//!   client 10.0.1.13 ── e3  sandbox: virtual addresses 10.9.0.0/16  e1 ── server 10.0.1.11
//! ```

use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::time::Duration;

use swarmlite_agent::testing::balancer::Backend;
use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::Service;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::linux::namespace::run_inside;
use swarmlite_agent::testing::netns::Netns;
use swarmlite_agent::testing::netns::SandboxName;
use swarmlite_agent::testing::state::namespace_sysctls;
use tokio::runtime::Runtime;

use crate::namespaces::Namespaces;
use crate::traffic;
use crate::traffic::Load;

/// The address of the server.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 11);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 13);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const PORT: u16 = 80;

/// The virtual address of a service.
pub(crate) const fn vip(at: u16) -> Ipv4Addr {
    let [high, low] = at.to_be_bytes();
    Ipv4Addr::new(10, 9, high, low)
}

/// Services at virtual addresses. The backends of the first are all the server, by addresses of its own, so that every request is answered.
pub(crate) fn services(services: u16, backends: u8) -> VirtualServices {
    let service = |at: u16| {
        let [high, low] = at.to_be_bytes();
        let addr = |number| {
            if at == 0 { server(number) } else { Ipv4Addr::new(10, 10 + number, high, low) }
        };
        let backend = |number| Backend { addr: addr(number), port: None, weight: 1 };
        let backends = (0..backends).map(backend).collect();
        (Frontend::Address(vip(at)), Service { backends, ..Service::default() })
    };
    (0..services).map(service).collect()
}

/// The server has an address for each backend of the first service.
fn server(number: u8) -> Ipv4Addr {
    let [a, b, c, _] = SERVER.octets();
    Ipv4Addr::new(a, b, c, 100 + number)
}

/// The namespaces. Dropping it removes them.
pub(crate) struct Rig {
    namespaces: Namespaces,
    netns: Netns,
    runtime: Runtime,
}

impl Rig {
    /// A sandbox with virtual addresses, and a server that serves.
    pub(crate) fn new() -> Self {
        let mut namespaces = Namespaces::new("b");
        for name in ["box", "client", "server"] {
            namespaces.add(name);
        }
        let netns = Netns::Sandbox(SandboxName::from_file_name("benchmark000").expect("a name"));
        let mut script = vec![format!("ip addr add {GATEWAY}/32 dev lo")];
        for (key, value) in namespace_sysctls(&netns) {
            script.push(format!("echo {value} >/proc/sys/net/{key}"));
        }
        for (name, address) in [("server", SERVER), ("client", CLIENT)] {
            let peer = namespaces.full(name);
            script.push(format!(
                "ip link add {name} type veth peer name eth0 netns {peer}
                 echo 1 >/proc/sys/net/ipv4/conf/{name}/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/{name}/proxy_delay
                 ip link set {name} up; ip route add {address}/32 dev {name}"
            ));
        }
        // All virtual addresses at once.
        script.push(format!("ip route add local {}/16 dev lo", vip(0)));
        script.push("ip route add 10.0.1.96/27 dev server".to_owned());
        namespaces.script("box", &script.join("\n"));
        for (name, address) in [("server", SERVER), ("client", CLIENT)] {
            namespaces.script(
                name,
                &format!("ip addr add {address}/24 dev eth0; ip link set eth0 up; ip route add default via {GATEWAY}"),
            );
        }
        namespaces.script("server", "ip route add local 10.0.1.96/27 dev lo");
        namespaces.script("client", "echo 10000 65000 >/proc/sys/net/ipv4/ip_local_port_range");
        let runtime = Runtime::new().expect("runtime");
        let serving = run_inside(namespaces.path("server"), || traffic::serve(PORT));
        runtime.block_on(serving).expect("the server's namespace");
        Self { namespaces, netns, runtime }
    }

    /// Does something inside the sandbox.
    pub(crate) fn inside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Netns) -> T + Send + 'static,
    ) -> T {
        let netns = self.netns.clone();
        let done = run_inside(self.namespaces.path("box"), move || work(&netns));
        self.runtime.block_on(done).expect("the sandbox")
    }

    /// How many requests the client has answered in this time.
    pub(crate) fn requests(&self, to: Ipv4Addr, load: Load, time: Duration) -> u32 {
        let to = SocketAddrV4::new(to, PORT);
        let done = run_inside(self.namespaces.path("client"), move || traffic::ask(to, load, time));
        self.runtime.block_on(done).expect("the client's namespace")
    }
}
