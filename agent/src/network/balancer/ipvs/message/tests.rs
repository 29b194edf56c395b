//! Requests are the bytes that `ipvsadm` sends, and answers are read as it prints them. Numbers are those of a little-endian machine.

#![cfg(target_endian = "little")]

use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;

use super::super::wire::ERROR;
use super::super::wire::Received;
use super::super::wire::message;
use super::*;

const VIP: Key = Key::Mark(0x0a00_0102);
const PORT: Key = Key::Port { protocol: 6, addr: Ipv4Addr::new(169, 254, 255, 2), port: 8000 };

fn settings() -> Settings {
    Settings { scheduler: Scheduler::Mh.to_string(), flags: FALLBACK | PERSISTENT, timeout: 300 }
}

#[test]
fn a_service_by_mark_is_added_as_ipvsadm_does() {
    let (command, attributes) = request(&Request::AddService(VIP, settings()));
    assert_eq!(command, 1);
    #[rustfmt::skip]
    let expected = [
        // IPVS_CMD_ATTR_SERVICE, nested, 56 bytes.
        56, 0, 1, 0x80,
        // AF, AF_INET.
        6, 0, 1, 0, 2, 0, 0, 0,
        // FWMARK.
        8, 0, 5, 0, 2, 1, 0, 10,
        // SCHED_NAME.
        7, 0, 6, 0, b'm', b'h', 0, 0,
        // FLAGS, and their mask.
        12, 0, 7, 0, 9, 0, 0, 0, 255, 255, 255, 255,
        // TIMEOUT.
        8, 0, 8, 0, 44, 1, 0, 0,
        // NETMASK.
        8, 0, 9, 0, 255, 255, 255, 255,
    ];
    assert_eq!(attributes.as_bytes(), expected);
}

#[test]
fn a_destination_of_a_port_is_added_as_ipvsadm_does() {
    let to = (Ipv4Addr::new(10, 255, 0, 11), 80);
    let (command, attributes) = request(&Request::AddDestination(PORT, to, 3));
    assert_eq!(command, 5);
    #[rustfmt::skip]
    let expected = [
        // IPVS_CMD_ATTR_SERVICE, nested: AF, PROTOCOL, ADDR, PORT.
        48, 0, 1, 0x80,
        6, 0, 1, 0, 2, 0, 0, 0,
        6, 0, 2, 0, 6, 0, 0, 0,
        20, 0, 3, 0, 169, 254, 255, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        6, 0, 4, 0, 0x1f, 0x40, 0, 0,
        // IPVS_CMD_ATTR_DEST, nested: ADDR_FAMILY, ADDR, PORT, FWD_METHOD, WEIGHT, U_THRESH, L_THRESH.
        72, 0, 2, 0x80,
        6, 0, 11, 0, 2, 0, 0, 0,
        20, 0, 1, 0, 10, 255, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        6, 0, 2, 0, 0, 80, 0, 0,
        8, 0, 3, 0, 0, 0, 0, 0,
        8, 0, 4, 0, 3, 0, 0, 0,
        8, 0, 5, 0, 0, 0, 0, 0,
        8, 0, 6, 0, 0, 0, 0, 0,
    ];
    assert_eq!(attributes.as_bytes(), expected);
}

#[test]
fn what_is_asked_for_is_read_back() {
    for key in [VIP, PORT] {
        let (_, attributes) = request(&Request::AddService(key, settings()));
        let read = read_service(View(attributes.as_bytes()));
        assert_eq!(read, Some((key, settings(), Counters::default())));
        let to = (Ipv4Addr::new(10, 255, 0, 11), 80);
        let (_, attributes) = request(&Request::SetDestination(key, to, 0));
        let read = read_destination(View(attributes.as_bytes()));
        assert_eq!(read, Some((to, Counters::default())));
    }
}

#[test]
fn the_flags_of_the_kernel_are_not_settings() {
    // IP_VS_SVC_F_HASHED.
    let hashed = Settings { flags: settings().flags | 0x02, ..settings() };
    let (_, attributes) = request(&Request::AddService(VIP, hashed));
    let read = read_service(View(attributes.as_bytes())).map(|(_, settings, _)| settings);
    assert_eq!(read, Some(settings()));
}

#[test]
fn what_was_counted_is_read() {
    let count = |value: u64| value.to_ne_bytes();
    let statistics = Attributes::default()
        .bytes(STATS_CONNS, &count(5))
        .bytes(STATS_INPKTS, &count(6))
        .bytes(STATS_OUTPKTS, &count(7))
        .bytes(STATS_INBYTES, &count(1 << 40))
        .bytes(STATS_OUTBYTES, &count(9));
    let attributes = Attributes::default()
        .bytes(DEST_ADDR, &inet_addr(Ipv4Addr::new(10, 0, 0, 3)))
        .bytes(DEST_PORT, &[0, 80])
        .u32(DEST_ACTIVE_CONNS, 2)
        .nested(DEST_STATS64, &statistics);
    let answer = Attributes::default().nested(CMD_DEST, &attributes);
    let counted = Counters {
        active: 2,
        connections: 5,
        packets_in: 6,
        packets_out: 7,
        bytes_in: 1 << 40,
        bytes_out: 9,
    };
    let read = read_destination(View(answer.as_bytes())).map(|(_, counters)| counters);
    assert_eq!(read, Some(counted));
}

#[test]
fn timeouts_are_seconds() {
    let wanted = Timeouts { tcp: 432_000, tcp_fin: 120, udp: 300 };
    let attributes = timeouts(wanted);
    #[rustfmt::skip]
    let expected = [8, 0, 4, 0, 0x80, 0x97, 6, 0, 8, 0, 5, 0, 120, 0, 0, 0, 8, 0, 6, 0, 44, 1, 0, 0];
    assert_eq!(attributes.as_bytes(), expected);
    assert_eq!(read_timeouts(View(attributes.as_bytes())), Some(wanted));
}

#[test]
fn no_answer_breaks_anything() {
    let statistics = Attributes::default().bytes(STATS_CONNS, &5_u64.to_ne_bytes());
    let (_, service) = request(&Request::AddService(PORT, settings()));
    let (_, to) = request(&Request::AddDestination(PORT, (Ipv4Addr::new(10, 255, 0, 11), 80), 3));
    let counted =
        Attributes::default().nested(CMD_SERVICE, &service.nested(SVC_STATS64, &statistics));
    let times = timeouts(Timeouts { tcp: 1, tcp_fin: 2, udp: 3 });
    let bodies = [&counted, &to, &times, &counted];
    let sound: Vec<u8> = bodies.iter().flat_map(|body| message(0x1c, 0, 1, (4, 1), body)).collect();
    for mut case in cases(1000) {
        let mut datagram = sound.clone();
        spoil_bytes(&mut case, &mut datagram);
        for answer in Received::all(&datagram) {
            let _number = answer.errno();
            let attributes = answer.attributes();
            let _service = read_service(attributes);
            let _destination = read_destination(attributes);
            let _timeouts = read_timeouts(attributes);
        }
    }
}

#[test]
fn a_refusal_for_no_known_reason_is_one() {
    let mut refusal = message(ERROR, 0, 1, (0, 0), &Attributes::default());
    refusal[16..20].copy_from_slice(&i32::MIN.to_ne_bytes());
    let errors: Vec<i32> = Received::all(&refusal).map(|answer| answer.errno()).collect();
    assert_eq!(errors, [i32::MIN]);
}
