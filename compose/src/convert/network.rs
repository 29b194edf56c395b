//! How a service is connected: the networks it is on, and the ports it is published on.

use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::PublishMode;

use super::super::canonical::ignored_address;
use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::Context;
use super::definitions::DEFAULT_NETWORK;

/// Networks that every engine has, where names of other containers have no meaning.
const PREDEFINED: [&str; 4] = ["bridge", "host", "none", "default"];

/// Members of an attachment that services do not have: addresses are the cluster's to choose.
const UNSUPPORTED: &[&str] = &[
    "ipv4_address",
    "ipv6_address",
    "link_local_ips",
    "mac_address",
    "interface_name",
    "priority",
    "gw_priority",
];

/// The networks of a service, where its name is an alias of it.
pub(super) fn attachments(
    name: &str,
    section: &mut Section<'_>,
    context: &mut Context<'_>,
) -> Result<Vec<NetworkAttachmentConfig>> {
    let listed = section.take("networks");
    let entries = listed.as_ref().map(Node::entries).transpose()?.unwrap_or_default();
    let mut attachments = Vec::new();
    for (network, node) in entries {
        let mut section = node.section()?;
        section.ignore(UNSUPPORTED, "networks.", context.notes);
        let aliases = section.get("aliases", Node::strings)?;
        let driver_opts = section.get("driver_opts", Node::labels)?;
        section.finish()?;
        attachments.push((network, aliases, driver_opts));
    }
    if attachments.is_empty() {
        attachments.push((DEFAULT_NETWORK, Vec::new(), Default::default()));
    }
    let attach = |(network, mut aliases, driver_opts): (&str, Vec<String>, _)| {
        let known = context.definitions.networks.get(network);
        let known =
            known.ok_or_else(|| ComposeError::Refused(format!("undefined network {network:?}")))?;
        let target = known.name.clone();
        if !PREDEFINED.contains(&&*target) {
            aliases.push(name.to_owned());
        }
        Ok(NetworkAttachmentConfig { target, aliases, driver_opts })
    };
    let mut attachments = attachments.into_iter().map(attach).collect::<Result<Vec<_>>>()?;
    attachments.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(attachments)
}

/// The ports of a service, in the order of the published ones.
pub(super) fn ports(
    section: &mut Section<'_>,
    context: &mut Context<'_>,
) -> Result<Vec<PortConfig>> {
    let Some(list) = section.take("ports") else { return Ok(Vec::new()) };
    let mut ports = Vec::new();
    for node in list.items()? {
        ports.push(port(&node, context)?);
    }
    ports.sort_by_key(|port| (port.published_port, port.target_port, port.protocol));
    Ok(ports)
}

fn port(node: &Node<'_>, context: &mut Context<'_>) -> Result<PortConfig> {
    let mut section = node.section()?;
    section.ignore(&["app_protocol"], "ports.", context.notes);
    let host = section.get("host_ip", Node::string)?;
    let published = section.read("published", |node| match node.string() {
        Ok(range) if range.contains('-') => {
            Err(node.invalid(format!("is a range, of which no port can be chosen: {range}")))
        }
        _ => node.integer::<u16>(),
    })?;
    let target = section.read("target", Node::integer::<u16>)?.filter(|target| *target > 0);
    let port = PortConfig {
        name: section.get("name", Node::string)?,
        protocol: section.get("protocol", |node| {
            node.one_of(&[
                ("tcp", PortProtocol::Tcp),
                ("udp", PortProtocol::Udp),
                ("sctp", PortProtocol::Sctp),
            ])
        })?,
        target_port: target.ok_or_else(|| node.invalid("must have a target"))?,
        published_port: published.unwrap_or_default(),
        publish_mode: section.get("mode", |node| {
            node.one_of(&[("ingress", PublishMode::Ingress), ("host", PublishMode::Host)])
        })?,
    };
    section.finish()?;
    if !host.is_empty() {
        context.notes.say(ignored_address(&port.target_port.to_string(), &host));
    }
    Ok(port)
}
