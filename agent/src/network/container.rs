//! Inside containers. On the ingress network: replies leave where requests came in. Connected by a user: names of the cluster are asked
//! of its name service.
//!
//! A container's default route goes through `docker_gwbridge`, while requests from published ports come in by the ingress
//! network with the client's own address. One rule sends what is from the container's ingress address back by that network;
//! [`Ruleset::Container`] does so for UDP servers that are bound to no address.
//!
//! The engine moves and names the links after the driver has answered `Join`, so this can only be done once the container
//! has been started. Nothing is lost by that: a task gets connections only after it has been reported as running.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::error::KernelError;
use super::kernel::ContainerLinks;
use super::kernel::Kernel;
use super::netns::Netns;
use super::op::Change;
use super::op::Op;
use super::ruleset::CONTAINER_MARK;
use super::ruleset::Ruleset;
use super::state::Route;
use super::state::Rule;
use super::state::Selector;

/// The routing table in containers. Each has its own tables, so any number that the system does not use will do.
const TABLE: u32 = 100;

/// Before the container's table `main` (32766).
const PRIORITY: u32 = 100;

/// Something could not be done inside a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The container has no such address.
    #[error("process {pid} has no address {address}")]
    NoAddress {
        /// A process of the container.
        pid: u32,
        /// The address it should have.
        address: Ipv4Addr,
    },
    /// The kernel refused.
    #[error("the kernel refused")]
    Kernel(#[from] KernelError),
}

/// Programs the container of process `pid`, which has `address` on the ingress network with this gateway. On any other network
/// there is nothing to do. May be repeated.
pub(super) async fn started(
    kernel: &impl Kernel,
    pid: u32,
    address: Ipv4Addr,
    gateway: Option<Ipv4Addr>,
) -> Result<(), ContainerError> {
    let Some(gateway) = gateway else { return Ok(()) };
    let links = kernel.container(pid).await?;
    let ops =
        program(pid, address, gateway, &links).ok_or(ContainerError::NoAddress { pid, address })?;
    match kernel.apply(&ops).await.into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Has questions for names that leave the container of process `pid` go to the name service at `gateway`, or no longer if there is none. May be
/// repeated.
pub(super) async fn names(
    kernel: &impl Kernel,
    pid: u32,
    gateway: Option<Ipv4Addr>,
) -> Result<(), ContainerError> {
    let change = match gateway {
        Some(gateway) => Change::SetRuleset(Ruleset::Names { gateway }),
        None => Change::RemoveRuleset,
    };
    match kernel.apply(&[Op::Change(Netns::Process(pid), change)]).await.pop() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// The operations; `None` if the container does not have the address.
fn program(
    pid: u32,
    address: Ipv4Addr,
    gateway: Ipv4Addr,
    links: &ContainerLinks,
) -> Option<Vec<Op>> {
    let (link, _) = links.addresses.iter().find(|(_, net)| net.addr() == address)?;
    let link = link.clone();
    let rule = |selector| Change::AddRule(Rule { priority: PRIORITY, selector, table: TABLE });
    let changes = [
        // Loose: what comes in by this link may have its way back by another, as far as a route lookup without mark can tell.
        Change::SetSysctl(format!("ipv4/conf/{link}/rp_filter"), "2".to_owned()),
        Change::SetRoute(TABLE, Ipv4Net::default(), Route::Via { gateway, link: link.clone() }),
        rule(Selector::From(address)),
        rule(Selector::Mark(CONTAINER_MARK)),
        Change::SetRuleset(Ruleset::Container {
            link,
            address,
            default_source: links.default_source.filter(|source| *source != address),
        }),
    ];
    let netns = Netns::Process(pid);
    Some(changes.into_iter().map(|change| Op::Change(netns.clone(), change)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_without_the_address_is_not_touched() {
        let links = ContainerLinks {
            addresses: vec![("eth0".to_owned(), "172.18.0.3/16".parse().expect("net"))],
            default_source: None,
        };
        let address = Ipv4Addr::new(10, 255, 0, 7);
        assert_eq!(program(7, address, Ipv4Addr::new(10, 255, 0, 1), &links), None);
    }

    #[test]
    fn replies_leave_by_the_ingress_link_whatever_the_default_route_is() {
        let links = ContainerLinks {
            addresses: vec![
                ("eth1".to_owned(), "172.18.0.3/16".parse().expect("net")),
                ("eth0".to_owned(), "10.255.0.7/16".parse().expect("net")),
            ],
            default_source: Some(Ipv4Addr::new(172, 18, 0, 3)),
        };
        let address = Ipv4Addr::new(10, 255, 0, 7);
        let gateway = Ipv4Addr::new(10, 255, 0, 1);
        let ops = program(7, address, gateway, &links).expect("the container has the address");
        let route = Route::Via { gateway, link: "eth0".to_owned() };
        assert!(ops.contains(&Op::Change(
            Netns::Process(7),
            Change::SetRoute(TABLE, Ipv4Net::default(), route)
        )));
        let from = Rule { priority: PRIORITY, selector: Selector::From(address), table: TABLE };
        assert!(ops.contains(&Op::Change(Netns::Process(7), Change::AddRule(from))));
    }
}
