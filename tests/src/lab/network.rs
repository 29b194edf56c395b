//! The switch of a lab, and what is plugged into it.

use std::net::Ipv4Addr;

use nix::unistd::Pid;

use crate::command::run;
use crate::command::shell;
use crate::namespace::Extent;
use crate::namespace::Namespace;
use crate::node::Node;
use crate::subnet::Subnet;

/// A bridge in a network of its own: in the machine's own network, a Docker Engine there would drop what passes between the nodes. With
/// `host`, the number of the lab, this machine is plugged in.
pub(crate) async fn make_switch(marker: &str, host: Option<u8>) -> anyhow::Result<()> {
    let setup = "ip link add br0 type bridge\nip link set br0 up\nip link set lo up";
    let switch = Namespace::create(marker, Extent::Network, setup).await?;
    let Some(number) = host else { return Ok(()) };
    let name = host_link(number);
    let address = Subnet::new(number).host();
    let pid = switch.pid();
    shell(&format!(
        "ip link add {name} type veth peer name host netns {pid}\n\
         ip address add {address}/24 dev {name}\nip link set {name} up"
    ))
    .await?;
    script(&switch, "ip link set host master br0 up").await
}

/// Removes the link of this machine to the switch of the lab with `number`, if there is one.
///
/// It goes with the switch, but only some time after: too late for a lab that takes the number at once.
pub(crate) async fn remove_host_link(number: u8) -> anyhow::Result<()> {
    let name = host_link(number);
    shell(&format!("if [ -e /sys/class/net/{name} ]; then ip link delete {name}; fi"))
        .await
        .map(drop)
}

fn host_link(number: u8) -> String {
    format!("swl-lab{number}")
}

/// The outside world.
pub(crate) async fn make_client(
    marker: &str,
    switch: &Namespace,
    subnet: Subnet,
) -> anyhow::Result<()> {
    // Whoever asks for a name here is refused. The kernel would send few such refusals a second, and those who get none wait: an engine that
    // asks for a registry does for five seconds.
    let setup = "ip link set lo up\necho 1 >/proc/sys/net/ipv4/ip_forward\n\
                 echo 0 >/proc/sys/net/ipv4/icmp_ratelimit";
    let client = Namespace::create(marker, Extent::Network, setup).await?;
    let address = subnet.client();
    plug(switch, "client", client.pid(), address).await?;
    script(&client, &format!("ip address add {address}/24 dev eth0\nip link set eth0 up")).await
}

/// Connects `node`, whose namespaces are new, to the switch.
pub(crate) async fn plug_node(
    switch: &Namespace,
    node: &Node,
    namespace: &Namespace,
    subnet: Subnet,
) -> anyhow::Result<()> {
    let address = node.address();
    plug(switch, node.name(), namespace.pid(), address).await?;
    let gateway = subnet.client();
    script(
        namespace,
        &format!(
            "ip address add {address}/24 dev eth0\nip link set eth0 up\n\
             ip route add default via {gateway}"
        ),
    )
    .await
}

/// Takes the port `name` of the switch `up` or `down`.
pub(crate) async fn set_port(switch: &Namespace, name: &str, state: &str) -> anyhow::Result<()> {
    script(switch, &format!("ip link set {name} {state}")).await
}

/// Removes the port `name` of the switch, if it is there. It goes with the namespace it leads to, but only some time after.
pub(crate) async fn remove_port(switch: &Namespace, name: &str) -> anyhow::Result<()> {
    script(
        switch,
        &format!("ip link delete {name} 2>/dev/null || ! ip link show {name} >/dev/null 2>&1"),
    )
    .await
}

/// Connects `eth0` of the namespace of `pid`, which will have `address`. Its hardware address follows from that: a machine has the same
/// after a restart, and others remember it.
async fn plug(switch: &Namespace, port: &str, pid: Pid, address: Ipv4Addr) -> anyhow::Result<()> {
    let [a, b, c, d] = address.octets();
    let hardware = format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
    script(
        switch,
        &format!(
            "ip link add {port} type veth peer name eth0 address {hardware} netns {pid}\n\
             ip link set {port} master br0 up"
        ),
    )
    .await
}

async fn script(namespace: &Namespace, script: &str) -> anyhow::Result<()> {
    run(namespace.command("sh").args(["-ec", script])).await.map(drop)
}
