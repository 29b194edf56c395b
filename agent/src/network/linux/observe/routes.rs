//! Routes, and the rules that choose their tables.

use std::net::Ipv4Addr;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use netlink_packet_route::route::RouteAddress;
use netlink_packet_route::route::RouteAttribute;
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::route::RouteType;
use netlink_packet_route::rule::RuleAttribute;
use netlink_packet_route::rule::RuleMessage;
use rtnetlink::RouteMessageBuilder;

use super::attributes::first;
use super::links::Links;
use crate::network::error::KernelError;
use crate::network::linux::namespace::Session;
use crate::network::state::MAIN_TABLE;
use crate::network::state::Route;
use crate::network::state::Rule;
use crate::network::state::Selector;

/// All IPv4 routes of the namespace.
pub(super) async fn routes(session: &Session) -> Result<Vec<RouteMessage>, KernelError> {
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

/// The link that the main table sends by what no other route is for, if this is that route.
pub(super) fn default_link(message: &RouteMessage) -> Option<u32> {
    let is_default = message.header.destination_prefix_length == 0;
    (is_default && table_of(message) == MAIN_TABLE).then(|| oif(message)).flatten()
}

fn table_of(message: &RouteMessage) -> u32 {
    let wide = first!(message.attributes, RouteAttribute::Table(table) => *table);
    wide.unwrap_or_else(|| u32::from(message.header.table))
}

fn oif(message: &RouteMessage) -> Option<u32> {
    first!(message.attributes, RouteAttribute::Oif(index) => *index)
}

/// A route of ours: those that the kernel makes from addresses have another protocol than `static`.
pub(super) fn route(message: &RouteMessage, links: &Links) -> Option<((u32, Ipv4Net), Route)> {
    if message.header.protocol != RouteProtocol::Static {
        return None;
    }
    let to = first!(message.attributes, RouteAttribute::Destination(RouteAddress::Inet(address)) => *address);
    let to = to.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let to = Ipv4Net::new(to, message.header.destination_prefix_length).ok()?;
    let gateway = first!(message.attributes, RouteAttribute::Gateway(RouteAddress::Inet(address)) => *address);
    let route = match (message.header.kind, gateway) {
        (RouteType::Unreachable, _) => Route::Unreachable,
        (_, Some(gateway)) => Route::Via { gateway, link: links.name(oif(message)?)? },
        (_, None) => Route::Link(links.name(oif(message)?)?),
    };
    Some(((table_of(message), to), route))
}

/// A rule of ours: by mark. Those that every namespace starts with choose by nothing.
pub(super) fn rule(message: &RuleMessage) -> Option<Rule> {
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
