//! Requests and answers of IPVS as attributes (`linux/ip_vs.h`). Pure.

use std::net::Ipv4Addr;

use super::table::Destination;
use super::table::FALLBACK;
use super::table::Key;
use super::table::PERSISTENT;
use super::table::Request;
use super::table::Settings;
use super::wire::Attributes;
use super::wire::View;
use crate::network::balancer::statistics::Counters;

/// `enum` of commands, `IPVS_CMD_*`.
const NEW_SERVICE: u8 = 1;
const SET_SERVICE: u8 = 2;
const DEL_SERVICE: u8 = 3;
pub(super) const GET_SERVICE: u8 = 4;
const NEW_DEST: u8 = 5;
const SET_DEST: u8 = 6;
const DEL_DEST: u8 = 7;
pub(super) const GET_DEST: u8 = 8;
pub(super) const SET_CONFIG: u8 = 12;
pub(super) const GET_CONFIG: u8 = 13;
pub(super) const FLUSH: u8 = 17;

/// `IPVS_CMD_ATTR_*`.
const CMD_SERVICE: u16 = 1;
const CMD_DEST: u16 = 2;
const CMD_TIMEOUT_TCP: u16 = 4;
const CMD_TIMEOUT_TCP_FIN: u16 = 5;
const CMD_TIMEOUT_UDP: u16 = 6;

/// `IPVS_SVC_ATTR_*`.
const SVC_AF: u16 = 1;
const SVC_PROTOCOL: u16 = 2;
const SVC_ADDR: u16 = 3;
const SVC_PORT: u16 = 4;
const SVC_FWMARK: u16 = 5;
const SVC_SCHED_NAME: u16 = 6;
const SVC_FLAGS: u16 = 7;
const SVC_TIMEOUT: u16 = 8;
const SVC_NETMASK: u16 = 9;
const SVC_STATS64: u16 = 12;

/// `IPVS_DEST_ATTR_*`.
const DEST_ADDR: u16 = 1;
const DEST_PORT: u16 = 2;
const DEST_FWD_METHOD: u16 = 3;
const DEST_WEIGHT: u16 = 4;
const DEST_U_THRESH: u16 = 5;
const DEST_L_THRESH: u16 = 6;
const DEST_ACTIVE_CONNS: u16 = 7;
const DEST_ADDR_FAMILY: u16 = 11;
const DEST_STATS64: u16 = 12;

/// `IPVS_STATS_ATTR_*`.
const STATS_CONNS: u16 = 1;
const STATS_INPKTS: u16 = 2;
const STATS_OUTPKTS: u16 = 3;
const STATS_INBYTES: u16 = 4;
const STATS_OUTBYTES: u16 = 5;

const AF_INET: u16 = 2;
/// `IP_VS_CONN_F_MASQ`: the destination's address is translated, and replies come back through this node.
const MASQ: u32 = 0;
/// The part of a client's address that persistence goes by: all of it.
const WHOLE_ADDRESS: [u8; 4] = [255; 4];
/// The flags that are settings; the kernel adds others that tell its state.
const SETTINGS: u32 = PERSISTENT | FALLBACK | 0x04 | 0x10 | 0x20;

/// `union nf_inet_addr`: as long as an address of version 6.
fn inet_addr(addr: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&addr.octets());
    bytes
}

fn key_attributes(key: Key) -> Attributes {
    let attributes = Attributes::default().u16(SVC_AF, AF_INET);
    match key {
        Key::Mark(mark) => attributes.u32(SVC_FWMARK, mark),
        Key::Port { protocol, addr, port } => attributes
            .u16(SVC_PROTOCOL, protocol)
            .bytes(SVC_ADDR, &inet_addr(addr))
            .bytes(SVC_PORT, &port.to_be_bytes()),
    }
}

/// Names a virtual service, as requests about it and about its destinations have to.
pub(super) fn about(key: Key) -> Attributes {
    Attributes::default().nested(CMD_SERVICE, &key_attributes(key))
}

fn service(key: Key, settings: &Settings) -> Attributes {
    // `struct ip_vs_flags`: values, and which of them are meant.
    let flags = [settings.flags.to_ne_bytes(), u32::MAX.to_ne_bytes()].concat();
    let attributes = key_attributes(key)
        .string(SVC_SCHED_NAME, &settings.scheduler)
        .bytes(SVC_FLAGS, &flags)
        .u32(SVC_TIMEOUT, settings.timeout)
        .bytes(SVC_NETMASK, &WHOLE_ADDRESS);
    Attributes::default().nested(CMD_SERVICE, &attributes)
}

fn destination(key: Key, (addr, port): Destination, weight: Option<u32>) -> Attributes {
    let mut attributes = Attributes::default()
        .u16(DEST_ADDR_FAMILY, AF_INET)
        .bytes(DEST_ADDR, &inet_addr(addr))
        .bytes(DEST_PORT, &port.to_be_bytes());
    if let Some(weight) = weight {
        attributes = attributes
            .u32(DEST_FWD_METHOD, MASQ)
            .u32(DEST_WEIGHT, weight)
            .u32(DEST_U_THRESH, 0)
            .u32(DEST_L_THRESH, 0);
    }
    about(key).nested(CMD_DEST, &attributes)
}

/// The command and the attributes of a request.
pub(super) fn request(request: &Request) -> (u8, Attributes) {
    match request {
        Request::AddService(key, settings) => (NEW_SERVICE, service(*key, settings)),
        Request::SetService(key, settings) => (SET_SERVICE, service(*key, settings)),
        Request::RemoveService(key) => (DEL_SERVICE, about(*key)),
        Request::AddDestination(key, to, weight) => {
            (NEW_DEST, destination(*key, *to, Some(*weight)))
        }
        Request::SetDestination(key, to, weight) => {
            (SET_DEST, destination(*key, *to, Some(*weight)))
        }
        Request::RemoveDestination(key, to) => (DEL_DEST, destination(*key, *to, None)),
    }
}

/// A virtual service in an answer; `None` for one of another address family.
pub(super) fn read_service(answer: View<'_>) -> Option<(Key, Settings, Counters)> {
    let service = answer.nested(CMD_SERVICE)?;
    if service.u16(SVC_AF)? != AF_INET {
        return None;
    }
    let key = match service.u32(SVC_FWMARK) {
        Some(mark) => Key::Mark(mark),
        None => Key::Port {
            protocol: service.u16(SVC_PROTOCOL)?,
            addr: address(service, SVC_ADDR)?,
            port: service.be16(SVC_PORT)?,
        },
    };
    let settings = Settings {
        scheduler: service.string(SVC_SCHED_NAME)?.to_owned(),
        flags: service.u32(SVC_FLAGS)? & SETTINGS,
        timeout: service.u32(SVC_TIMEOUT)?,
    };
    Some((key, settings, counters(service.nested(SVC_STATS64))))
}

/// What was counted of a destination in an answer.
pub(super) fn read_destination(answer: View<'_>) -> Option<(Destination, Counters)> {
    let found = answer.nested(CMD_DEST)?;
    let to = (address(found, DEST_ADDR)?, found.be16(DEST_PORT)?);
    let mut counters = counters(found.nested(DEST_STATS64));
    counters.active = found.u32(DEST_ACTIVE_CONNS).unwrap_or_default();
    Some((to, counters))
}

fn address(attributes: View<'_>, kind: u16) -> Option<Ipv4Addr> {
    attributes.bytes(kind)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes))
}

fn counters(statistics: Option<View<'_>>) -> Counters {
    let count = |kind| statistics.and_then(|all| all.u64(kind)).unwrap_or_default();
    Counters {
        active: 0,
        connections: count(STATS_CONNS),
        packets_in: count(STATS_INPKTS),
        packets_out: count(STATS_OUTPKTS),
        bytes_in: count(STATS_INBYTES),
        bytes_out: count(STATS_OUTBYTES),
    }
}

/// For how many seconds connections are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    pub(super) tcp: u32,
    pub(super) tcp_fin: u32,
    pub(super) udp: u32,
}

pub(super) fn timeouts(timeouts: Timeouts) -> Attributes {
    Attributes::default()
        .u32(CMD_TIMEOUT_TCP, timeouts.tcp)
        .u32(CMD_TIMEOUT_TCP_FIN, timeouts.tcp_fin)
        .u32(CMD_TIMEOUT_UDP, timeouts.udp)
}

pub(super) fn read_timeouts(answer: View<'_>) -> Option<Timeouts> {
    Some(Timeouts {
        tcp: answer.u32(CMD_TIMEOUT_TCP)?,
        tcp_fin: answer.u32(CMD_TIMEOUT_TCP_FIN)?,
        udp: answer.u32(CMD_TIMEOUT_UDP)?,
    })
}

#[cfg(test)]
mod tests;
