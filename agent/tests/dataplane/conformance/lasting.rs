//! What goes on when what is balanced changes.

use std::time::Duration;

use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::uplink::INGRESS_ADDRESS;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use super::CLIENT;
use super::ONE;
use super::PUBLISHED;
use super::TWO;
use super::ask;
use super::at_address;
use super::at_port;
use super::count;
use super::open;
use super::program;
use super::spread;
use super::tcp;
use super::udp;
use crate::subject::Conversation;
use crate::subject::OUTSIDE;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;

/// Asks connections that are open whether they are where they were.
fn still_open(open: &mut [(Box<dyn Conversation>, String)]) {
    for (conversation, answer) in open {
        assert_eq!(conversation.ask(), *answer);
    }
}

pub(super) fn draining_keeps_what_is_open(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    let mut held = open(subject, 2, CLIENT);
    let names: Vec<String> = held.iter().map(|(_, name)| name.clone()).collect();
    assert_eq!((count(&names, ONE), count(&names, TWO)), (1, 1), "{names:?}");
    program(subject, &at_address(&[0, 1]));
    still_open(&mut held);
    let answers = ask(subject, 4, CLIENT, tcp(VIP, PORT));
    assert_eq!(count(&answers, TWO), 4, "{answers:?}");
    // All of them drain.
    program(subject, &at_address(&[0, 0]));
    still_open(&mut held);
    assert_eq!(ask(subject, 1, CLIENT, tcp(VIP, PORT)), ["ConnectionRefused"]);
    // And back.
    program(subject, &at_address(&[1, 1]));
    still_open(&mut held);
    let answers = ask(subject, 4, CLIENT, tcp(VIP, PORT));
    assert_eq!(count(&answers, ONE), 2, "{answers:?}");
}

pub(super) fn a_published_port_drains(subject: &dyn Subject) {
    let to = tcp(INGRESS_ADDRESS, PUBLISHED);
    program(subject, &at_port(PortProtocol::Tcp, &[1]));
    let mut held = subject.open(OUTSIDE, to);
    let first = format!("c1 {OUTSIDE}");
    assert_eq!(held.ask(), first);
    program(subject, &at_port(PortProtocol::Tcp, &[0, 1]));
    assert_eq!(ask(subject, 2, OUTSIDE, to), [format!("c2 {OUTSIDE}"), format!("c2 {OUTSIDE}")]);
    assert_eq!(held.ask(), first);
}

pub(super) fn what_is_open_outlasts_every_change(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    let mut held = open(subject, 2, CLIENT);
    let mut others = at_address(&[1, 1]);
    others.extend(at_port(PortProtocol::Tcp, &[1]));
    for services in [
        at_address(&[1, 1, 1]),
        spread(&[5, 1], Scheduler::Wrr, None),
        spread(&[1, 1], Scheduler::Sh, Some(60)),
        others,
        at_address(&[1, 1]),
    ] {
        program(subject, &services);
        still_open(&mut held);
    }
}

pub(super) fn what_is_open_outlasts_a_restart(subject: &dyn Subject) {
    let services: VirtualServices = at_address(&[1, 1]);
    program(subject, &services);
    let mut held = open(subject, 2, CLIENT);
    subject.restart();
    still_open(&mut held);
    program(subject, &services);
    still_open(&mut held);
    let answers = ask(subject, 4, CLIENT, tcp(VIP, PORT));
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (2, 2), "{answers:?}");
}

pub(super) fn idle_connections_are_remembered_for_hours(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    let held = open(subject, 1, CLIENT);
    let mut flow = subject.open(CLIENT, udp(VIP, PORT));
    // Two packets each way are a stream of them.
    flow.ask();
    flow.ask();
    let hours = Duration::from_secs(12 * 3600);
    let limit = subject.idle_limit(PortProtocol::Tcp);
    assert!(limit > hours, "{limit:?}");
    // Not so flows of datagrams, which nobody ends.
    let limit = subject.idle_limit(PortProtocol::Udp);
    assert!(limit > Duration::from_secs(100) && limit < hours, "{limit:?}");
    drop(held);
}
