//! From one set of services to another: what changes of the table, and nothing else. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::TABLE;
use super::chain_name;
use super::key;
use super::rule;
use super::slots;
use crate::network::balancer::service::Backend;
use crate::network::balancer::service::Frontend;
use crate::network::balancer::service::VirtualServices;

/// What makes the table of `new` of that of `old`, in the language of `nft -f`; `None` if that would not be less than the whole: what counts
/// traffic comes and goes with all services.
pub(super) fn between(old: &VirtualServices, new: &VirtualServices) -> Option<String> {
    if old.is_empty() || new.is_empty() {
        return None;
    }
    let differs = |frontend: &&Frontend| old.get(frontend) != new.get(frontend);
    let frontends: BTreeSet<&Frontend> = old.keys().chain(new.keys()).filter(differs).collect();
    if frontends.len() * 2 > new.len() {
        return None;
    }
    let mut text = String::new();
    for frontend in frontends {
        let slots = |services: &VirtualServices| services.get(frontend).map(slots);
        let before = slots(old).unwrap_or_default();
        let balancing = new.get(frontend).map(|service| service.balancing).unwrap_or_default();
        let after = slots(new).unwrap_or_default();
        let rule = (!after.is_empty()).then(|| rule(*frontend, balancing, &after));
        amend(&mut text, *frontend, &before, rule);
    }
    Some(text)
}

/// Makes, changes or removes one chain, and what leads to it. `rule` is what it is to hold, if it is to be.
fn amend(text: &mut String, frontend: Frontend, before: &[Backend], rule: Option<String>) {
    let (chain, key) = (chain_name(frontend), key(frontend));
    let map = match frontend {
        Frontend::Address(_) => "addresses",
        Frontend::Port { .. } => "ports",
    };
    let mut line = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    match (before.is_empty(), rule) {
        (true, None) => {}
        (false, None) => {
            line(format!("delete element ip {TABLE} {map} {{ {key} }}"));
            line(format!("delete chain ip {TABLE} {chain}"));
        }
        (true, Some(rule)) => {
            line(format!("add chain ip {TABLE} {chain}"));
            line(format!("add rule ip {TABLE} {chain} {rule}"));
            line(format!("add element ip {TABLE} {map} {{ {key} : goto {chain} }}"));
        }
        (false, Some(rule)) => {
            line(format!("flush chain ip {TABLE} {chain}"));
            line(format!("add rule ip {TABLE} {chain} {rule}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use swarmlite_proto::spec::PortProtocol;

    use super::*;
    use crate::network::balancer::service::Service;

    fn address(last: u8) -> Frontend {
        Frontend::Address(Ipv4Addr::new(10, 0, 0, last))
    }

    /// A service with one backend of this weight.
    fn service(weight: u16, port: Option<u16>) -> Service {
        let addr = Ipv4Addr::new(10, 0, 0, 99);
        Service { backends: vec![Backend { addr, port, weight }], ..Service::default() }
    }

    /// Four services that stay as they are, and these.
    fn services(further: &[(Frontend, Service)]) -> VirtualServices {
        let staying = (1..=4).map(|last| (address(last), service(1, None)));
        staying.chain(further.iter().cloned()).collect()
    }

    #[test]
    fn only_what_differs_is_said() {
        let port = Frontend::Port { protocol: PortProtocol::Tcp, port: 80 };
        let old = services(&[(port, service(1, Some(8000)))]);
        assert_eq!(between(&old, &old).as_deref(), Some(""));
        let moved = services(&[(port, service(1, Some(9000)))]);
        let expected = "flush chain ip swarmlite_balancer port_tcp_80\n\
                        add rule ip swarmlite_balancer port_tcp_80 meta l4proto tcp dnat to 10.0.0.99:9000\n";
        assert_eq!(between(&old, &moved).as_deref(), Some(expected));
        let gone = "delete element ip swarmlite_balancer ports { tcp . 80 }\n\
                    delete chain ip swarmlite_balancer port_tcp_80\n";
        assert_eq!(between(&old, &services(&[])).as_deref(), Some(gone));
        let drained = services(&[(port, service(0, Some(8000)))]);
        assert_eq!(between(&old, &drained).as_deref(), Some(gone));
        assert_eq!(between(&services(&[]), &drained).as_deref(), Some(""));
        let come = services(&[(address(9), service(1, None))]);
        let expected = "add chain ip swarmlite_balancer address_10.0.0.9\n\
                        add rule ip swarmlite_balancer address_10.0.0.9 dnat to 10.0.0.99\n\
                        add element ip swarmlite_balancer addresses { 10.0.0.9 : goto address_10.0.0.9 }\n";
        assert_eq!(between(&services(&[]), &come).as_deref(), Some(expected));
    }

    #[test]
    fn the_whole_is_said_where_that_is_not_more() {
        let none = VirtualServices::new();
        let all = services(&[]);
        assert_eq!(between(&none, &all), None);
        assert_eq!(between(&all, &none), None);
        let other = all.keys().map(|frontend| (*frontend, service(0, None))).collect();
        assert_eq!(between(&all, &other), None);
    }
}
