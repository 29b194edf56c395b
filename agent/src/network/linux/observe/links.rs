//! The links of a namespace and their addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::InfoData;
use netlink_packet_route::link::InfoKind;
use netlink_packet_route::link::InfoVxlan;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::link::LinkFlags;
use netlink_packet_route::link::LinkInfo;
use netlink_packet_route::link::LinkMessage;

use super::attributes::first;
use crate::network::endpoint::ENDPOINT_PREFIX;
use crate::network::endpoint::Endpoint;
use crate::network::error::KernelError;
use crate::network::linux::namespace::Session;
use crate::network::mac::Mac;
use crate::network::state::Link;
use crate::network::state::LinkKind;
use crate::network::state::Vxlan;
use crate::network::uplink::HOST_LINK;
use crate::network::uplink::UPLINK;

/// The links of a namespace by index.
pub(super) struct Links(BTreeMap<u32, LinkMessage>);

impl Links {
    pub(super) async fn dump(session: &Session) -> Result<Self, KernelError> {
        let links: Vec<LinkMessage> = session
            .netlink
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(session.refused("list links"))?;
        Ok(Self(links.into_iter().map(|link| (link.header.index, link)).collect()))
    }

    pub(super) fn name(&self, index: u32) -> Option<String> {
        self.0.get(&index).and_then(name_of).map(str::to_owned)
    }

    pub(super) fn ours(&self) -> BTreeMap<String, Link> {
        self.0
            .values()
            .filter_map(|message| {
                let name = name_of(message)?;
                let up = message.header.flags.contains(LinkFlags::Up);
                Some((name.to_owned(), Link { kind: kind_of(name, message)?, up }))
            })
            .collect()
    }

    pub(super) fn mtu_of(&self, addresses: &[(u32, Address)], wanted: IpAddr) -> Option<u32> {
        let has = |net: &Address| match net {
            Ok(net) => IpAddr::V4(net.addr()) == wanted,
            Err(address) => IpAddr::V6(*address) == wanted,
        };
        let (index, _) = addresses.iter().find(|(_, net)| has(net))?;
        mtu(self.0.get(index)?)
    }
}

/// An IPv4 address with its prefix, or an IPv6 address, of which only the underlay's is ever looked for.
pub(super) type Address = Result<Ipv4Net, Ipv6Addr>;

pub(super) async fn addresses(session: &Session) -> Result<Vec<(u32, Address)>, KernelError> {
    let messages: Vec<AddressMessage> = session
        .netlink
        .address()
        .get()
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list addresses"))?;
    Ok(messages
        .iter()
        .filter_map(|message| {
            // IPv4 has its own address in `Local`; `Address` is the peer's on point-to-point links. IPv6 has only `Address`.
            let local = first!(message.attributes, AddressAttribute::Local(address) => *address);
            let address = local.or_else(
                || first!(message.attributes, AddressAttribute::Address(address) => *address),
            )?;
            let net = match address {
                IpAddr::V4(address) => Ok(Ipv4Net::new(address, message.header.prefix_len).ok()?),
                IpAddr::V6(address) => Err(address),
            };
            Some((message.header.index, net))
        })
        .collect())
}

fn name_of(message: &LinkMessage) -> Option<&str> {
    first!(message.attributes, LinkAttribute::IfName(name) => name.as_str())
}

fn mtu(message: &LinkMessage) -> Option<u32> {
    first!(message.attributes, LinkAttribute::Mtu(mtu) => *mtu)
}

/// What a link is to us; `None` for the links of others.
fn kind_of(name: &str, message: &LinkMessage) -> Option<LinkKind> {
    let infos = first!(message.attributes, LinkAttribute::LinkInfo(infos) => infos.as_slice());
    let kind = infos.into_iter().flatten().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    });
    match (name, kind) {
        ("lo", _) => Some(LinkKind::Loopback),
        (HOST_LINK, _) => Some(LinkKind::HostLink { peer: None, mtu: mtu(message)? }),
        (UPLINK, _) => Some(LinkKind::Uplink),
        (_, Some(InfoKind::Vxlan)) if is_tunnel(name) => {
            Some(vxlan(message, infos?).map_or(LinkKind::Broken, LinkKind::Vxlan))
        }
        (_, Some(InfoKind::Veth)) if name.starts_with(ENDPOINT_PREFIX) => {
            let alias = message.attributes.iter().find_map(|attribute| match attribute {
                LinkAttribute::IfAlias(alias) => Endpoint::from_alias(alias),
                _ => None,
            });
            Some(alias.map_or(LinkKind::Broken, LinkKind::Endpoint))
        }
        _ => None,
    }
}

/// Whether a name is one that a tunnel gets.
fn is_tunnel(name: &str) -> bool {
    name.strip_prefix("vx").is_some_and(|vni| vni.parse::<u32>().is_ok())
}

fn vxlan(message: &LinkMessage, infos: &[LinkInfo]) -> Option<Vxlan> {
    let data = first!(infos, LinkInfo::Data(InfoData::Vxlan(data)) => data.as_slice())?;
    let mac = first!(message.attributes, LinkAttribute::Address(bytes) => Mac(bytes.as_slice().try_into().ok()?))?;
    let (mut vni, mut port, mut local) = (None, None, None);
    for info in data {
        match info {
            InfoVxlan::Id(id) => vni = Some(*id),
            InfoVxlan::Port(number) => port = Some(*number),
            InfoVxlan::Local(address) => local = Some(IpAddr::V4(*address)),
            InfoVxlan::Local6(address) => local = Some(IpAddr::V6(*address)),
            _ => {}
        }
    }
    Some(Vxlan { vni: vni?, port: port?, local: local?, mac, mtu: mtu(message)? })
}
