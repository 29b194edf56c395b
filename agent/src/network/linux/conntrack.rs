//! Forgetting UDP flows through the kernel's connection tracking (`linux/netfilter/nfnetlink_conntrack.h`).
//!
//! No library in use speaks this protocol; what is needed of it is one dump and one deletion.

use std::io;
use std::net::Ipv4Addr;

use netlink_packet_core::NlaBuffer;
use netlink_packet_core::NlasIterator;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::namespace::Session;
use crate::network::error::KernelError;
use crate::network::op::UdpFlows;
use crate::network::uplink::INGRESS_ADDRESS;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`.
const GET: u16 = 0x0101;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
const DELETE: u16 = 0x0102;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x01;
const NLM_F_ACK: u16 = 0x04;
const NLM_F_DUMP: u16 = 0x300;
const NLA_TYPE_MASK: u16 = 0x3fff;

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;

const IPPROTO_UDP: u8 = 17;
/// `struct nlmsghdr` and, in this protocol, `struct nfgenmsg` after it, in bytes.
const HEADER: usize = 16;
const NF_HEADER: usize = 4;

/// Removes the UDP flows that match, in the namespace of the calling thread.
pub(super) fn forget_udp(session: &Session, flows: UdpFlows) -> Result<(), KernelError> {
    forget(flows).map_err(|source| KernelError::Socket { netns: session.netns.clone(), source })
}

fn forget(flows: UdpFlows) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    for flow in dump(&socket)?.iter().filter(|flow| flow.matches(flows)) {
        delete(&socket, flow)?;
    }
    Ok(())
}

/// One direction of a flow.
#[derive(Clone, Copy, Debug, Default)]
struct Tuple {
    source: Option<Ipv4Addr>,
    destination: Option<Ipv4Addr>,
    protocol: u8,
    port: u16,
}

/// A flow.
#[derive(Clone, Debug)]
struct Flow {
    original: Tuple,
    reply: Tuple,
    /// `CTA_TUPLE_ORIG` as the kernel wrote it: it names the flow.
    name: Vec<u8>,
}

impl Flow {
    fn matches(&self, flows: UdpFlows) -> bool {
        let untranslated = self.reply.source == self.original.destination
            && self.reply.destination == self.original.source;
        self.original.protocol == IPPROTO_UDP
            && match flows {
                UdpFlows::AnsweredBy(address) => {
                    self.reply.source == Some(address) && self.original.destination != Some(address)
                }
                UdpFlows::SentTo(address) => self.original.destination == Some(address),
                // Flows of others to the same port elsewhere keep their translation.
                UdpFlows::SentToPort(port) => {
                    self.original.port == port
                        && (untranslated
                            || self.original.destination == Some(INGRESS_ADDRESS)
                            || self.reply.source == Some(INGRESS_ADDRESS))
                }
            }
    }
}

fn dump(socket: &Socket) -> io::Result<Vec<Flow>> {
    socket.send(&message(GET, NLM_F_REQUEST | NLM_F_DUMP, &[]), 0)?;
    let mut flows = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        for (kind, body) in messages(&datagram) {
            match kind {
                NLMSG_DONE => return Ok(flows),
                NLMSG_ERROR => return error(body).map(|()| flows),
                _ => flows.extend(body.get(NF_HEADER..).and_then(flow)),
            }
        }
    }
}

fn delete(socket: &Socket, flow: &Flow) -> io::Result<()> {
    socket.send(&message(DELETE, NLM_F_REQUEST | NLM_F_ACK, &flow.name), 0)?;
    let (datagram, _) = socket.recv_from_full()?;
    let answer = messages(&datagram).next().map_or(Ok(()), |(_, body)| error(body));
    match answer {
        // It has ended by itself meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// A request of the connection tracking subsystem about IPv4.
fn message(kind: u16, flags: u16, attributes: &[u8]) -> Vec<u8> {
    const AF_INET: u8 = 2;
    let len = HEADER + NF_HEADER + attributes.len();
    let mut bytes = Vec::with_capacity(len);
    bytes.extend((u32::try_from(len).unwrap_or(u32::MAX)).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    // Sequence and port: there is one request at a time on the socket.
    bytes.extend([0; 8]);
    bytes.extend([AF_INET, 0, 0, 0]);
    bytes.extend(attributes);
    bytes
}

/// The messages in a datagram: type and body.
fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::try_from(u32::from_ne_bytes(*datagram.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
        let body = datagram.get(HEADER..len)?;
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// The code at the start of an error message; 0 acknowledges.
fn error(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|code| i32::from_ne_bytes(*code)) {
        Some(0) | None => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
    }
}

fn flow(attributes: &[u8]) -> Option<Flow> {
    let name = attribute(attributes, CTA_TUPLE_ORIG)?;
    Some(Flow {
        original: tuple(name.value()),
        reply: tuple(attribute(attributes, CTA_TUPLE_REPLY)?.value()),
        name: name.into_inner().to_vec(),
    })
}

fn tuple(attributes: &[u8]) -> Tuple {
    let ip = attribute(attributes, CTA_TUPLE_IP);
    let protocol = attribute(attributes, CTA_TUPLE_PROTO);
    let address = |kind| {
        let bytes: [u8; 4] = *attribute(ip?.value(), kind)?.value().first_chunk()?;
        Some(Ipv4Addr::from(bytes))
    };
    let number = |kind| Some(attribute(protocol?.value(), kind)?.value().to_vec());
    Tuple {
        source: address(CTA_IP_V4_SRC),
        destination: address(CTA_IP_V4_DST),
        protocol: number(CTA_PROTO_NUM)
            .and_then(|bytes| bytes.first().copied())
            .unwrap_or_default(),
        port: number(CTA_PROTO_DST_PORT)
            .and_then(|bytes| bytes.first_chunk().copied())
            .map(u16::from_be_bytes)
            .unwrap_or_default(),
    }
}

fn attribute(attributes: &[u8], kind: u16) -> Option<NlaBuffer<&[u8]>> {
    NlasIterator::new(attributes).flatten().find(|found| found.kind() & NLA_TYPE_MASK == kind)
}
