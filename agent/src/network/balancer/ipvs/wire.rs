//! Bytes of generic netlink (`linux/netlink.h`, `linux/genetlink.h`): messages with nested attributes, written and read.
//!
//! Pure: [`super::socket`] sends and receives. Attributes read from the kernel are trusted to be whole; what is missing or
//! short is simply not there.

use netlink_packet_core::NlasIterator;

/// `struct nlmsghdr` in bytes.
const HEADER: usize = 16;
/// `struct genlmsghdr` after it, in bytes.
const GENERIC_HEADER: usize = 4;
/// `struct nlattr` in bytes.
const ATTRIBUTE_HEADER: usize = 4;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// `NLA_TYPE_MASK`.
const TYPE_MASK: u16 = 0x3fff;

/// `NLMSG_ERROR`: a refusal, or an acknowledgement.
pub(super) const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub(super) const DONE: u16 = 3;
/// `NLM_F_REQUEST`.
pub(super) const REQUEST: u16 = 0x01;
/// `NLM_F_ACK`.
pub(super) const ACK: u16 = 0x04;
/// `NLM_F_DUMP_INTR`: what was dumped changed meanwhile.
pub(super) const INTERRUPTED: u16 = 0x10;
/// `NLM_F_DUMP`.
pub(super) const DUMP: u16 = 0x300;

/// Attributes one after the other, each at a multiple of four bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    /// Adds one with these bytes.
    pub(super) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let len = u16::try_from(ATTRIBUTE_HEADER + value.len()).unwrap_or(u16::MAX);
        self.0.extend(len.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds a number of 16 bits in the machine's order.
    pub(super) fn u16(self, kind: u16, value: u16) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds a number of 32 bits in the machine's order.
    pub(super) fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds a string that ends with a zero.
    pub(super) fn string(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// Adds attributes inside one.
    pub(super) fn nested(self, kind: u16, inner: &Self) -> Self {
        self.bytes(kind | NESTED, inner.as_bytes())
    }

    /// Their bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A message of a generic netlink family: `command` with the version of the family. Answers have the same `sequence`.
pub(super) fn message(
    family: u16,
    flags: u16,
    sequence: u32,
    (command, version): (u8, u8),
    body: &Attributes,
) -> Vec<u8> {
    let len = HEADER + GENERIC_HEADER + body.0.len();
    let mut bytes = Vec::with_capacity(len);
    bytes.extend(u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(family.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    // The port: a socket has only one.
    bytes.extend([0; 4]);
    bytes.extend([command, version, 0, 0]);
    bytes.extend(body.as_bytes());
    bytes
}

/// A message as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received<'a> {
    /// [`ERROR`], [`DONE`], or the family.
    pub(super) kind: u16,
    /// Flags of the header.
    pub(super) flags: u16,
    /// The number of the request that it answers.
    pub(super) sequence: u32,
    body: &'a [u8],
}

impl<'a> Received<'a> {
    /// The messages in a datagram.
    pub(super) fn all(mut datagram: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let len = usize::try_from(u32::from_ne_bytes(*datagram.first_chunk()?)).ok()?;
            let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
            let flags = u16::from_ne_bytes(*datagram.get(6..)?.first_chunk()?);
            let sequence = u32::from_ne_bytes(*datagram.get(8..)?.first_chunk()?);
            let body = datagram.get(HEADER..len)?;
            datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
            Some(Self { kind, flags, sequence, body })
        })
    }

    /// The attributes of a message of a family.
    pub(super) fn attributes(&self) -> View<'a> {
        View(self.body.get(GENERIC_HEADER..).unwrap_or_default())
    }

    /// The error number of an [`ERROR`] message: 0 acknowledges. A [`DONE`] message may carry one too.
    pub(super) fn errno(&self) -> i32 {
        self.body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code).wrapping_neg())
    }
}

/// Attributes as they were received.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a>(pub(super) &'a [u8]);

impl<'a> View<'a> {
    /// The bytes of one of them.
    pub(super) fn bytes(self, kind: u16) -> Option<&'a [u8]> {
        NlasIterator::new(self.0)
            .flatten()
            .find(|found| found.kind() & TYPE_MASK == kind)
            .and_then(|found| found.into_inner().get(ATTRIBUTE_HEADER..))
    }

    /// The attributes inside one of them.
    pub(super) fn nested(self, kind: u16) -> Option<Self> {
        self.bytes(kind).map(Self)
    }

    /// A number of 16 bits in the machine's order.
    pub(super) fn u16(self, kind: u16) -> Option<u16> {
        self.bytes(kind)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
    }

    /// A number of 32 bits in the machine's order.
    pub(super) fn u32(self, kind: u16) -> Option<u32> {
        self.bytes(kind)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    }

    /// A number of 64 bits in the machine's order.
    pub(super) fn u64(self, kind: u16) -> Option<u64> {
        self.bytes(kind)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
    }

    /// A number of 16 bits in network order.
    pub(super) fn be16(self, kind: u16) -> Option<u16> {
        self.bytes(kind)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// A string.
    pub(super) fn string(self, kind: u16) -> Option<&'a str> {
        let bytes = self.bytes(kind)?;
        std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_read_back() {
        let inner = Attributes::default().string(6, "rr").u16(4, 80);
        let all = Attributes::default().nested(1, &inner).u32(4, 900);
        let view = View(all.as_bytes());
        assert_eq!(all.as_bytes().len() % 4, 0);
        assert_eq!(view.nested(1).and_then(|inner| inner.string(6)), Some("rr"));
        assert_eq!(view.nested(1).and_then(|inner| inner.u16(4)), Some(80));
        assert_eq!(view.u32(4), Some(900));
        assert_eq!(view.u32(5), None);
    }

    #[test]
    fn a_datagram_holds_several_messages() {
        let body = Attributes::default().u32(4, 900);
        let one = |sequence| message(0x1c, REQUEST, sequence, (14, 1), &body);
        let datagram = [one(0), one(7)].concat();
        let all: Vec<_> = Received::all(&datagram).collect();
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|found| found.kind == 0x1c && found.flags == REQUEST));
        assert_eq!(all[1].attributes().u32(4), Some(900));
        assert_eq!(all[1].sequence, 7);
    }

    #[test]
    fn an_error_carries_its_number() {
        let mut bytes = vec![20, 0, 0, 0, 2, 0, 0, 0];
        bytes.extend([0; 8]);
        bytes.extend((-17_i32).to_ne_bytes());
        assert_eq!(Received::all(&bytes).next().map(|found| found.errno()), Some(17));
    }
}
