//! Who is reached from where, and whom the server sees.

use std::net::Ipv4Addr;

use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::Service;
use swarmlite_agent::testing::uplink::INGRESS_ADDRESS;
use swarmlite_proto::spec::PortProtocol;

use super::CLIENT;
use super::ONE;
use super::PUBLISHED;
use super::TWO;
use super::ask;
use super::ask_each;
use super::at_address;
use super::at_port;
use super::backend;
use super::count;
use super::program;
use super::tcp;
use super::udp;
use crate::subject::OUTSIDE;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;
use crate::subject::container;

pub(super) fn datagrams_go_round(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    let answers = ask(subject, 6, CLIENT, udp(VIP, PORT));
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (3, 3), "{answers:?}");
}

pub(super) fn a_flow_of_datagrams_stays(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    for _ in 0..2 {
        let mut flow = subject.open(CLIENT, udp(VIP, PORT));
        let first = flow.ask();
        assert!([ONE, TWO].contains(&first.as_str()), "{first}");
        for _ in 0..3 {
            assert_eq!(flow.ask(), first);
        }
    }
}

pub(super) fn a_server_reaches_itself(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    for to in [tcp(VIP, PORT), udp(VIP, PORT)] {
        // Only its own connection comes from the gateway: a reply to itself would not pass the sandbox.
        let answers = ask(subject, 4, container(1), to);
        assert_eq!(count(&answers, "c1 10.0.1.1"), 2, "{answers:?}");
        assert_eq!(count(&answers, "c2 10.0.1.11"), 2, "{answers:?}");
    }
}

pub(super) fn servers_see_the_address_of_the_client(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    // Each answer has the client's address: that is looked at for every one of them.
    ask_each(subject, 4);
    program(subject, &at_port(PortProtocol::Tcp, &[1, 1]));
    for answer in ask(subject, 2, OUTSIDE, tcp(INGRESS_ADDRESS, PUBLISHED)) {
        assert!(answer.ends_with(&format!(" {OUTSIDE}")), "{answer}");
    }
}

pub(super) fn a_published_port_leads_to_another(subject: &dyn Subject) {
    let seen = |name: &str| format!("{name} {OUTSIDE}");
    let mut services = at_port(PortProtocol::Tcp, &[1, 1]);
    services.extend(at_port(PortProtocol::Udp, &[1, 1]));
    program(subject, &services);
    for to in [tcp(INGRESS_ADDRESS, PUBLISHED), udp(INGRESS_ADDRESS, PUBLISHED)] {
        let answers = ask(subject, 4, OUTSIDE, to);
        let counts = (count(&answers, &seen("c1")), count(&answers, &seen("c2")));
        assert_eq!(counts, (2, 2), "{answers:?}");
    }
}

pub(super) fn a_port_of_one_protocol_is_not_one_of_another(subject: &dyn Subject) {
    program(subject, &at_port(PortProtocol::Udp, &[1]));
    let answers = ask(subject, 1, OUTSIDE, tcp(INGRESS_ADDRESS, PUBLISHED));
    assert_eq!(answers, ["ConnectionRefused"]);
    let answers = ask(subject, 1, OUTSIDE, udp(INGRESS_ADDRESS, PUBLISHED));
    assert_eq!(answers, [format!("c1 {OUTSIDE}")]);
}

/// A container may listen on a port of the same number, and is not kept from it.
pub(super) fn a_published_port_is_none_of_the_servers(subject: &dyn Subject) {
    let mut services = at_address(&[1, 1]);
    services.extend(at_port(PortProtocol::Tcp, &[1, 1]));
    program(subject, &services);
    for addr in [container(1), VIP] {
        assert_eq!(ask(subject, 1, CLIENT, tcp(addr, PUBLISHED)), ["ConnectionRefused"]);
    }
    assert_eq!(ask(subject, 2, CLIENT, tcp(container(1), PORT)), [ONE, ONE]);
}

pub(super) fn nobody_serving_refuses(subject: &dyn Subject) {
    let mut services = at_address(&[0, 0]);
    services.extend(at_port(PortProtocol::Tcp, &[0]));
    program(subject, &services);
    for to in [tcp(VIP, PORT), udp(VIP, PORT)] {
        assert_eq!(ask(subject, 1, CLIENT, to), ["ConnectionRefused"]);
    }
    let answers = ask(subject, 1, OUTSIDE, tcp(INGRESS_ADDRESS, PUBLISHED));
    assert_eq!(answers, ["ConnectionRefused"]);
}

pub(super) fn a_thousand_services(subject: &dyn Subject) {
    let backends: Vec<_> = (0..10).map(|number| backend(100 + number, None, 1)).collect();
    let mut services = at_address(&[1, 1]);
    for at in 0..1000_u16 {
        let [high, low] = at.to_be_bytes();
        let vip = Frontend::Address(Ipv4Addr::new(10, 9, high, low));
        services.insert(vip, Service { backends: backends.clone(), ..Service::default() });
    }
    program(subject, &services);
    let answers = ask(subject, 2, CLIENT, tcp(VIP, PORT));
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (1, 1), "{answers:?}");
    services.extend(at_address(&[0, 1]));
    program(subject, &services);
    let answers = ask(subject, 2, CLIENT, tcp(VIP, PORT));
    assert_eq!(count(&answers, TWO), 2, "{answers:?}");
}
