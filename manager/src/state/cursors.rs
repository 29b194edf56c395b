//! How far giving out has come: the last address given on each network, the last VXLAN id, the last port chosen for each protocol.
//!
//! Whoever is given something gets what comes next, and the first again only after the last, as Docker allocates serially: so what has been freed comes
//! back last. A client with an old answer of the name server then finds nobody, and not somebody else. The transactions that give
//! something out move the cursors, which are part of the tables: they are the same after a failover, and after a snapshot.

use std::net::Ipv4Addr;

use imbl::OrdMap;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;

use super::tables::table;

/// What was given out last. What somebody has asked for by itself does not count: nothing goes on from there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursors {
    #[serde(default, deserialize_with = "table")]
    addresses: OrdMap<NetworkId, Ipv4Addr>,
    #[serde(default)]
    vni: Option<u32>,
    #[serde(default, deserialize_with = "table")]
    ports: OrdMap<PortProtocol, u16>,
}

impl Cursors {
    /// The last address given on a network.
    #[must_use]
    pub fn address(&self, network: &NetworkId) -> Option<Ipv4Addr> {
        self.addresses.get(network).copied()
    }

    /// The last VXLAN id given to a network.
    #[must_use]
    pub const fn vni(&self) -> Option<u32> {
        self.vni
    }

    /// The last port that the cluster has chosen.
    #[must_use]
    pub fn port(&self, protocol: PortProtocol) -> Option<u16> {
        self.ports.get(&protocol).copied()
    }

    /// Takes note of what `new`, which was `old`, has been given.
    pub(super) fn follow_network(&mut self, old: Option<&Network>, new: &Network) {
        let before = old.and_then(|old| old.allocation);
        if let Some(given) =
            new.allocation.filter(|given| before.is_none_or(|it| it.vni != given.vni))
            && new.spec.vxlan_id().is_none()
        {
            self.vni = Some(given.vni);
        }
    }

    /// A network that is gone has no addresses any more.
    pub(super) fn forget_network(&mut self, network: &NetworkId) {
        self.addresses.remove(network);
    }

    /// Takes note of what `new`, which was `old`, has been given.
    pub(super) fn follow_service(&mut self, old: Option<&Service>, new: &Service) {
        let had = old.map(|old| &old.endpoint);
        for vip in &new.endpoint.virtual_ips {
            if !had.is_some_and(|had| had.virtual_ips.contains(vip)) {
                self.addresses.insert(vip.network_id.clone(), vip.addr.addr());
            }
        }
        let asked = || new.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
        for port in new.endpoint.ports.iter().filter(|port| is_on_every_node(port)) {
            let is_asked = asked().any(|asked| names_the_same(asked, port));
            let was_had =
                had.is_some_and(|had| had.ports.iter().any(|had| names_the_same(had, port)));
            if !is_asked && !was_had {
                self.ports.insert(port.protocol, port.published_port);
            }
        }
    }

    /// Takes note of what `new`, which was `old`, has been given.
    pub(super) fn follow_task(&mut self, old: Option<&Task>, new: &Task) {
        for given in &new.attachments {
            if !old.is_some_and(|old| old.attachments.contains(given)) {
                self.addresses.insert(given.network_id.clone(), given.addr.addr());
            }
        }
    }

    /// Takes note of what `new`, which was `old`, has been given.
    pub(super) fn follow_attachment(&mut self, old: Option<&Attachment>, new: &Attachment) {
        if old.is_none() && !new.asked {
            self.addresses.insert(new.network_id.clone(), new.addr.addr());
        }
    }
}

fn is_on_every_node(port: &PortConfig) -> bool {
    port.publish_mode == PublishMode::Ingress && port.published_port != 0
}

fn names_the_same(one: &PortConfig, other: &PortConfig) -> bool {
    (one.protocol, one.published_port) == (other.protocol, other.published_port)
}
