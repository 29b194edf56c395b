//! A client that uses one port for connections through several nodes, all of which lead to the same container.

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::socket::AddressFamily;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockType;
use nix::sys::socket::SockaddrIn;
use nix::sys::socket::bind;
use nix::sys::socket::connect;
use nix::sys::socket::setsockopt;
use nix::sys::socket::socket;
use nix::sys::socket::sockopt;
use swarmlite_agent::testing::linux::namespace::run_inside;
use swarmlite_proto::balance::Balancer as Kind;

use super::description::Cluster;
use super::description::PUBLISHED;
use super::description::TARGET;
use super::three_nodes;
use crate::rig::Container;
use crate::rig::Node;
use crate::rig::Rig;

const PORT: u16 = 20_000;

/// How long the client waits.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn one_port_of_a_client_serves_through_several_nodes(kind: Kind) {
    let mut rig = Rig::new("d", kind);
    let mut cluster = Cluster::new();
    let nodes = three_nodes(&mut rig, &cluster);
    let client = rig.netns("client");
    cluster.set_serving(0, false);
    cluster.set_serving(1, false);
    cluster.publish(&nodes).await;
    let one = rig.container(&nodes[0], &["10.255.0.11/16", "10.0.1.11/24"]).await;
    repeat(&one).await;
    cluster.set_serving(0, true);
    cluster.publish(&nodes).await;

    // Through the two nodes that have no task as well as through the one that has it.
    let addresses: Vec<Ipv4Addr> = nodes.iter().map(Node::address).collect();
    let said = run_inside(client, move || {
        let mut streams: Vec<TcpStream> = addresses.iter().map(|node| open(*node)).collect();
        let mut said = Vec::new();
        for byte in *b"abc" {
            said.extend(streams.iter_mut().map(|stream| ask(stream, byte)));
        }
        said
    })
    .await
    .expect("namespace");
    let expected: Vec<Result<u8, String>> = b"aaabbbccc".iter().map(|byte| Ok(*byte)).collect();
    assert_eq!(said, expected);
    for node in &nodes {
        node.data_plane.tear_down().await.expect("torn down");
    }
}

/// Answers every byte by itself, until the client ends the connection.
async fn repeat(container: &Container) {
    run_inside(container.netns.clone(), || {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, TARGET)).expect("listen");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                std::thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
                });
            }
        });
    })
    .await
    .expect("serve");
}

/// A connection to `node` that comes from [`PORT`].
fn open(node: Ipv4Addr) -> TcpStream {
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("socket");
    setsockopt(&fd, sockopt::ReuseAddr, &true).expect("one port for several connections");
    let local = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT));
    bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &local).expect("bind");
    let stream = TcpStream::from(fd);
    stream.set_write_timeout(Some(PATIENCE)).expect("a limit for connecting");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit for an answer");
    let target = SockaddrIn::from(SocketAddrV4::new(node, PUBLISHED));
    connect(std::os::fd::AsRawFd::as_raw_fd(&stream), &target).expect("connect");
    stream
}

fn ask(stream: &mut TcpStream, byte: u8) -> Result<u8, String> {
    let mut answer = [0];
    let asked = stream.write_all(&[byte]).and_then(|()| stream.read_exact(&mut answer));
    asked.map(|()| answer[0]).map_err(|error| error.to_string())
}
