//! Which server a client comes back to.

use std::time::Duration;

use swarmlite_proto::balance::Scheduler;

use super::CLIENT;
use super::ask;
use super::ask_each;
use super::count;
use super::open;
use super::program;
use super::spread;
use super::tcp;
use super::udp;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;
use crate::subject::guest;

/// Longer than a client of a case stays away.
const LONG: u32 = 600;
/// Short, but longer than a kernel remembers a connection that was reset: 10 s, during which it remembers the client too.
const SHORT: u32 = 12;
/// A guest whom no other case has. IPVS forgets the clients of a server that is removed a little later (`expire_nodest_conn_work`), and not if the
/// server is back by then, as at the beginning of the next case: they are remembered for as long as the case before asked for.
const NEW: u8 = 31;

pub(super) fn clients_stick_to_their_servers(subject: &dyn Subject) {
    for scheduler in [Scheduler::Rr, Scheduler::Wrr] {
        program(subject, &spread(&[1, 1], scheduler, Some(LONG)));
        // Not an even number: turns would come out the same again.
        let first = ask_each(subject, 11);
        assert_eq!(ask_each(subject, 11), first);
        for name in ["c1", "c2"] {
            assert!(count(&first, name) > 1, "{name} is hardly used: {first:?}");
        }
    }
}

/// Sessions of a browser use several connections, and a virtual address has all ports.
pub(super) fn a_client_sticks_across_ports(subject: &dyn Subject) {
    program(subject, &spread(&[1, 1], Scheduler::Rr, Some(LONG)));
    let first = ask(subject, 1, CLIENT, tcp(VIP, PORT));
    // Nobody listens there, at either server.
    for _ in 0..3 {
        assert_eq!(ask(subject, 1, CLIENT, tcp(VIP, PORT + 1)), ["ConnectionRefused"]);
        assert_eq!(ask(subject, 1, CLIENT, tcp(VIP, PORT)), first);
    }
    let datagrams = ask(subject, 4, CLIENT, udp(VIP, PORT));
    assert!(datagrams.iter().all(|answer| *answer == datagrams[0]), "{datagrams:?}");
}

pub(super) fn a_client_leaves_a_server_that_drains(subject: &dyn Subject) {
    program(subject, &spread(&[1, 1], Scheduler::Rr, Some(LONG)));
    let mut held: Vec<_> = (0..10).map(|at| open(subject, 1, guest(at)).remove(0)).collect();
    let servers = ask_each(subject, 10);
    program(subject, &spread(&[0, 1], Scheduler::Rr, Some(LONG)));
    assert_eq!(ask_each(subject, 10), ["c2"; 10]);
    for ((conversation, answer), server) in held.iter_mut().zip(servers) {
        assert_eq!(conversation.ask(), *answer, "what is open stays");
        assert!(answer.starts_with(&server), "{answer} is not of {server}");
    }
}

pub(super) fn a_client_is_forgotten_in_time(subject: &dyn Subject) {
    program(subject, &spread(&[1, 1], Scheduler::Rr, Some(SHORT)));
    let first = ask(subject, 2, guest(NEW), tcp(VIP, PORT));
    assert_eq!(first[0], first[1]);
    // Time for the connection to be forgotten, then for the client.
    subject.pass(Duration::from_secs(u64::from(SHORT) + 2));
    let next = ask(subject, 2, guest(NEW), tcp(VIP, PORT));
    assert_ne!(next[0], first[0], "the other is next");
    assert_eq!(next[0], next[1]);
}

/// A client comes back for longer than was asked for, to the same server, as long as the servers are the same.
pub(super) fn a_client_is_never_forgotten_instead(subject: &dyn Subject) {
    program(subject, &spread(&[1, 1], Scheduler::Rr, Some(1)));
    let first = ask_each(subject, 4);
    subject.pass(Duration::from_secs(2));
    assert_eq!(ask_each(subject, 4), first);
}
