//! A conversation with IPVS in the namespace of the calling thread: a request, then its answers.

use std::io;

use netlink_sys::Socket;
use netlink_sys::SocketAddr;
use netlink_sys::protocols::NETLINK_GENERIC;

use super::wire::ACK;
use super::wire::Attributes;
use super::wire::DONE;
use super::wire::DUMP;
use super::wire::ERROR;
use super::wire::INTERRUPTED;
use super::wire::REQUEST;
use super::wire::Received;
use super::wire::View;
use super::wire::message;

/// `GENL_ID_CTRL`: the family that knows the numbers of all others.
const CONTROL: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;
/// The version of the control family, and that of IPVS (`IPVS_GENL_VERSION`).
const VERSION: u8 = 1;
/// `IPVS_GENL_NAME`.
const IPVS: &str = "IPVS";
/// How often a dump that was disturbed by changes is tried.
const TRIES: usize = 5;

/// An open conversation.
pub(super) struct Ipvs {
    socket: Socket,
    family: u16,
}

impl Ipvs {
    /// Opens one.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if the kernel has no IPVS.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let mut ipvs = Self { socket, family: CONTROL };
        let name = Attributes::default().string(FAMILY_NAME, IPVS);
        let mut family = None;
        ipvs.exchange(GET_FAMILY, ACK, &name, |answer| family = answer.u16(FAMILY_ID))?;
        ipvs.family = family.ok_or(io::ErrorKind::NotFound)?;
        Ok(ipvs)
    }

    /// Asks for a change and waits until it is made.
    pub(super) fn change(&self, command: u8, body: &Attributes) -> io::Result<()> {
        self.exchange(command, ACK, body, |_| {})
    }

    /// Asks for one answer.
    pub(super) fn get(&self, command: u8, each: impl FnMut(View<'_>)) -> io::Result<()> {
        self.exchange(command, ACK, &Attributes::default(), each)
    }

    /// Asks for everything; `read` takes what it can use of each answer. A dump during which something changed is not
    /// taken for the truth, but asked for again.
    pub(super) fn dump<T>(
        &self,
        command: u8,
        body: &Attributes,
        read: impl Fn(View<'_>) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        for _ in 0..TRIES {
            let mut found = Vec::new();
            match self.exchange(command, DUMP, body, |answer| found.extend(read(answer))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|()| found),
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    /// Sends a request and reads until its end: an acknowledgement, or the end of a dump.
    fn exchange(
        &self,
        command: u8,
        flags: u16,
        body: &Attributes,
        mut each: impl FnMut(View<'_>),
    ) -> io::Result<()> {
        self.socket.send(&message(self.family, REQUEST | flags, command, VERSION, body), 0)?;
        let mut disturbed = false;
        loop {
            let (datagram, _) = self.socket.recv_from_full()?;
            for answer in Received::all(&datagram) {
                disturbed |= answer.flags & INTERRUPTED != 0;
                match (answer.kind, answer.errno()) {
                    (ERROR | DONE, 0) if disturbed => {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                    (ERROR | DONE, 0) => return Ok(()),
                    (ERROR | DONE, errno) => return Err(io::Error::from_raw_os_error(errno)),
                    _ => each(answer.attributes()),
                }
            }
        }
    }
}
