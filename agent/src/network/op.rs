//! What can be done to a kernel, as values.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::balancer::service::VirtualServices;
use super::mac::Mac;
use super::netns::Netns;
use super::netns::SandboxName;
use super::ruleset::Ruleset;
use super::state::LinkKind;
use super::state::Route;
use super::state::Rule;

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Make the namespace of a network.
    CreateSandbox(SandboxName),
    /// Remove the namespace of a network and all that is in it.
    DeleteSandbox(SandboxName),
    /// Change something in a namespace.
    Change(Netns, Change),
}

/// One change in one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make a link, and its other side.
    AddLink(String, LinkKind),
    /// Remove a link, and its other side.
    RemoveLink(String),
    /// Bring a link up.
    SetUp(String),
    /// Give a link an address.
    AddAddress(String, Ipv4Net),
    /// Take an address from a link.
    RemoveAddress(String, Ipv4Net),
    /// Say which hardware address a neighbour has.
    SetNeighbour(String, Ipv4Addr, Mac),
    /// Forget a neighbour.
    RemoveNeighbour(String, Ipv4Addr),
    /// Say behind which underlay address a hardware address is.
    SetForwarding(String, Mac, IpAddr),
    /// Forget where a hardware address is.
    RemoveForwarding(String, Mac),
    /// Put a route into a table, in the place of the one it has.
    SetRoute(u32, Ipv4Net, Route),
    /// Take a route from a table.
    RemoveRoute(u32, Ipv4Net),
    /// Add a rule.
    AddRule(Rule),
    /// Remove a rule.
    RemoveRule(Rule),
    /// Write a setting.
    SetSysctl(String, String),
    /// Replace the table of rules.
    SetRuleset(Ruleset),
    /// Remove the table of rules.
    RemoveRuleset,
    /// Replace what is balanced.
    SetServices(VirtualServices),
    /// Let the traffic of a link pass the engine's firewall.
    Pass(String),
    /// No longer let it pass.
    Unpass(String),
    /// Forget flows, so that their next packet is translated anew.
    Forget(BTreeSet<Flows>),
}

/// Which flows of connection tracking.
///
/// The kernel sees no end of a flow of datagrams: without this, a client that keeps sending would stay with a task that is gone, or with the
/// refusal it got before there was one. So would one that repeats the first packet of a stream, or soon begins another from the same port, if the task
/// has not answered. And a stream whose end was not seen is remembered for days: whoever uses its port again would be led to where it went, though
/// that task is gone, or its address another's by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flows {
    /// Those translated to this address, but for streams that it has answered: they go on while their task drains.
    TranslatedTo(Ipv4Addr),
    /// All that this address answers: nobody has it any more.
    AnsweredBy(Ipv4Addr),
    /// Datagrams sent to this address.
    SentTo(Ipv4Addr),
    /// Datagrams sent to this port.
    SentToPort(u16),
}

impl Change {
    /// Whether it takes something away, so that it is done if there is nothing to take.
    #[must_use]
    pub const fn removes(&self) -> bool {
        matches!(
            self,
            Self::RemoveLink(_)
                | Self::RemoveAddress(..)
                | Self::RemoveNeighbour(..)
                | Self::RemoveForwarding(..)
                | Self::RemoveRoute(..)
                | Self::RemoveRule(_)
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddLink(name, _) => write!(f, "add link {name}"),
            Self::RemoveLink(name) => write!(f, "remove link {name}"),
            Self::SetUp(name) => write!(f, "bring up link {name}"),
            Self::AddAddress(link, address) => write!(f, "add address {address} to {link}"),
            Self::RemoveAddress(link, address) => write!(f, "remove address {address} from {link}"),
            Self::SetNeighbour(link, address, _) => write!(f, "set neighbour {address} on {link}"),
            Self::RemoveNeighbour(link, address) => {
                write!(f, "remove neighbour {address} on {link}")
            }
            Self::SetForwarding(link, mac, _) => write!(f, "set forwarding of {mac} on {link}"),
            Self::RemoveForwarding(link, mac) => write!(f, "remove forwarding of {mac} on {link}"),
            Self::SetRoute(table, to, _) => write!(f, "set route to {to} in table {table}"),
            Self::RemoveRoute(table, to) => write!(f, "remove route to {to} from table {table}"),
            Self::AddRule(rule) => write!(f, "add rule for {:?}", rule.selector),
            Self::RemoveRule(rule) => write!(f, "remove rule for {:?}", rule.selector),
            Self::SetSysctl(key, value) => write!(f, "set {key} to {value}"),
            Self::SetRuleset(_) => f.write_str("replace the rules"),
            Self::RemoveRuleset => f.write_str("remove the rules"),
            Self::SetServices(_) => f.write_str("replace the balanced services"),
            Self::Pass(link) => write!(f, "let {link} pass the firewall"),
            Self::Unpass(link) => write!(f, "no longer let {link} pass the firewall"),
            Self::Forget(flows) => write!(f, "forget flows {flows:?}"),
        }
    }
}
