//! Which networks have a name service on this node: those whose namespace is ready.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::id::NetworkId;
use tokio::sync::watch;
use tokio::time::sleep;

use super::DnsServer;
use super::Forwarder;
use super::Names;
use crate::assignment::Assignments;
use crate::network::DataPlaneHandle;
use crate::network::kernel::KernelError;
use crate::network::linux::namespace::run_inside;
use crate::session::Known;

/// The port of name servers (RFC 1035).
const PORT: u16 = 53;

/// How long to wait before a network whose sockets could not be opened is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The name service of one network could not be started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot enter the network's namespace")]
    Namespace(#[from] KernelError),
    #[error("cannot listen on {address}")]
    Listen { address: Ipv4Addr, source: std::io::Error },
}

/// Answers names on every network of this node, for as long as `known` changes. Dropping the future ends it all.
pub async fn serve(data_plane: DataPlaneHandle, mut known: watch::Receiver<Known>) {
    let mut progress = data_plane.progress();
    let names = watch::Sender::new(Arc::new(Names::default()));
    let forwarder = Forwarder::of_this_node();
    let mut servers: BTreeMap<NetworkId, DnsServer> = BTreeMap::new();
    loop {
        let assignments = known.borrow_and_update().clone();
        let ready = progress.borrow_and_update().networks.clone();
        let mut wanted = BTreeMap::new();
        if let Some(assignments) = assignments {
            names.send_replace(Arc::new(names_of(&assignments)));
            wanted = gateways(&assignments);
        }
        wanted.retain(|network, _| ready.contains(network));
        servers.retain(|network, _| wanted.contains_key(network));
        let mut failed = false;
        for (network, gateway) in wanted {
            if servers.contains_key(&network) {
                continue;
            }
            match start(&data_plane, &network, gateway, names.subscribe(), &forwarder).await {
                Ok(server) => drop(servers.insert(network, server)),
                Err(error) => {
                    tracing::warn!(network.id = %network, error = &error as &dyn std::error::Error, "no name service");
                    failed = true;
                }
            }
        }
        tokio::select! {
            // All are cancel-safe.
            changed = known.changed() => if changed.is_err() { return },
            changed = progress.changed() => if changed.is_err() { return },
            () = sleep(RETRY), if failed => {}
        }
    }
}

async fn start(
    data_plane: &DataPlaneHandle,
    network: &NetworkId,
    address: Ipv4Addr,
    names: watch::Receiver<Arc<Names>>,
    forwarder: &Forwarder,
) -> Result<DnsServer, StartError> {
    let listen = |source| StartError::Listen { address, source };
    let sockets = run_inside(data_plane.sandbox(network), move || {
        Ok((UdpSocket::bind((address, PORT))?, TcpListener::bind((address, PORT))?))
    });
    DnsServer::start(network.clone(), sockets.await?.map_err(listen)?, names, forwarder.clone())
        .map_err(listen)
}

fn names_of(assignments: &Assignments) -> Names {
    Names::of(
        assignments.endpoints.values().map(AsRef::as_ref),
        assignments.tasks.values().map(AsRef::as_ref),
    )
}

fn gateways(assignments: &Assignments) -> BTreeMap<NetworkId, Ipv4Addr> {
    let networks = assignments.networks.values();
    networks.map(|network| (network.id.clone(), network.gateway)).collect()
}
