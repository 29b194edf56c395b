//! What the balancer holds is what it was told.

use swarmlite_agent::network::balancer::VirtualServices;
use swarmlite_agent::network::state::Held;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use super::CLIENT;
use super::ONE;
use super::TWO;
use super::ask;
use super::at_address;
use super::at_port;
use super::count;
use super::program;
use super::spread;
use super::tcp;
use super::udp;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;

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
