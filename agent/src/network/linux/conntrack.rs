//! Forgetting flows through the kernel's connection tracking (`linux/netfilter/nfnetlink_conntrack.h`).
//!
//! What is needed of it is one dump and one deletion.

use std::collections::BTreeSet;
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
use crate::network::op::Flows;
use crate::network::uplink::INGRESS_ADDRESS;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`.
const GET: u16 = 0x0101;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
const DELETE: u16 = 0x0102;

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_PROTOINFO: u16 = 4;
const CTA_PROTOINFO_TCP: u16 = 1;
const CTA_PROTOINFO_TCP_STATE: u16 = 1;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;

const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

/// The state of a stream whose first packet was not answered (`linux/netfilter/nf_conntrack_tcp.h`).
const TCP_CONNTRACK_SYN_SENT: u8 = 1;

/// Removes the flows that match, in the namespace of the calling thread.
pub(super) fn forget(session: &Session, flows: &BTreeSet<Flows>) -> Result<(), KernelError> {
    remove(flows).map_err(|source| KernelError::Socket { netns: session.netns.clone(), source })
}

fn remove(flows: &BTreeSet<Flows>) -> io::Result<()> {
    let socket = socket()?;
    for flow in dump(&socket)?.iter().filter(|flow| flow.is_among(flows)) {
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
    /// The state of a stream.
    state: Option<u8>,
    /// `CTA_TUPLE_ORIG` as the kernel wrote it: it names the flow.
    name: Vec<u8>,
}

impl Flow {
    fn is_among(&self, flows: &BTreeSet<Flows>) -> bool {
        let answers = self.reply.source;
        let translated = answers != self.original.destination;
        let among = |flow: Option<Flows>| flow.is_some_and(|flow| flows.contains(&flow));
        among(answers.map(Flows::AnsweredBy))
            || (translated && !self.is_open() && among(answers.map(Flows::TranslatedTo)))
            || (self.original.protocol == IPPROTO_UDP
                && (among(self.original.destination.map(Flows::SentTo))
                    || (self.is_published() && among(Some(Flows::SentToPort(self.original.port))))))
    }

    /// Whether it has an end that the kernel sees, and may go on until then: a stream whose first packet was answered. Of other protocols, where that
    /// is not known, it is taken for so.
    fn is_open(&self) -> bool {
        match self.original.protocol {
            IPPROTO_UDP => false,
            IPPROTO_TCP => self.state.is_none_or(|state| state > TCP_CONNTRACK_SYN_SENT),
            _ => true,
        }
    }

    /// Whether it can be one to a published port. Flows of others to the same port elsewhere keep their translation.
    fn is_published(&self) -> bool {
        let untranslated = self.reply.source == self.original.destination
            && self.reply.destination == self.original.source;
        untranslated
            || self.original.destination == Some(INGRESS_ADDRESS)
            || self.reply.source == Some(INGRESS_ADDRESS)
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
        state: stream_state(attributes),
        name: name.into_inner().to_vec(),
    })
}

fn stream_state(attributes: &[u8]) -> Option<u8> {
    let info = attribute(attributes, CTA_PROTOINFO)?;
    let tcp = attribute(info.value(), CTA_PROTOINFO_TCP)?;
    attribute(tcp.value(), CTA_PROTOINFO_TCP_STATE)?.value().first().copied()
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

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
    const TASK: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const IPPROTO_SCTP: u8 = 132;

    /// A flow that was sent to an address, and is answered by the task.
    fn flow(protocol: u8, state: Option<u8>, sent_to: Ipv4Addr) -> Flow {
        let tuple = |source, destination| Tuple { source, destination, protocol, port: 80 };
        Flow {
            original: tuple(None, Some(sent_to)),
            reply: tuple(Some(TASK), None),
            state,
            name: Vec::new(),
        }
    }

    #[test]
    fn what_is_open_goes_on_while_its_task_drains() {
        let drains = BTreeSet::from([Flows::TranslatedTo(TASK)]);
        let gone = BTreeSet::from([Flows::AnsweredBy(TASK)]);
        for (protocol, state, forgotten) in [
            (IPPROTO_UDP, None, true),
            (IPPROTO_TCP, Some(TCP_CONNTRACK_SYN_SENT), true),
            (IPPROTO_TCP, Some(3), false),
            (IPPROTO_TCP, None, false),
            (IPPROTO_SCTP, None, false),
        ] {
            let translated = flow(protocol, state, SERVICE);
            assert_eq!(translated.is_among(&drains), forgotten, "{protocol} {state:?}");
            assert!(translated.is_among(&gone), "{protocol} {state:?}");
            // Whoever asks the task itself gets no other.
            assert!(!flow(protocol, state, TASK).is_among(&drains), "{protocol} {state:?}");
        }
    }

    /// An attribute as the kernel writes it.
    fn nla(kind: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len() + 4).expect("is short");
        let mut bytes = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn no_dump_breaks_anything() {
        let ip = [nla(CTA_IP_V4_SRC, &[10, 0, 0, 1]), nla(CTA_IP_V4_DST, &[10, 0, 0, 9])].concat();
        let protocol =
            [nla(CTA_PROTO_NUM, &[IPPROTO_TCP]), nla(CTA_PROTO_DST_PORT, &[0, 80])].concat();
        let tuple = [nla(CTA_TUPLE_IP, &ip), nla(CTA_TUPLE_PROTO, &protocol)].concat();
        let state = nla(CTA_PROTOINFO_TCP, &nla(CTA_PROTOINFO_TCP_STATE, &[3]));
        let parts =
            [nla(CTA_TUPLE_ORIG, &tuple), nla(CTA_TUPLE_REPLY, &tuple), nla(CTA_PROTOINFO, &state)];
        let sound = message(0x100, 0, AF_INET, &parts.concat()).repeat(2);
        let all = BTreeSet::from([Flows::AnsweredBy(Ipv4Addr::new(10, 0, 0, 1))]);
        let found = |datagram: &[u8]| {
            let bodies = messages(datagram).filter_map(|(_, body)| body.get(NF_HEADER..));
            bodies.filter_map(super::flow).filter(|flow| flow.is_among(&all)).count()
        };
        assert_eq!(found(&sound), 2);
        for mut case in cases(1000) {
            let mut datagram = sound.clone();
            spoil_bytes(&mut case, &mut datagram);
            let _found = found(&datagram);
        }
    }
}
