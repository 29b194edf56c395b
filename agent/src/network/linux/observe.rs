//! Dumps of one namespace, as values.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::InfoData;
use netlink_packet_route::link::InfoKind;
use netlink_packet_route::link::InfoVxlan;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::link::LinkFlags;
use netlink_packet_route::link::LinkInfo;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::neighbour::NeighbourAddress;
use netlink_packet_route::neighbour::NeighbourAttribute;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::neighbour::NeighbourState;
use netlink_packet_route::route::RouteAddress;
use netlink_packet_route::route::RouteAttribute;
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::route::RouteType;
use netlink_packet_route::rule::RuleAttribute;
use netlink_packet_route::rule::RuleMessage;
use rtnetlink::IpVersion;
use rtnetlink::RouteMessageBuilder;

use super::LinuxKernel;
use super::firewall;
use super::namespace::Session;
use crate::network::endpoint::ENDPOINT_PREFIX;
use crate::network::endpoint::Endpoint;
use crate::network::kernel::ContainerLinks;
use crate::network::kernel::KernelError;
use crate::network::state::HOST_LINK;
use crate::network::state::Link;
use crate::network::state::LinkKind;
use crate::network::state::MAIN_TABLE;
use crate::network::state::Mac;
use crate::network::state::Namespace;
use crate::network::state::Place;
use crate::network::state::Route;
use crate::network::state::Rule;
use crate::network::state::Selector;
use crate::network::state::UPLINK;
use crate::network::state::Vxlan;
use crate::network::state::link_sysctls;
use crate::network::state::namespace_sysctls;

/// What one namespace showed.
pub(super) struct Seen {
    pub(super) namespace: Namespace,
    pub(super) underlay_mtu: Option<u32>,
    pub(super) firewall: bool,
}

/// Everything of the data plane in the namespace of the session.
pub(super) async fn namespace(
    session: &Session,
    place: &Place,
    kernel: &LinuxKernel,
) -> Result<Seen, KernelError> {
    let links = Links::dump(session).await?;
    let addresses = addresses(session).await?;
    let mut seen = Seen {
        underlay_mtu: links.mtu_of(&addresses, kernel.config.data_path_addr),
        firewall: false,
        namespace: Namespace {
            links: links.ours(),
            ruleset: kernel.rulesets.observe(place)?,
            ..Namespace::default()
        },
    };
    let ours = &seen.namespace.links;
    seen.namespace.addresses = addresses
        .into_iter()
        .filter_map(|(index, net)| Some((links.name(index)?, net)))
        .filter_map(|(name, net)| net.map_or_else(|_| None, |net| Some((name, net))))
        .filter(|(name, net)| ours.contains_key(name) && !net.addr().is_loopback())
        .collect();
    seen.namespace.sysctls = sysctls(place, &seen.namespace.links)?;
    match place {
        Place::Host => {
            let passed = firewall::observe()?;
            seen.firewall = passed.is_some();
            seen.namespace.passed = passed.unwrap_or_default();
        }
        _ => sandbox(session, &links, &mut seen.namespace, kernel, place).await?,
    }
    Ok(seen)
}

/// What only sandboxes have, which are ours alone: in the node's namespace routes and rules are the system's.
async fn sandbox(
    session: &Session,
    links: &Links,
    namespace: &mut Namespace,
    kernel: &LinuxKernel,
    place: &Place,
) -> Result<(), KernelError> {
    neighbours(session, links, namespace).await?;
    forwarding(session, links, namespace).await?;
    for message in routes(session).await? {
        namespace.routes.extend(route(&message, links));
    }
    let rules: Vec<RuleMessage> = session
        .netlink
        .rule()
        .get(IpVersion::V4)
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list rules"))?;
    namespace.rules = rules.iter().filter_map(rule).collect();
    namespace.services = kernel.balancer.observe(place)?;
    Ok(())
}

/// How the container whose namespace this is, is connected.
pub(super) async fn container(session: &Session) -> Result<ContainerLinks, KernelError> {
    let links = Links::dump(session).await?;
    let addresses: Vec<(String, Ipv4Net)> = addresses(session)
        .await?
        .into_iter()
        .filter_map(|(index, net)| Some((links.name(index)?, net.ok()?)))
        .collect();
    let default_link = routes(session).await?.iter().find_map(|message| {
        let main = table_of(message) == MAIN_TABLE;
        (main && message.header.destination_prefix_length == 0).then(|| oif(message)).flatten()
    });
    let default_source = default_link
        .and_then(|index| links.name(index))
        .and_then(|name| addresses.iter().find(|(link, _)| *link == name))
        .map(|(_, net)| net.addr());
    Ok(ContainerLinks { addresses, default_source })
}

/// The links of a namespace by index.
struct Links(BTreeMap<u32, LinkMessage>);

impl Links {
    async fn dump(session: &Session) -> Result<Self, KernelError> {
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

    fn name(&self, index: u32) -> Option<String> {
        self.0.get(&index).and_then(name_of).map(str::to_owned)
    }

    fn ours(&self) -> BTreeMap<String, Link> {
        self.0
            .values()
            .filter_map(|message| {
                let name = name_of(message)?;
                let up = message.header.flags.contains(LinkFlags::Up);
                Some((name.to_owned(), Link { kind: kind_of(name, message)?, up }))
            })
            .collect()
    }

    fn mtu_of(&self, addresses: &[(u32, Address)], wanted: IpAddr) -> Option<u32> {
        let has = |net: &Address| match net {
            Ok(net) => IpAddr::V4(net.addr()) == wanted,
            Err(address) => IpAddr::V6(*address) == wanted,
        };
        let (index, _) = addresses.iter().find(|(_, net)| has(net))?;
        mtu(self.0.get(index)?)
    }
}

/// An IPv4 address with its prefix, or an IPv6 address, of which only the underlay's is ever looked for.
type Address = Result<Ipv4Net, Ipv6Addr>;

async fn addresses(session: &Session) -> Result<Vec<(u32, Address)>, KernelError> {
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
            let local = message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Local(address) => Some(*address),
                _ => None,
            });
            let address = local.or_else(|| {
                message.attributes.iter().find_map(|attribute| match attribute {
                    AddressAttribute::Address(address) => Some(*address),
                    _ => None,
                })
            })?;
            let net = match address {
                IpAddr::V4(address) => Ok(Ipv4Net::new(address, message.header.prefix_len).ok()?),
                IpAddr::V6(address) => Err(address),
            };
            Some((message.header.index, net))
        })
        .collect())
}

fn name_of(message: &LinkMessage) -> Option<&str> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

fn mtu(message: &LinkMessage) -> Option<u32> {
    message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    })
}

/// What a link is to us; `None` for the links of others.
fn kind_of(name: &str, message: &LinkMessage) -> Option<LinkKind> {
    let infos = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos.as_slice()),
        _ => None,
    });
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
    let data = infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Vxlan(data)) => Some(data.as_slice()),
        _ => None,
    })?;
    let mac = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Address(bytes) => Some(Mac(bytes.as_slice().try_into().ok()?)),
        _ => None,
    })?;
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

async fn neighbours(
    session: &Session,
    links: &Links,
    namespace: &mut Namespace,
) -> Result<(), KernelError> {
    let messages: Vec<NeighbourMessage> = session
        .netlink
        .neighbours()
        .get()
        .set_address_family(AddressFamily::Inet)
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list neighbours"))?;
    for message in
        messages.iter().filter(|message| message.header.state == NeighbourState::Permanent)
    {
        if let Some(name) = links.name(message.header.ifindex)
            && let Some(NeighbourAddress::Inet(address)) = destination(message)
            && let Some(mac) = link_address(message)
        {
            namespace.neighbours.insert((name, *address), mac);
        }
    }
    Ok(())
}

async fn forwarding(
    session: &Session,
    links: &Links,
    namespace: &mut Namespace,
) -> Result<(), KernelError> {
    let messages: Vec<NeighbourMessage> = session
        .netlink
        .neighbours()
        .get()
        .set_address_family(AddressFamily::Bridge)
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list forwarding entries"))?;
    for message in &messages {
        // The library leaves addresses of this family as bytes.
        let to = match destination(message) {
            Some(NeighbourAddress::Other(bytes)) => match bytes.len() {
                4 => <[u8; 4]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
                16 => <[u8; 16]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
                _ => None,
            },
            _ => None,
        };
        if let Some(name) = links.name(message.header.ifindex)
            && let Some(mac) = link_address(message)
            && let Some(to) = to
        {
            namespace.forwarding.insert((name, mac), to);
        }
    }
    Ok(())
}

fn destination(message: &NeighbourMessage) -> Option<&NeighbourAddress> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(address) => Some(address),
        _ => None,
    })
}

fn link_address(message: &NeighbourMessage) -> Option<Mac> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => {
            Some(Mac(bytes.as_slice().try_into().ok()?))
        }
        _ => None,
    })
}

async fn routes(session: &Session) -> Result<Vec<RouteMessage>, KernelError> {
    let all = RouteMessageBuilder::<Ipv4Addr>::new().build();
    session
        .netlink
        .route()
        .get(all)
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list routes"))
}

fn table_of(message: &RouteMessage) -> u32 {
    let wide = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    wide.unwrap_or_else(|| u32::from(message.header.table))
}

fn oif(message: &RouteMessage) -> Option<u32> {
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

/// A route of ours: those that the kernel makes from addresses have another protocol than `static`.
fn route(message: &RouteMessage, links: &Links) -> Option<((u32, Ipv4Net), Route)> {
    if message.header.protocol != RouteProtocol::Static {
        return None;
    }
    let to = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(*address),
        _ => None,
    });
    let to = to.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let to = Ipv4Net::new(to, message.header.destination_prefix_length).ok()?;
    let gateway = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(address)) => Some(*address),
        _ => None,
    });
    let route = match (message.header.kind, gateway) {
        (RouteType::Unreachable, _) => Route::Unreachable,
        (_, Some(gateway)) => Route::Via { gateway, link: links.name(oif(message)?)? },
        (_, None) => Route::Link(links.name(oif(message)?)?),
    };
    Some(((table_of(message), to), route))
}

/// A rule of ours: by mark. Those that every namespace starts with choose by nothing.
fn rule(message: &RuleMessage) -> Option<Rule> {
    let (mut priority, mut mark, mut table) = (0, None, u32::from(message.header.table));
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(number) => priority = *number,
            RuleAttribute::FwMark(number) => mark = Some(*number),
            RuleAttribute::Table(number) => table = *number,
            _ => {}
        }
    }
    Some(Rule { priority, selector: Selector::Mark(mark?), table })
}

/// The settings that matter here, as they are. One that the kernel does not have is left out.
fn sysctls(
    place: &Place,
    links: &BTreeMap<String, Link>,
) -> Result<BTreeMap<String, String>, KernelError> {
    // On the node, settings matter only while something of ours is there.
    let whole = match place {
        Place::Host if !links.contains_key(HOST_LINK) => &[],
        _ => namespace_sysctls(place),
    };
    let keys = whole.iter().map(|(key, _)| (*key).to_owned()).chain(
        links.iter().flat_map(|(name, link)| link_sysctls(name, &link.kind)).map(|(key, _)| key),
    );
    let mut values = BTreeMap::new();
    for key in keys {
        match fs::read_to_string(format!("/proc/sys/net/{key}")) {
            Ok(value) => {
                values.insert(key, value.trim().to_owned());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(KernelError::Sysctl { key, source }),
        }
    }
    Ok(values)
}
