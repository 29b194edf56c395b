//! Forgetting UDP flows through the kernel's connection tracking (`linux/netfilter/nfnetlink_conntrack.h`).
//!
//! What is needed of it is one dump and one deletion.

use std::io;
use std::net::Ipv4Addr;

use netlink_sys::Socket;

use super::namespace::Session;
use crate::network::error::KernelError;
use crate::network::nfnetlink::AF_INET;
use crate::network::nfnetlink::NF_HEADER;
use crate::network::nfnetlink::NLM_F_ACK;
use crate::network::nfnetlink::NLM_F_DUMP;
use crate::network::nfnetlink::NLM_F_REQUEST;
use crate::network::nfnetlink::NLMSG_DONE;
use crate::network::nfnetlink::NLMSG_ERROR;
use crate::network::nfnetlink::attribute;
use crate::network::nfnetlink::error;
use crate::network::nfnetlink::message;
use crate::network::nfnetlink::messages;
use crate::network::nfnetlink::socket;
use crate::network::op::UdpFlows;
use crate::network::uplink::INGRESS_ADDRESS;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`.
const GET: u16 = 0x0101;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
const DELETE: u16 = 0x0102;

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;

const IPPROTO_UDP: u8 = 17;

/// Removes the UDP flows that match, in the namespace of the calling thread.
pub(super) fn forget_udp(session: &Session, flows: UdpFlows) -> Result<(), KernelError> {
    forget(flows).map_err(|source| KernelError::Socket { netns: session.netns.clone(), source })
}

fn forget(flows: UdpFlows) -> io::Result<()> {
    let socket = socket()?;
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
    socket.send(&message(GET, NLM_F_REQUEST | NLM_F_DUMP, AF_INET, &[]), 0)?;
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
    socket.send(&message(DELETE, NLM_F_REQUEST | NLM_F_ACK, AF_INET, &flow.name), 0)?;
    let (datagram, _) = socket.recv_from_full()?;
    let answer = messages(&datagram).next().map_or(Ok(()), |(_, body)| error(body));
    match answer {
        // It has ended by itself meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        answer => answer,
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
