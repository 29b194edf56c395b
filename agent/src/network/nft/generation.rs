//! The number that a network namespace's nftables have: another one after every change, whoever made it.

use std::io;

use crate::network::error::KernelError;
use crate::network::netns::Netns;
use crate::network::nfnetlink::AF_UNSPEC;
use crate::network::nfnetlink::NF_HEADER;
use crate::network::nfnetlink::NLM_F_REQUEST;
use crate::network::nfnetlink::NLMSG_ERROR;
use crate::network::nfnetlink::attribute;
use crate::network::nfnetlink::error;
use crate::network::nfnetlink::message;
use crate::network::nfnetlink::messages;
use crate::network::nfnetlink::socket;

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN` (`linux/netfilter/nf_tables.h`).
const GET: u16 = 0x0a10;

const NFTA_GEN_ID: u16 = 1;

/// The number. The kernel's 0 is never one, and it begins anew in a new namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RulesetGeneration(u32);

impl RulesetGeneration {
    /// That of the next transaction (`nf_tables_commit` in the kernel's `nf_tables_api.c`).
    pub(crate) const fn next(self) -> Self {
        match self.0.wrapping_add(1) {
            0 => Self(1),
            next => Self(next),
        }
    }

    /// Whether it is one of those from `first` to `last`.
    pub(crate) const fn is_within(self, first: Self, last: Self) -> bool {
        self.0.wrapping_sub(first.0) <= last.0.wrapping_sub(first.0)
    }

    /// That of a new namespace.
    #[cfg(test)]
    pub(crate) const fn first() -> Self {
        Self(1)
    }
}

/// The number in the namespace of the calling thread, which is `netns`.
///
/// # Errors
/// If the kernel cannot be asked.
pub(crate) fn current(netns: &Netns) -> Result<RulesetGeneration, KernelError> {
    ask().map_err(|source| KernelError::Socket { netns: netns.clone(), source })
}

fn ask() -> io::Result<RulesetGeneration> {
    let socket = socket()?;
    socket.send(&message(GET, NLM_F_REQUEST, AF_UNSPEC, &[]), 0)?;
    let (datagram, _) = socket.recv_from_full()?;
    read(&datagram)
}

fn read(datagram: &[u8]) -> io::Result<RulesetGeneration> {
    let unknown = || io::Error::other("the kernel's answer is not understood");
    let (kind, body) = messages(datagram).next().ok_or_else(unknown)?;
    if kind == NLMSG_ERROR {
        error(body)?;
    }
    let attributes = body.get(NF_HEADER..).ok_or_else(unknown)?;
    let number = attribute(attributes, NFTA_GEN_ID);
    let bytes = number.and_then(|number| number.value().first_chunk().copied());
    bytes.map(|bytes| RulesetGeneration(u32::from_be_bytes(bytes))).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    #[test]
    fn numbers_begin_anew_after_the_last_and_leave_out_zero() {
        let [last, first, second] = [u32::MAX, 1, 2].map(RulesetGeneration);
        assert_eq!([last.next(), first.next()], [first, second]);
        assert!(first.is_within(last, second) && last.is_within(last, second));
        assert!(!RulesetGeneration(3).is_within(last, second));
    }

    #[test]
    fn the_answer_is_read_as_the_kernel_writes_it() {
        let mut answer = message(0x0a0f, 0, AF_UNSPEC, &[]);
        let attribute = [[8, 0].as_slice(), &NFTA_GEN_ID.to_ne_bytes(), &7_u32.to_be_bytes()];
        answer.extend(attribute.concat());
        let len = u32::try_from(answer.len()).expect("is short");
        answer[..4].copy_from_slice(&len.to_ne_bytes());
        assert_eq!(read(&answer).expect("is sound"), RulesetGeneration(7));
    }

    #[test]
    fn a_refusal_is_an_error_and_so_is_an_answer_that_says_nothing() {
        let mut refusal = message(NLMSG_ERROR, 0, AF_UNSPEC, &[]);
        refusal[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(read(&refusal).expect_err("refused").raw_os_error(), Some(1));
        assert!(read(&[]).is_err());
        assert!(read(&message(0x0a0f, 0, AF_UNSPEC, &[])).is_err());
    }

    #[test]
    fn no_answer_breaks_anything() {
        let mut sound = message(0x0a0f, 0, AF_UNSPEC, &[]);
        sound
            .extend([[8, 0].as_slice(), &NFTA_GEN_ID.to_ne_bytes(), &7_u32.to_be_bytes()].concat());
        sound[0] = 28;
        let refusal = message(NLMSG_ERROR, 0, AF_UNSPEC, &[]);
        for mut case in cases(1000) {
            for answer in [&sound, &refusal] {
                let mut answer = answer.clone();
                spoil_bytes(&mut case, &mut answer);
                let _number = read(&answer);
            }
        }
        let mut lowest = refusal;
        lowest[16..20].copy_from_slice(&i32::MIN.to_ne_bytes());
        read(&lowest).expect_err("is refused, for no known reason");
    }
}
