//! Questions through the tunnel to other nodes, which their kernels answer: ICMP echo (RFC 792).
//!
//! They take the way that packets of containers take, and so need no port of their own, and no other program: a node whose processors
//! are busy, or whose daemon is being restarted, answers all the same. An answer counts if it comes out of the tunnel, from the address
//! that was asked, and repeats a secret of this process and the number of one of the last rounds: containers see neither.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use nix::sys::socket::AddressFamily;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockProtocol;
use nix::sys::socket::SockType;
use nix::sys::socket::setsockopt;
use nix::sys::socket::socket;
use nix::sys::socket::sockopt::BindToDevice;
use nix::sys::socket::sockopt::RcvBufForce;

/// How many rounds an answer may be late.
const RECENT: u16 = 8;

/// Room for the answers of thousands of nodes, which wait there for the next round; in bytes.
const BUFFER: usize = 4 << 20;

/// Types of messages.
const ECHO: u8 = 8;
const ECHO_REPLY: u8 = 0;

/// Asks nodes whether they are there.
pub(super) trait Echo {
    /// Begins another round.
    fn begin(&mut self);

    /// Asks the node with this address in the tunnel. Does not wait.
    ///
    /// # Errors
    /// If the question could not be sent.
    fn ask(&mut self, addr: Ipv4Addr) -> io::Result<()>;

    /// Who has answered a question of the last rounds since this was called last. Does not wait.
    fn answers(&mut self) -> BTreeSet<Ipv4Addr>;
}

/// The real one.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// Not of UDP, although the type says so: it only has to send and receive datagrams.
    socket: UdpSocket,
    secret: [u8; 8],
    round: u16,
}

impl Tunnel {
    /// Sends from `own` by the device `name`. To be called inside the namespace of that.
    pub(super) fn open(name: &str, own: Ipv4Addr) -> io::Result<Self> {
        let socket: OwnedFd = socket(
            AddressFamily::Inet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::Icmp,
        )?;
        setsockopt(&socket, BindToDevice, &name.into())?;
        setsockopt(&socket, RcvBufForce, &BUFFER)?;
        let own = nix::sys::socket::SockaddrIn::from(std::net::SocketAddrV4::new(own, 0));
        nix::sys::socket::bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &own)?;
        Ok(Self { socket: socket.into(), secret: rand::random(), round: 0 })
    }
}

impl Echo for Tunnel {
    fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    fn ask(&mut self, addr: Ipv4Addr) -> io::Result<()> {
        self.socket.send_to(&question(self.secret, self.round), (addr, 0)).map(drop)
    }

    fn answers(&mut self) -> BTreeSet<Ipv4Addr> {
        let mut answers = BTreeSet::new();
        let mut packet = [0; 128];
        // Ends when nothing waits. Another error is found when something is sent.
        while let Ok((length, from)) = self.socket.recv_from(&mut packet) {
            let packet = packet.get(..length).unwrap_or_default();
            if let (IpAddr::V4(from), Some(round)) = (from.ip(), answered(self.secret, packet))
                && self.round.wrapping_sub(round) < RECENT
            {
                answers.insert(from);
            }
        }
        answers
    }
}

/// An echo message: type, code, checksum, identifier, sequence number, and the secret as its data.
fn question(secret: [u8; 8], round: u16) -> [u8; 16] {
    let mut message = [0; 16];
    message[0] = ECHO;
    message[6..8].copy_from_slice(&round.to_be_bytes());
    message[8..].copy_from_slice(&secret);
    let checksum = checksum(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(message: &[u8; 16]) -> u16 {
    let (words, _) = message.as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    // Eight words carry at most 7, and folding that in carries at most once more.
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

/// The round that an IP packet answers, if it does.
fn answered(secret: [u8; 8], packet: &[u8]) -> Option<u16> {
    // The length of the IP header, in words of four bytes.
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let message: &[u8; 16] = packet.get(header..)?.try_into().ok()?;
    let [kind, code, _, _, _, _, high, low, data @ ..] = *message;
    (kind == ECHO_REPLY && code == 0 && data == secret).then(|| u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    const SECRET: [u8; 8] = *b"a secret";

    /// The answer to `question`, as a kernel gives it, in an IP packet.
    fn answer(question: [u8; 16]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet.extend(question);
        packet[20] = ECHO_REPLY;
        packet
    }

    #[test]
    fn the_sum_over_a_question_with_its_checksum_is_zero() {
        for round in [0, 1, 0xfffe, 0xffff] {
            for secret in [SECRET, [0; 8], [0xff; 8]] {
                assert_eq!(checksum(&question(secret, round)), 0);
            }
        }
    }

    #[test]
    fn an_answer_tells_its_round() {
        for round in [0, 1, 256, u16::MAX] {
            assert_eq!(answered(SECRET, &answer(question(SECRET, round))), Some(round));
        }
    }

    #[test]
    fn what_is_no_answer_tells_nothing() {
        let answer = answer(question(SECRET, 7));
        assert_eq!(answered(*b"another ", &answer), None, "the secret is not known");
        assert_eq!(answered(SECRET, &answer[..35]), None, "it is cut off");
        assert_eq!(answered(SECRET, &[answer.clone(), vec![0]].concat()), None, "it is too long");
        assert_eq!(answered(SECRET, &[]), None);
        let mut question = answer;
        question[20] = ECHO;
        assert_eq!(answered(SECRET, &question), None, "it is a question");
    }

    #[test]
    fn no_packet_breaks_anything() {
        let sound = answer(question(SECRET, 7));
        for mut case in cases(1000) {
            let mut packet = sound.clone();
            spoil_bytes(&mut case, &mut packet);
            let _round = answered(SECRET, &packet);
        }
    }
}
