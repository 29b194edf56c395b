//! Connects the data plane with the rest of the agent: assignments go in, what it has reached comes out, containers are
//! attached through it, and each of its networks gets a name service.

mod avoided;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::version::Generation;
use tokio::net::TcpStream;
use tokio::sync::watch;

use self::avoided::Avoided;
use crate::assignment::Assignments;
use crate::http::Front;
use crate::network::DataPlaneHandle;
use crate::network::KernelProgress;
use crate::network::NetworkAssignments;
use crate::network::dns::DnsServer;
use crate::network::dns::Forwarder;
use crate::network::dns::Names;
use crate::network::linux::namespace::run_inside;
use crate::standing::Known;
use crate::standing::SessionState;
use crate::task::attach::Attach;
use crate::task::attach::AttachError;
use crate::task::attach::StartedContainer;

/// The port of name services (RFC 1035).
const DNS_PORT: u16 = 53;

/// How long to wait after a name service could not be started.
const RETRY: Duration = Duration::from_secs(1);

impl Attach for DataPlaneHandle {
    async fn ready(&self, network: &NetworkAssignment) -> Result<(), AttachError> {
        Self::ready(self, &network.id).await.map_err(|error| AttachError(chain(&error)))
    }

    async fn attach(&self, container: &StartedContainer) -> Result<(), AttachError> {
        for (network, attachment) in container.networks.iter().zip(&container.task.attachments) {
            // On other networks all is done when the engine has moved the link in.
            if network.ingress {
                let attached = self.container_started(container.pid, attachment.addr.addr()).await;
                attached.map_err(|error| AttachError(chain(&error)))?;
            }
        }
        Ok(())
    }

    async fn names(&self, pid: u32, gateway: Option<Ipv4Addr>) -> Result<(), AttachError> {
        let done = self.container_names(pid, gateway).await;
        done.map_err(|error| AttachError(chain(&error)))
    }

    async fn dial(&self, pid: u32, addr: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        let namespace = format!("/proc/{pid}/ns/net").into();
        let dialled = run_inside(namespace, move || {
            let stream = std::net::TcpStream::connect_timeout(&addr, limit)?;
            stream.set_nonblocking(true)?;
            Ok::<_, io::Error>(stream)
        });
        TcpStream::from_std(dialled.await.map_err(io::Error::other)??)
    }
}

/// Hands every new set of assignments to the data plane, the proxy and the name services, for ever, and again when a node is lost or comes back:
/// what is sent by this node avoids those that do not answer ([`avoided`]). Says what `balancer` cannot do as asked, once for each change of that.
pub(crate) async fn feed(
    plane: DataPlaneHandle,
    balancer: Balancer,
    mut known: watch::Receiver<Known>,
    mut session: watch::Receiver<SessionState>,
    names: watch::Sender<Arc<Names>>,
    front: Front,
) {
    let (mut told, mut avoided) = (BTreeMap::new(), Avoided::default());
    let mut reached = plane.reached();
    let mut before: Known = None;
    known.mark_changed();
    loop {
        // All are cancel-safe: a change that is not seen stays marked.
        let changed = tokio::select! {
            changed = known.changed() => changed,
            changed = reached.changed() => changed,
            changed = session.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        // Before the assignments: those of a session come after it has begun.
        let in_session = session.borrow_and_update().is_connected();
        let Some(now) = known.borrow_and_update().clone() else { continue };
        let news = before.replace(Arc::clone(&now)).is_none_or(|it| !Arc::ptr_eq(&it, &now));
        let mut networks = networks(&now);
        let lost = avoided.update(&reached.borrow_and_update().lost, in_session, news);
        networks.avoid(lost);
        let tasks = now.tasks.values().map(Arc::as_ref);
        let all_names =
            Names::of(networks.endpoints.values(), tasks, networks.attachments.values());
        names.send_replace(Arc::new(all_names));
        // First, so that a task that drains gets no requests any more as soon as the kernel says that it has this generation.
        front.told(&now, &networks, lost);
        let substitutes = networks.adapt(balancer);
        for (id, one) in substitutes.iter().filter(|(id, one)| told.get(*id) != Some(*one)) {
            tracing::warn!(
                service = one.service, %id, dataplane = %balancer,
                asked = %one.asked.scheduler, instead = %one.instead.scheduler,
                "this node's data plane cannot balance a service as asked: balances by the nearest scheduler that it has"
            );
        }
        told = substitutes;
        if let Err(error) = plane.set_assignments(networks).await {
            tracing::error!(error = chain(&error), "the data plane takes no assignments");
            return;
        }
    }
}

/// Passes on which generation the kernel has reached, for ever: first to the proxy, which then goes by it too.
pub(crate) async fn follow(
    mut progress: watch::Receiver<KernelProgress>,
    programmed: watch::Sender<Generation>,
    front: Front,
) {
    progress.mark_changed();
    while progress.changed().await.is_ok() {
        let reached = progress.borrow_and_update().generation;
        front.reached(reached);
        programmed.send_if_modified(|before| {
            let further = reached > *before;
            *before = reached;
            further
        });
    }
}

/// Keeps a name service in every network that the kernel has, for ever.
pub(crate) async fn serve_names(
    plane: DataPlaneHandle,
    known: watch::Receiver<Known>,
    names: watch::Receiver<Arc<Names>>,
) {
    let forwarder = Forwarder::of_this_node();
    let mut servers: BTreeMap<NetworkId, DnsServer> = BTreeMap::new();
    let mut progress = plane.progress();
    progress.mark_changed();
    let mut retry = false;
    loop {
        // Cancel-safe: a change that is not seen stays marked.
        tokio::select! {
            changed = progress.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if retry => {}
        }
        let there = progress.borrow_and_update().networks.clone();
        servers.retain(|network, _| there.contains(network));
        let missing: Vec<_> =
            there.into_iter().filter(|network| !servers.contains_key(network)).collect();
        retry = false;
        for network in missing {
            let gateway = known
                .borrow()
                .as_ref()
                .and_then(|known| known.networks.get(&network).map(|network| network.gateway));
            let Some(gateway) = gateway else { continue };
            let started = bind(&plane, &network, gateway).await.and_then(|sockets| {
                DnsServer::start(network.clone(), sockets, names.clone(), forwarder.clone())
            });
            match started {
                Ok(server) => drop(servers.insert(network, server)),
                Err(error) => {
                    retry = true;
                    tracing::warn!(%network, error = chain(&error), "cannot serve names");
                }
            }
        }
    }
}

/// Sockets on the network's gateway address, inside its namespace.
async fn bind(
    plane: &DataPlaneHandle,
    network: &NetworkId,
    gateway: Ipv4Addr,
) -> io::Result<(UdpSocket, TcpListener)> {
    let addr = SocketAddrV4::new(gateway, DNS_PORT);
    let bound = run_inside(plane.sandbox(network), move || {
        Ok::<_, io::Error>((UdpSocket::bind(addr)?, TcpListener::bind(addr)?))
    });
    bound.await.map_err(io::Error::other)?
}

fn networks(known: &Assignments) -> NetworkAssignments {
    NetworkAssignments {
        generation: known.generation,
        peers: owned(&known.peers),
        networks: owned(&known.networks),
        endpoints: owned(&known.endpoints),
        attachments: owned(&known.attachments),
    }
}

fn owned<K: Clone + Ord, V: Clone>(shared: &BTreeMap<K, Arc<V>>) -> BTreeMap<K, V> {
    shared.iter().map(|(key, value)| (key.clone(), V::clone(value))).collect()
}
