//! Connections to tasks, from inside of the ingress network's namespace, where every node has the way to all of them.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;

use async_trait::async_trait;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use swarmlite_proto::id::NodeId;
use swarmlite_proxy::Dial;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::network::DataPlaneHandle;
use crate::network::linux::visits::Visits;
use crate::standing::Known;

/// Makes connections from the ingress network.
#[derive(Debug)]
pub(crate) struct FromIngress {
    /// Knows where the namespace is.
    pub(crate) plane: DataPlaneHandle,
    /// Says which network it is, and which number this node has.
    pub(crate) known: watch::Receiver<Known>,
    /// This node.
    pub(crate) node_id: NodeId,
    /// Goes there.
    pub(crate) visits: Visits,
}

impl FromIngress {
    /// The namespace, and this node's own address in it: that of its tunnel. All others there are the same on every node, and replies of a task on
    /// another one would stay with that.
    fn place(&self) -> Option<(PathBuf, IpAddr)> {
        let known = self.known.borrow();
        let known = known.as_ref()?;
        let network = known.networks.values().find(|network| network.ingress)?;
        let own = known.peers.get(&self.node_id)?.index.tunnel_address();
        Some((self.plane.sandbox(&network.id), own.into()))
    }
}

#[async_trait]
impl Dial for FromIngress {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let (namespace, own) = self.place().ok_or(io::ErrorKind::NetworkUnreachable)?;
        // A socket stays in the namespace in which it was made.
        let socket = self.visits.run(namespace, TcpSocket::new_v4).await;
        let socket = socket.map_err(io::Error::other)??;
        // The port is chosen when the task is known: so there are as many connections as ports for each of them, and not for all together.
        setsockopt(&socket.as_fd(), IpBindAddressNoPort, &true)?;
        socket.bind(SocketAddr::new(own, 0))?;
        socket.connect(address).await
    }
}
