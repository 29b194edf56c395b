//! What the balancer holds is what it was told.

use std::net::SocketAddrV4;
use std::time::Duration;

use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::balancer::statistics::Statistics;
use swarmlite_agent::testing::held::Held;
use swarmlite_agent::testing::uplink::INGRESS_ADDRESS;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use super::AT_ADDRESS;
use super::CLIENT;
use super::ONE;
use super::PUBLISHED;
use super::TWO;
use super::ask;
use super::at_address;
use super::at_port;
use super::count;
use super::program;
use super::spread;
use super::tcp;
use super::udp;
use crate::subject::OUTSIDE;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;
use crate::subject::container;

/// From each to the next and back again: what is held is asked for after each step.
pub(super) fn what_is_held_is_what_was_told(subject: &dyn Subject) {
    let mut both = at_address(&[1, 1, 1]);
    both.extend(at_port(PortProtocol::Udp, &[1, 0]));
    let all = [
        at_address(&[1, 1]),
        at_address(&[1, 0]),
        both,
        spread(&[1, 1], Scheduler::Sh, None),
        spread(&[1, 1], Scheduler::Sh, Some(60)),
        spread(&[1, 1], Scheduler::Rr, Some(90)),
        VirtualServices::new(),
        at_address(&[0, 0]),
        at_address(&[]),
        at_port(PortProtocol::Tcp, &[1, 1]),
    ];
    for services in all.iter().chain(all.iter().rev()) {
        program(subject, services);
    }
}

pub(super) fn damage_is_seen_and_repaired(subject: &dyn Subject) {
    let mut wanted = spread(&[1, 1], Scheduler::Wrr, None);
    wanted.extend(at_port(PortProtocol::Udp, &[1]));
    let with_port = |mut services: VirtualServices| {
        services.extend(at_port(PortProtocol::Udp, &[1]));
        services
    };
    for damage in [
        VirtualServices::new(),
        with_port(VirtualServices::new()),
        spread(&[1, 1], Scheduler::Wrr, None),
        with_port(spread(&[1, 1, 1], Scheduler::Wrr, None)),
        with_port(spread(&[1], Scheduler::Wrr, None)),
        with_port(spread(&[1, 2], Scheduler::Wrr, None)),
        with_port(spread(&[1, 1], Scheduler::Sh, None)),
        with_port(spread(&[1, 1], Scheduler::Wrr, Some(60))),
    ] {
        program(subject, &wanted);
        subject.damage(&damage);
        let held = subject.held();
        assert_ne!(held, Held::Exactly(wanted.clone()), "after {damage:?}");
        program(subject, &wanted);
        let answers = ask(subject, 4, CLIENT, tcp(VIP, PORT));
        let counts = (count(&answers, ONE), count(&answers, TWO));
        assert_eq!(counts, (2, 2), "after {damage:?}: {answers:?}");
    }
}

/// What was counted of one frontend, once these are its connections. A kernel adds up every two seconds or so.
fn counted(
    subject: &dyn Subject,
    services: &VirtualServices,
    frontend: Frontend,
    connections: u64,
) -> Statistics {
    let mut counted = Statistics::default();
    for _ in 0..10 {
        counted = subject.statistics(services).remove(&frontend).unwrap_or_default();
        if counted.total.connections >= connections {
            break;
        }
        subject.pass(Duration::from_secs(1));
    }
    assert_eq!(counted.total.connections, connections, "{counted:?}");
    counted
}

pub(super) fn traffic_is_counted(subject: &dyn Subject) {
    let published = Frontend::Port { protocol: PortProtocol::Udp, port: PUBLISHED };
    let mut services = at_address(&[1, 1]);
    program(subject, &services);
    services.extend(at_port(PortProtocol::Udp, &[1]));
    // Twice: what counts is there once.
    program(subject, &services);
    let mut long = subject.open(CLIENT, tcp(VIP, PORT));
    for _ in 0..10 {
        long.ask();
    }
    ask(subject, 2, OUTSIDE, udp(INGRESS_ADDRESS, PUBLISHED));
    ask(subject, 3, CLIENT, tcp(VIP, PORT));
    let at_address = counted(subject, &services, AT_ADDRESS, 4);
    let total = at_address.total;
    assert!(total.packets_in >= 13 && total.packets_out >= 13, "{at_address:?}");
    assert!(total.bytes_in >= total.packets_in, "{at_address:?}");
    assert!(total.bytes_out >= total.packets_out, "{at_address:?}");
    for number in [1, 2] {
        let backend = at_address.backends[&SocketAddrV4::new(container(number), 0)];
        // IPVS keeps a removed destination for a while, and its counters with it should it return: earlier cases may show.
        assert!(backend.connections >= 2, "{at_address:?}");
        assert!(backend.packets_in >= 2 && backend.packets_out >= 2, "{at_address:?}");
    }
    let at_port = counted(subject, &services, published, 2);
    assert_eq!((at_port.total.packets_in, at_port.total.packets_out), (2, 2), "{at_port:?}");
    // Answers are longer than questions.
    assert!(at_port.total.bytes_out > at_port.total.bytes_in, "{at_port:?}");
    assert!(at_port.backends.contains_key(&SocketAddrV4::new(container(1), PORT)), "{at_port:?}");
}

pub(super) fn what_was_counted_outlasts_a_change(subject: &dyn Subject) {
    let mut services = at_address(&[1, 1]);
    program(subject, &services);
    ask(subject, 4, CLIENT, tcp(VIP, PORT));
    counted(subject, &services, AT_ADDRESS, 4);
    services.extend(at_port(PortProtocol::Udp, &[1]));
    services.extend(at_address(&[1, 0, 1]));
    program(subject, &services);
    subject.restart();
    program(subject, &services);
    counted(subject, &services, AT_ADDRESS, 4);
}

pub(super) fn removal_leaves_nothing(subject: &dyn Subject) {
    let mut services = at_address(&[1, 1]);
    services.extend(at_port(PortProtocol::Udp, &[1, 1]));
    services.extend(at_port(PortProtocol::Tcp, &[1, 1]));
    program(subject, &services);
    assert_ne!(subject.listed(), "");
    program(subject, &VirtualServices::new());
    for to in [tcp(VIP, PORT), udp(VIP, PORT)] {
        assert_eq!(ask(subject, 1, CLIENT, to), ["ConnectionRefused"]);
    }
    assert_eq!(subject.listed(), "");
}
