//! Messages of the kernel's netfilter (`linux/netfilter/nfnetlink.h`), as bytes. No library in use speaks this protocol.

use std::io;

use netlink_packet_core::NlaBuffer;
use netlink_packet_core::NlasIterator;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;

pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
pub(crate) const NLM_F_REQUEST: u16 = 0x01;
pub(crate) const NLM_F_ACK: u16 = 0x04;
pub(crate) const NLM_F_DUMP: u16 = 0x300;
const NLA_TYPE_MASK: u16 = 0x3fff;

/// The request is about no address family, or about all.
pub(crate) const AF_UNSPEC: u8 = 0;
/// The request is about IPv4.
pub(crate) const AF_INET: u8 = 2;

/// `struct nlmsghdr`, in bytes.
const HEADER: usize = 16;
/// `struct nfgenmsg`, which comes before the attributes, in bytes.
pub(crate) const NF_HEADER: usize = 4;

/// A socket in the namespace of the calling thread.
///
/// # Errors
/// If the kernel gives none.
pub(crate) fn socket() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    Ok(socket)
}

/// A request. `kind` is that of the subsystem, shifted by 8, and of the message.
pub(crate) fn message(kind: u16, flags: u16, family: u8, attributes: &[u8]) -> Vec<u8> {
    let len = HEADER + NF_HEADER + attributes.len();
    let mut bytes = Vec::with_capacity(len);
    bytes.extend((u32::try_from(len).unwrap_or(u32::MAX)).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    // Sequence and port: there is one request at a time on a socket.
    bytes.extend([0; 8]);
    bytes.extend([family, 0, 0, 0]);
    bytes.extend(attributes);
    bytes
}

/// The messages in a datagram: type and body.
pub(crate) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::try_from(u32::from_ne_bytes(*datagram.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
        let body = datagram.get(HEADER..len)?;
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// The code at the start of an error message; 0 acknowledges.
///
/// # Errors
/// If it is another one.
pub(crate) fn error(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|code| i32::from_ne_bytes(*code)) {
        Some(0) | None => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
    }
}

/// The attribute of this kind.
pub(crate) fn attribute(attributes: &[u8], kind: u16) -> Option<NlaBuffer<&[u8]>> {
    NlasIterator::new(attributes).flatten().find(|found| found.kind() & NLA_TYPE_MASK == kind)
}
