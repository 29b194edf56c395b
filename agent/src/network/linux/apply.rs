//! Changes of one namespace, one by one. Each may be repeated: what is already so is no error.

use std::fs;
use std::fs::File;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::InfoData;
use netlink_packet_route::link::InfoVeth;
use netlink_packet_route::neighbour::NeighbourAttribute;
use netlink_packet_route::neighbour::NeighbourFlags;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::RouteScope;
use netlink_packet_route::route::RouteType;
use netlink_packet_route::rule::RuleAction;
use netlink_packet_route::rule::RuleMessage;
use nix::net::if_::if_nametoindex;
use rtnetlink::AddressMessageBuilder;
use rtnetlink::LinkMessageBuilder;
use rtnetlink::LinkUnspec;
use rtnetlink::LinkVeth;
use rtnetlink::LinkVxlan;
use rtnetlink::RouteMessageBuilder;

use super::conntrack;
use super::firewall;
use super::machine::LinuxKernel;
use super::namespace::Session;
use crate::network::error::KernelError;
use crate::network::mac::Mac;
use crate::network::netns::Netns;
use crate::network::op::Change;
use crate::network::state::LinkKind;
use crate::network::state::Route;
use crate::network::state::Rule;
use crate::network::state::Selector;
use crate::network::state::Vxlan;
use crate::network::uplink::UPLINK;

/// Carries out one change in the namespace of the session.
pub(super) async fn apply(
    kernel: &LinuxKernel,
    session: &Session,
    netns: &Netns,
    change: Change,
) -> Result<(), KernelError> {
    let what = change.to_string();
    let removes = change.removes();
    let done = match change {
        Change::AddLink(..) => {
            return Err(KernelError::Misplaced(format!("{what}: concerns two namespaces")));
        }
        Change::SetSysctl(key, value) => return set_sysctl(key, &value),
        Change::SetRuleset(rules) => return kernel.rulesets.replace(netns, &rules, &rules.table()),
        Change::RemoveRuleset => return kernel.rulesets.remove(netns),
        Change::SetServices(services) => return kernel.balancer.program(netns, &services),
        Change::Pass(link) => return firewall::pass(&link),
        Change::Unpass(link) => return firewall::unpass(&link),
        Change::Forget(flows) => return conntrack::forget(session, &flows),
        Change::RemoveLink(name) => remove_link(session, &name).await?,
        Change::SetUp(name) => set_up(session, &name).await?,
        Change::AddAddress(link, net) => add_address(session, &link, net).await?,
        Change::RemoveAddress(link, net) => remove_address(session, &link, net).await?,
        Change::SetNeighbour(link, address, mac) => {
            set_neighbour(session, &link, address, mac).await?
        }
        Change::RemoveNeighbour(link, address) => remove_neighbour(session, &link, address).await?,
        Change::SetForwarding(link, mac, to) => set_forwarding(session, &link, mac, to).await?,
        Change::RemoveForwarding(link, mac) => remove_forwarding(session, &link, mac).await?,
        Change::SetRoute(table, to, route) => set_route(session, table, to, &route).await?,
        Change::RemoveRoute(table, to) => remove_route(session, table, to).await,
        Change::AddRule(rule) => add_rule(session, &rule).await,
        Change::RemoveRule(rule) => remove_rule(session, &rule).await,
    };
    match done {
        Err(error) if !already(&error, removes) => Err(session.refused(what)(error)),
        _ => Ok(()),
    }
}

/// The kernel's answer to one request. A missing link is told before there is a request.
type Answer = Result<(), rtnetlink::Error>;

/// Whether an answer only says that things already are as they should be.
fn already(error: &rtnetlink::Error, removes: bool) -> bool {
    const GONE: [nix::Error; 4] =
        [nix::Error::ENODEV, nix::Error::ENOENT, nix::Error::ESRCH, nix::Error::EADDRNOTAVAIL];
    match error {
        rtnetlink::Error::NetlinkError(message) => {
            let errno = nix::Error::from_raw(-message.raw_code());
            if removes { GONE.contains(&errno) } else { errno == nix::Error::EEXIST }
        }
        _ => false,
    }
}

/// Makes a link from the node's namespace. `other` is the namespace of the tunnel, or of the side that is not the node's.
pub(super) async fn add_link(
    session: &Session,
    name: &str,
    kind: &LinkKind,
    other: &File,
) -> Result<(), KernelError> {
    let fd = other.as_raw_fd();
    let message = match kind {
        LinkKind::Vxlan(vxlan) => vxlan_message(name, vxlan).setns_by_fd(fd).build(),
        LinkKind::HostLink { mtu, .. } => {
            let peer =
                LinkMessageBuilder::<LinkUnspec>::new().name(UPLINK).mtu(*mtu).setns_by_fd(fd);
            LinkVeth::new(name, UPLINK)
                .mtu(*mtu)
                .set_info_data(InfoData::Veth(InfoVeth::Peer(peer.build())))
                .build()
        }
        LinkKind::Endpoint(endpoint) => {
            let temporary = endpoint.container_link_name();
            let peer = LinkMessageBuilder::<LinkUnspec>::new().name(name).setns_by_fd(fd);
            LinkVeth::new(&temporary, name)
                .set_info_data(InfoData::Veth(InfoVeth::Peer(peer.build())))
                .build()
        }
        LinkKind::Loopback | LinkKind::Uplink | LinkKind::Broken => {
            return Err(KernelError::Misplaced(format!("link {name} is not made by itself")));
        }
    };
    let made = session.netlink.link().add(message).execute().await;
    made.map_err(session.refused(format!("add link {name}")))
}

fn vxlan_message(name: &str, vxlan: &Vxlan) -> LinkMessageBuilder<LinkVxlan> {
    let message = LinkVxlan::new(name, vxlan.vni)
        .port(vxlan.port)
        .learning(false)
        .address(vxlan.mac.0.to_vec())
        .mtu(vxlan.mtu);
    match vxlan.local {
        IpAddr::V4(local) => message.local(local),
        IpAddr::V6(local) => message.local6(local),
    }
}

/// Writes the alias of a link.
pub(super) async fn set_alias(
    session: &Session,
    name: &str,
    alias: String,
) -> Result<(), KernelError> {
    let message = LinkUnspec::new_with_name(name).alias(alias).build();
    let set = session.netlink.link().set(message).execute().await;
    set.map_err(session.refused(format!("set the alias of {name}")))
}

/// Removes every link but `lo`.
pub(super) async fn remove_all_links(session: &Session) -> Result<(), KernelError> {
    let links: Vec<_> = session
        .netlink
        .link()
        .get()
        .execute()
        .try_collect()
        .await
        .map_err(session.refused("list links"))?;
    for link in links.iter().filter(|link| link.header.index != 1) {
        let removed = session.netlink.link().del(link.header.index).execute().await;
        if let Err(error) = removed
            && !already(&error, true)
        {
            return Err(session.refused("remove a link")(error));
        }
    }
    Ok(())
}

fn index(session: &Session, link: &str) -> Result<u32, KernelError> {
    if_nametoindex(link)
        .map_err(|_| KernelError::NoLink { link: link.to_owned(), netns: session.netns.clone() })
}

async fn remove_link(session: &Session, name: &str) -> Result<Answer, KernelError> {
    match index(session, name) {
        Ok(index) => Ok(session.netlink.link().del(index).execute().await),
        Err(_) => Ok(Ok(())),
    }
}

async fn set_up(session: &Session, name: &str) -> Result<Answer, KernelError> {
    let message = LinkUnspec::new_with_index(index(session, name)?).up().build();
    Ok(session.netlink.link().set(message).execute().await)
}

async fn add_address(session: &Session, link: &str, net: Ipv4Net) -> Result<Answer, KernelError> {
    let index = index(session, link)?;
    let request = session.netlink.address().add(index, IpAddr::V4(net.addr()), net.prefix_len());
    Ok(request.execute().await)
}

async fn remove_address(
    session: &Session,
    link: &str,
    net: Ipv4Net,
) -> Result<Answer, KernelError> {
    let message = AddressMessageBuilder::<Ipv4Addr>::new()
        .index(index(session, link)?)
        .address(net.addr(), net.prefix_len())
        .build();
    Ok(session.netlink.address().del(message).execute().await)
}

async fn set_neighbour(
    session: &Session,
    link: &str,
    address: Ipv4Addr,
    mac: Mac,
) -> Result<Answer, KernelError> {
    let index = index(session, link)?;
    let request = session.netlink.neighbours().add(index, IpAddr::V4(address));
    Ok(request.link_layer_address(&mac.0).replace().execute().await)
}

async fn remove_neighbour(
    session: &Session,
    link: &str,
    address: Ipv4Addr,
) -> Result<Answer, KernelError> {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = index(session, link)?;
    message.attributes.push(NeighbourAttribute::Destination(address.into()));
    Ok(session.netlink.neighbours().del(message).execute().await)
}

async fn set_forwarding(
    session: &Session,
    link: &str,
    mac: Mac,
    to: IpAddr,
) -> Result<Answer, KernelError> {
    let index = index(session, link)?;
    let request = session.netlink.neighbours().add_bridge(index, &mac.0);
    Ok(request.destination(to).flags(NeighbourFlags::Own).replace().execute().await)
}

async fn remove_forwarding(session: &Session, link: &str, mac: Mac) -> Result<Answer, KernelError> {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index(session, link)?;
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    Ok(session.netlink.neighbours().del(message).execute().await)
}

fn to_table(table: u32, to: Ipv4Net) -> RouteMessageBuilder<Ipv4Addr> {
    RouteMessageBuilder::<Ipv4Addr>::new()
        .table_id(table)
        .destination_prefix(to.addr(), to.prefix_len())
}

async fn set_route(
    session: &Session,
    table: u32,
    to: Ipv4Net,
    route: &Route,
) -> Result<Answer, KernelError> {
    let message = match route {
        Route::Link(link) => {
            to_table(table, to).scope(RouteScope::Link).output_interface(index(session, link)?)
        }
        Route::Via { gateway, link } => {
            to_table(table, to).gateway(*gateway).output_interface(index(session, link)?).onlink()
        }
        Route::Unreachable => to_table(table, to).kind(RouteType::Unreachable),
    };
    Ok(session.netlink.route().add(message.build()).replace().execute().await)
}

async fn remove_route(session: &Session, table: u32, to: Ipv4Net) -> Answer {
    let mut message = to_table(table, to).build();
    // Whatever its kind and scope are: a destination has one route per table.
    message.header.kind = RouteType::Unspec;
    message.header.scope = RouteScope::NoWhere;
    session.netlink.route().del(message).execute().await
}

async fn add_rule(session: &Session, rule: &Rule) -> Answer {
    let mut request = session.netlink.rule().add().v4();
    *request.message_mut() = rule_message(session, rule);
    request.execute().await
}

async fn remove_rule(session: &Session, rule: &Rule) -> Answer {
    session.netlink.rule().del(rule_message(session, rule)).execute().await
}

fn rule_message(session: &Session, rule: &Rule) -> RuleMessage {
    let request = session
        .netlink
        .rule()
        .add()
        .table_id(rule.table)
        .priority(rule.priority)
        .action(RuleAction::ToTable)
        .v4();
    let mut request = match rule.selector {
        Selector::Mark(mark) => request.fw_mark(mark),
        Selector::From(address) => request.source_prefix(address, 32),
    };
    request.message_mut().clone()
}

fn set_sysctl(key: String, value: &str) -> Result<(), KernelError> {
    fs::write(format!("/proc/sys/net/{key}"), value)
        .map_err(|source| KernelError::Sysctl { key, source })
}
