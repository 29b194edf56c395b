//! Which server the next connection goes to.

use swarmlite_proto::balance::Scheduler;

use super::CLIENT;
use super::ONE;
use super::TWO;
use super::ask;
use super::ask_each;
use super::at_address;
use super::count;
use super::open;
use super::program;
use super::spread;
use super::tcp;
use crate::subject::PORT;
use crate::subject::Subject;
use crate::subject::VIP;

pub(super) fn connections_go_round(subject: &dyn Subject) {
    program(subject, &at_address(&[1, 1]));
    in_turn(subject);
    subject.show();
}

fn in_turn(subject: &dyn Subject) {
    let answers = ask(subject, 6, CLIENT, tcp(VIP, PORT));
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (3, 3), "{answers:?}");
    assert!(answers.windows(2).all(|pair| pair[0] != pair[1]), "not in turn: {answers:?}");
}

/// A scheduler that a balancer does not have lets no task go without connections.
pub(super) fn in_turn_instead(subject: &dyn Subject, scheduler: Scheduler) {
    program(subject, &spread(&[1, 1], scheduler, None));
    in_turn(subject);
}

pub(super) fn weights_share(subject: &dyn Subject) {
    program(subject, &spread(&[3, 1], Scheduler::Wrr, None));
    let answers = ask(subject, 8, CLIENT, tcp(VIP, PORT));
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (6, 2), "{answers:?}");
    program(subject, &spread(&[2, 4, 2], Scheduler::Wrr, None));
    let answers = ask(subject, 8, CLIENT, tcp(VIP, PORT));
    assert_eq!((count(&answers, ONE), count(&answers, TWO)), (2, 4), "{answers:?}");
}

pub(super) fn plain_turns_know_no_weights(subject: &dyn Subject) {
    program(subject, &spread(&[3, 1], Scheduler::Rr, None));
    in_turn(subject);
}

pub(super) fn the_one_with_the_fewest_connections_is_next(subject: &dyn Subject) {
    program(subject, &spread(&[1, 0], Scheduler::Lc, None));
    let mut busy = open(subject, 3, CLIENT);
    assert!(busy.iter().all(|(_, answer)| answer == ONE));
    program(subject, &spread(&[1, 1], Scheduler::Lc, None));
    let idle = open(subject, 3, CLIENT);
    let answers: Vec<_> = idle.iter().map(|(_, answer)| answer.clone()).collect();
    assert_eq!(answers, [TWO; 3], "it had fewer all the time");
    // Connections that have ended do not count.
    drop(busy.drain(1..));
    let next = open(subject, 2, CLIENT);
    let answers: Vec<_> = next.iter().map(|(_, answer)| answer.clone()).collect();
    assert_eq!(answers, [ONE; 2], "it has fewer now");
}

pub(super) fn hashed_clients_have_one_server_each(subject: &dyn Subject) {
    one_server_each(subject, Scheduler::Sh);
}

pub(super) fn maglev_clients_have_one_server_each(subject: &dyn Subject) {
    one_server_each(subject, Scheduler::Mh);
}

/// Enough clients for each server to be somebody's, and a number with which turns do not come out the same again.
const CLIENTS: u8 = 25;

/// The same server again and again, whatever is asked in between, and all servers are used.
fn one_server_each(subject: &dyn Subject, scheduler: Scheduler) {
    program(subject, &spread(&[1, 1, 1], scheduler, None));
    let first = ask_each(subject, CLIENTS);
    for name in ["c1", "c2", "c4"] {
        assert!(count(&first, name) > 2, "{name} is hardly used: {first:?}");
    }
    assert_eq!(ask_each(subject, CLIENTS), first);
    // To take everything away and put it back changes nothing: another node would do the same.
    program(subject, &at_address(&[]));
    program(subject, &spread(&[1, 1, 1], scheduler, None));
    assert_eq!(ask_each(subject, CLIENTS), first);
}

pub(super) fn hashed_clients_leave_a_server_that_drains(subject: &dyn Subject) {
    leave_a_server_that_drains(subject, Scheduler::Sh);
}

pub(super) fn maglev_clients_leave_a_server_that_drains(subject: &dyn Subject) {
    leave_a_server_that_drains(subject, Scheduler::Mh);
}

/// Also those whose hash is that of the server that drains are answered.
fn leave_a_server_that_drains(subject: &dyn Subject, scheduler: Scheduler) {
    program(subject, &spread(&[1, 1], scheduler, None));
    assert!(count(&ask_each(subject, 10), "c1") > 0, "c1 has a client");
    program(subject, &spread(&[0, 1], scheduler, None));
    assert_eq!(ask_each(subject, 10), ["c2"; 10]);
}

pub(super) fn maglev_moves_few_clients(subject: &dyn Subject) {
    program(subject, &spread(&[1, 1, 1], Scheduler::Mh, None));
    let before = ask_each(subject, CLIENTS);
    program(subject, &spread(&[1, 1], Scheduler::Mh, None));
    let after = ask_each(subject, CLIENTS);
    assert_eq!(count(&after, "c4"), 0, "{after:?}");
    let stayed = |(old, new): &(&String, &String)| *old == "c4" || old == new;
    let moved = before.iter().zip(&after).filter(|pair| !stayed(pair)).count();
    // The tables of Maglev are not perfect, but nearly so; a plain hash would move half of them.
    assert!(moved <= 3, "{moved} moved without need: {before:?}, {after:?}");
}
