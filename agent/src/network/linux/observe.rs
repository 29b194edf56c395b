//! Dumps of one namespace, as values. Changes nothing.

mod attributes;
mod links;
mod neighbours;
mod routes;

use std::collections::BTreeMap;
use std::fs;
use std::io;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use netlink_packet_route::rule::RuleMessage;
use rtnetlink::IpVersion;

use self::links::Links;
use self::links::addresses;
use self::routes::route;
use self::routes::routes;
use self::routes::rule;
use super::machine::LinuxKernel;
use super::namespace::Session;
use crate::network::error::KernelError;
use crate::network::kernel::ContainerLinks;
use crate::network::netns::Netns;
use crate::network::state::Link;
use crate::network::state::Namespace;
use crate::network::state::link_sysctls;
use crate::network::state::namespace_sysctls;
use crate::network::uplink::HOST_LINK;

/// What one namespace showed.
pub(super) struct Seen {
    pub(super) namespace: Namespace,
    pub(super) underlay_mtu: Option<u32>,
    pub(super) firewall: bool,
}

/// Everything of the data plane in the namespace of the session.
pub(super) async fn namespace(
    session: &Session,
    netns: &Netns,
    kernel: &LinuxKernel,
) -> Result<Seen, KernelError> {
    let links = Links::dump(session).await?;
    let addresses = addresses(session).await?;
    let mut seen = Seen {
        underlay_mtu: links.mtu_of(&addresses, kernel.config.data_path_addr),
        firewall: false,
        namespace: Namespace {
            links: links.ours(),
            ruleset: kernel.rulesets.observe(netns)?,
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
    seen.namespace.sysctls = sysctls(netns, &seen.namespace.links)?;
    match netns {
        Netns::Host => {
            let passed = kernel.firewall.observe()?;
            seen.firewall = passed.is_some();
            seen.namespace.passed = passed.unwrap_or_default();
        }
        _ => sandbox(session, &links, &mut seen.namespace, kernel, netns).await?,
    }
    Ok(seen)
}

/// What only sandboxes have, which are ours alone: in the node's namespace routes and rules are the system's.
async fn sandbox(
    session: &Session,
    links: &Links,
    namespace: &mut Namespace,
    kernel: &LinuxKernel,
    netns: &Netns,
) -> Result<(), KernelError> {
    neighbours::permanent(session, links, namespace).await?;
    neighbours::forwarding(session, links, namespace).await?;
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
    namespace.services = kernel.balancer.observe(netns)?;
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
    let default_link = routes(session).await?.iter().find_map(routes::default_link);
    let default_source = default_link
        .and_then(|index| links.name(index))
        .and_then(|name| addresses.iter().find(|(link, _)| *link == name))
        .map(|(_, net)| net.addr());
    Ok(ContainerLinks { addresses, default_source })
}

/// The settings that matter here, as they are. One that the kernel does not have is left out.
fn sysctls(
    netns: &Netns,
    links: &BTreeMap<String, Link>,
) -> Result<BTreeMap<String, String>, KernelError> {
    // On the node, settings matter only while something of ours is there.
    let whole = match netns {
        Netns::Host if !links.contains_key(HOST_LINK) => &[],
        _ => namespace_sysctls(netns),
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
