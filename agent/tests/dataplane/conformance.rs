//! What every balancer has to do: the same cases for each, against whatever [`Subject`] they are given.
//!
//! - `spreading`: which server the next connection goes to, by scheduler and weight.
//! - `sticking`: which server a client comes back to.
//! - `reaching`: who is reached from where, and whom the server sees.
//! - `lasting`: what goes on when what is balanced changes.
//! - `holding`: what the balancer holds is what it was told.

mod holding;
mod lasting;
mod reaching;
mod spreading;
mod sticking;

use std::net::Ipv4Addr;

use swarmlite_agent::testing::balancer::Backend;
use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::Service;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use crate::subject::ASKING;
use crate::subject::Conversation;
use crate::subject::PORT;
use crate::subject::SERVERS;
use crate::subject::Subject;
use crate::subject::Target;
use crate::subject::VIP;
use crate::subject::container;
use crate::subject::guest;

/// A test, on a balancer that balances nothing. It panics if it fails.
pub(crate) type Case = fn(&dyn Subject);

/// What not every balancer can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// What every balancer can do.
    Any,
    /// To spread by this scheduler.
    Scheduler(Scheduler),
    /// To forget a client that stayed away for as long as it was to be remembered.
    Forgetting,
}

impl Feature {
    /// Whether a balancer can do it.
    pub(crate) fn of(self, kind: Kind) -> bool {
        match self {
            Self::Any => true,
            Self::Scheduler(scheduler) => kind.supports(Balancing { scheduler, sticky: None }),
            // A hash of the client's address remembers nobody, so it cannot forget anybody: see `Kind::supports`.
            Self::Forgetting => kind == Kind::Ipvs,
        }
    }

    /// What has to hold of a balancer that cannot do it.
    pub(crate) fn instead(self) -> Case {
        match self {
            Self::Any => |_| {},
            Self::Scheduler(Scheduler::Mh) => {
                |subject| spreading::in_turn_instead(subject, Scheduler::Mh)
            }
            Self::Scheduler(_) => |subject| spreading::in_turn_instead(subject, Scheduler::Lc),
            Self::Forgetting => sticking::a_client_is_never_forgotten_instead,
        }
    }
}

/// Functions with their names, and what they take.
macro_rules! cases {
    ($($module:ident::$name:ident $($feature:expr)?,)*) => {
        [$((stringify!($name), [$($feature,)? Feature::Any][0], $module::$name as Case)),*]
    };
}

/// All of them, with what a balancer has to be able to do for each.
pub(crate) fn cases() -> impl Iterator<Item = (&'static str, Feature, Case)> {
    use Feature::Forgetting;
    use Feature::Scheduler as By;
    cases![
        spreading::connections_go_round,
        spreading::weights_share By(Scheduler::Wrr),
        spreading::plain_turns_know_no_weights,
        spreading::the_one_with_the_fewest_connections_is_next By(Scheduler::Lc),
        spreading::hashed_clients_have_one_server_each By(Scheduler::Sh),
        spreading::maglev_clients_have_one_server_each By(Scheduler::Mh),
        spreading::hashed_clients_leave_a_server_that_drains By(Scheduler::Sh),
        spreading::maglev_clients_leave_a_server_that_drains By(Scheduler::Mh),
        spreading::maglev_moves_few_clients By(Scheduler::Mh),
        sticking::clients_stick_to_their_servers,
        sticking::a_client_sticks_across_ports,
        sticking::a_client_leaves_a_server_that_drains,
        sticking::a_client_is_forgotten_in_time Forgetting,
        reaching::datagrams_go_round,
        reaching::a_flow_of_datagrams_stays,
        reaching::a_server_reaches_itself,
        reaching::servers_see_the_address_of_the_client,
        reaching::a_published_port_leads_to_another,
        reaching::a_port_of_one_protocol_is_not_one_of_another,
        reaching::a_published_port_is_none_of_the_servers,
        reaching::nobody_serving_refuses,
        reaching::a_thousand_services,
        lasting::draining_keeps_what_is_open,
        lasting::a_published_port_drains,
        lasting::what_is_open_outlasts_every_change,
        lasting::what_is_open_outlasts_a_restart,
        lasting::idle_connections_are_remembered_for_hours,
        holding::what_is_held_is_what_was_told,
        holding::damage_is_seen_and_repaired,
        holding::traffic_is_counted,
        holding::what_was_counted_outlasts_a_change,
        holding::removal_leaves_nothing,
    ]
    .into_iter()
}

/// Runs a test.
pub(crate) fn run(case: Case, subject: &dyn Subject) {
    program(subject, &VirtualServices::new());
    case(subject);
}

/// The port on the node.
const PUBLISHED: u16 = 8000;
/// The client that most cases ask from.
const CLIENT: Ipv4Addr = container(ASKING);
/// The virtual address.
const AT_ADDRESS: Frontend = Frontend::Address(VIP);
/// What the first two servers say to the client.
const ONE: &str = "c1 10.0.1.13";
const TWO: &str = "c2 10.0.1.13";

/// Has the balancer balance this, and asks whether it does.
fn program(subject: &dyn Subject, services: &VirtualServices) {
    use swarmlite_agent::testing::held::Held;
    subject.program(services);
    match subject.held() {
        Held::Exactly(held) => assert_eq!(held, *services),
        Held::Absent if services.is_empty() => {}
        held => panic!("it holds {held:?}"),
    }
}

fn backend(number: u8, port: Option<u16>, weight: u16) -> Backend {
    Backend { addr: container(number), port, weight }
}

/// One service at the virtual address, with these weights for as many of the servers.
fn at_address(weights: &[u16]) -> VirtualServices {
    spread(weights, Scheduler::Rr, None)
}

/// The service at the virtual address, spread like this.
fn spread(weights: &[u16], scheduler: Scheduler, sticky: Option<u32>) -> VirtualServices {
    let backends = SERVERS.into_iter().zip(weights).map(|(at, weight)| backend(at, None, *weight));
    let service =
        Service { balancing: Balancing { scheduler, sticky }, backends: backends.collect() };
    VirtualServices::from([(AT_ADDRESS, service)])
}

/// One service at a published port, with these weights for as many of the servers.
fn at_port(protocol: PortProtocol, weights: &[u16]) -> VirtualServices {
    let backends =
        SERVERS.into_iter().zip(weights).map(|(at, weight)| backend(at, Some(PORT), *weight));
    let service = Service { backends: backends.collect(), ..Service::default() };
    VirtualServices::from([(Frontend::Port { protocol, port: PUBLISHED }, service)])
}

const fn tcp(addr: Ipv4Addr, port: u16) -> Target {
    Target { protocol: PortProtocol::Tcp, addr, port }
}

const fn udp(addr: Ipv4Addr, port: u16) -> Target {
    Target { protocol: PortProtocol::Udp, addr, port }
}

/// Opens connections one after the other and lets them stay open: with what each was answered.
fn open(
    subject: &dyn Subject,
    times: usize,
    from: Ipv4Addr,
) -> Vec<(Box<dyn Conversation>, String)> {
    let one = |_| {
        let mut conversation = subject.open(from, tcp(VIP, PORT));
        let answer = conversation.ask();
        (conversation, answer)
    };
    (0..times).map(one).collect()
}

/// What connections in a row are answered, each of which ends before the next.
fn ask(subject: &dyn Subject, times: usize, from: Ipv4Addr, to: Target) -> Vec<String> {
    (0..times).map(|_| subject.open(from, to).ask()).collect()
}

/// Which server each of as many guests gets. Its name only.
fn ask_each(subject: &dyn Subject, guests: u8) -> Vec<String> {
    let one = |number| {
        let answer = subject.open(guest(number), tcp(VIP, PORT)).ask();
        let (name, seen) = answer.split_once(' ').expect("a name and an address");
        assert_eq!(seen, guest(number).to_string(), "{answer}");
        name.to_owned()
    };
    (0..guests).map(one).collect()
}

fn count(answers: &[String], answer: &str) -> usize {
    answers.iter().filter(|given| *given == answer).count()
}
