//! Three nodes, an outside client and containers, all of them network namespaces of this machine; no engine is needed.
//!
//! A node has what a machine with Docker has and what gets in the way: a firewall that drops what is forwarded, and containers
//! whose default route leads through a bridge of the node. The real data plane runs once per node.

use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use ipnet::Ipv4Net;
use swarmlite_agent::testing::Config;
use swarmlite_agent::testing::DataPlane;
use swarmlite_agent::testing::DataPlaneHandle;
use swarmlite_agent::testing::endpoint::Endpoint;
use swarmlite_agent::testing::linux::LinuxConfig;
use swarmlite_agent::testing::linux::LinuxKernel;
use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;

use crate::namespaces::Namespaces;

/// Namespaces and processes of one test. Dropping it removes them.
pub(crate) struct Rig {
    kind: Kind,
    folder: tempfile::TempDir,
    namespaces: Namespaces,
    processes: Vec<Child>,
    containers: u8,
}

/// A node.
pub(crate) struct Node {
    pub(crate) index: u8,
    pub(crate) id: NodeId,
    pub(crate) netns: PathBuf,
    pub(crate) data_plane: DataPlaneHandle,
}

/// A container.
#[derive(Clone)]
pub(crate) struct Container {
    pub(crate) netns: PathBuf,
    pub(crate) pid: u32,
    pub(crate) namespace: String,
    endpoints: Vec<String>,
}

impl Node {
    /// Its underlay address.
    pub(crate) fn address(&self) -> Ipv4Addr {
        underlay(self.index)
    }
}

/// The underlay address of a node, or of the outside client.
pub(crate) fn underlay(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, index)
}

/// The outside client's place on the underlay.
pub(crate) const CLIENT: u8 = 100;

/// Lists the table of the balancer.
const LIST_NFTABLES: &str = "nft list table ip swarmlite_balancer";

impl Rig {
    /// A switch and an outside client.
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        // The other test of this process may have done so.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .try_init();
        let mut rig = Self {
            kind,
            folder: tempfile::tempdir().expect("folder"),
            namespaces: Namespaces::new(name),
            processes: Vec::new(),
            containers: 0,
        };
        rig.namespace("switch");
        rig.ip("switch", "link add br0 type bridge");
        rig.ip("switch", "link set br0 up");
        rig.host("client", CLIENT);
        rig
    }

    /// What nodes that are made balance with.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// From now on they balance with the other.
    pub(crate) fn switch(&mut self) {
        self.kind = match self.kind {
            Kind::Nftables => Kind::Ipvs,
            Kind::Ipvs => Kind::Nftables,
        };
    }

    /// What the kernel balances on one network of a node, as its own tools list it: by either balancer.
    pub(crate) fn balanced(&self, node: &Node, network: &NetworkId) -> String {
        let ipvs = self.list(node, network, "if [ -e /proc/net/ip_vs ]; then ipvsadm -Ln; fi");
        ipvs + &self.list(node, network, "nft list ruleset")
    }

    /// What the kernel balances there by the balancer in use.
    pub(crate) fn shown(&self, node: &Node, network: &NetworkId) -> String {
        let list = match self.kind {
            Kind::Nftables => LIST_NFTABLES,
            Kind::Ipvs => "ipvsadm -Ln",
        };
        self.list(node, network, list)
    }

    fn list(&self, node: &Node, network: &NetworkId, command: &str) -> String {
        let sandbox = node.data_plane.sandbox(network);
        let nsenter = format!("nsenter --net={} sh -c '{command}'", sandbox.display());
        self.namespaces.script(&format!("n{}", node.index), &nsenter)
    }

    /// The folder of everything of this test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A node with its data plane, without an engine.
    pub(crate) fn node(&mut self, index: u8, id: NodeId) -> Node {
        let name = self.machine(index);
        self.ip(&name, "link add gwbr type bridge");
        self.ip(&name, "addr add 172.18.0.1/16 dev gwbr");
        self.ip(&name, "link set gwbr up");
        for rule in [
            "-N DOCKER-USER",
            "-A DOCKER-USER -j RETURN",
            "-P FORWARD DROP",
            "-I FORWARD -j DOCKER-USER",
        ] {
            self.inside(&name, &format!("iptables -w {rule}"));
        }
        let data_plane = self.data_plane(index, &id, None);
        Node { index, id, netns: self.netns(&name), data_plane }
    }

    /// A node whose data plane serves the driver of an engine.
    pub(crate) fn node_with_driver(&mut self, index: u8, id: NodeId, plugins: &Path) -> Node {
        let name = self.machine(index);
        let data_plane = self.data_plane(index, &id, Some(plugins));
        Node { index, id, netns: self.netns(&name), data_plane }
    }

    /// A machine on the underlay, with a folder.
    fn machine(&mut self, index: u8) -> String {
        let name = format!("n{index}");
        self.host(&name, index);
        fs::create_dir(self.folder.path().join(&name)).expect("state folder");
        name
    }

    /// A container that an engine has made.
    pub(crate) fn container_of(&self, pid: u32) -> Container {
        let netns = PathBuf::from(format!("/proc/{pid}/ns/net"));
        Container { netns, pid, namespace: String::new(), endpoints: Vec::new() }
    }

    /// The data plane of a node, anew: as after a restart of its daemon.
    pub(crate) fn data_plane(
        &self,
        index: u8,
        id: &NodeId,
        plugins: Option<&Path>,
    ) -> DataPlaneHandle {
        let name = format!("n{index}");
        let state_dir = self.folder.path().join(&name);
        let data_path_addr = IpAddr::V4(underlay(index));
        let kernel = LinuxKernel::new(
            LinuxConfig {
                sandboxes: state_dir.join("netns"),
                host: self.netns(&name),
                data_path_addr,
            },
            self.kind,
        );
        let config = Config {
            state_dir,
            node_id: id.clone(),
            data_path_addr,
            plugin_dir: plugins.map(Path::to_owned),
        };
        DataPlane::start_with(config, kernel).expect("data plane")
    }

    /// A container on a node with these addresses, the way the engine makes one.
    pub(crate) async fn container(&mut self, node: &Node, addresses: &[&str]) -> Container {
        self.containers += 1;
        let number = self.containers;
        let name = format!("c{number}");
        let node_name = format!("n{}", node.index);
        self.namespace(&name);
        let mut endpoints = Vec::new();
        for (at, address) in addresses.iter().enumerate() {
            let id = format!("{number:02x}{at:02x}").repeat(16);
            let address: Ipv4Net = address.parse().expect("address");
            let endpoint = Endpoint { id: id.clone(), address };
            let link = endpoint.container_link_name();
            node.data_plane.add_endpoint(endpoint).await.expect("endpoint");
            self.ip(&node_name, &format!("link set {link} netns {}", self.full(&name)));
            self.ip(&name, &format!("link set {link} name eth{at}"));
            self.ip(&name, &format!("addr add {address} dev eth{at}"));
            self.ip(&name, &format!("link set eth{at} up"));
            endpoints.push(id);
        }
        self.gateway_bridge(&node_name, &name, number);
        let sleeper = Command::new("ip")
            .args(["netns", "exec", &self.full(&name), "sleep", "3600"])
            .stdin(Stdio::null())
            .spawn()
            .expect("sleep");
        let pid = sleeper.id();
        self.processes.push(sleeper);
        let container = Container { netns: self.netns(&name), pid, namespace: name, endpoints };
        wait_for("the process is in its namespace", || {
            fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|link| {
                self.inside(&container.namespace, "readlink /proc/self/ns/net").trim()
                    == link.to_string_lossy()
            })
        })
        .await;
        for address in addresses {
            let address: Ipv4Net = address.parse().expect("address");
            node.data_plane.container_started(pid, address.addr()).await.expect("started");
        }
        container
    }

    /// Removes a container, the way the engine does.
    pub(crate) async fn remove(&mut self, node: &Node, container: Container) {
        for id in &container.endpoints {
            node.data_plane.remove_endpoint(id.clone()).await.expect("remove");
        }
        if let Some(at) = self.processes.iter().position(|process| process.id() == container.pid) {
            let mut process = self.processes.swap_remove(at);
            process.kill().expect("kill");
            process.wait().expect("wait");
        }
    }

    /// What a command in a namespace prints.
    pub(crate) fn inside(&self, name: &str, command: &str) -> String {
        self.namespaces.inside(name, command)
    }

    /// The file of a namespace.
    pub(crate) fn netns(&self, name: &str) -> PathBuf {
        self.namespaces.path(name)
    }

    /// The folder with a node's sandboxes.
    pub(crate) fn sandboxes(&self, node: &Node) -> PathBuf {
        self.folder.path().join(format!("n{}", node.index)).join("netns")
    }

    fn full(&self, name: &str) -> String {
        self.namespaces.full(name)
    }

    fn ip(&self, name: &str, command: &str) {
        self.inside(name, &format!("ip {command}"));
    }

    fn namespace(&mut self, name: &str) {
        self.namespaces.add(name);
    }

    /// A namespace on the underlay.
    fn host(&mut self, name: &str, index: u8) {
        self.namespace(name);
        self.ip(
            "switch",
            &format!("link add p{index} type veth peer name eth0 netns {}", self.full(name)),
        );
        self.ip("switch", &format!("link set p{index} master br0 up"));
        self.ip(name, &format!("addr add {}/24 dev eth0", underlay(index)));
        self.ip(name, "link set eth0 up");
    }

    /// The way to the outside that Docker gives a container whose networks have no gateway.
    fn gateway_bridge(&self, node: &str, name: &str, number: u8) {
        let peer = self.full(name);
        self.ip(node, &format!("link add g{number} type veth peer name gw netns {peer}"));
        self.ip(node, &format!("link set g{number} master gwbr up"));
        self.ip(name, &format!("addr add 172.18.0.{}/16 dev gw", number + 1));
        self.ip(name, "link set gw up");
        self.ip(name, "route add default via 172.18.0.1");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = Command::new("sh")
            .arg("-c")
            .arg(format!("umount -q {}/*/netns/* 2>/dev/null", self.folder.path().display()))
            .status();
    }
}

/// Waits until something is so.
pub(crate) async fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain until {what}");
}
