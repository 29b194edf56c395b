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
use crate::network::error::KernelError;
use crate::network::netns::Netns;

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
/// How many changes are asked for at a time: so few that all refusals fit into the socket's buffer.
const BATCH: usize = 64;
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

    /// Asks for changes in this order and waits until they are made: many at a time, as most of the time would go into
    /// waiting otherwise. Of those that are refused the first is told, by its place; others may have been made.
    pub(super) fn change_all(
        &self,
        changes: &[(u8, Attributes)],
    ) -> Result<(), (usize, io::Error)> {
        for (at, batch) in changes.chunks(BATCH).enumerate() {
            self.change_batch(batch).map_err(|(within, error)| (at * BATCH + within, error))?;
        }
        Ok(())
    }

    /// Only the last is acknowledged, and each that is refused. All are numbered, so that it is known which is meant.
    fn change_batch(&self, batch: &[(u8, Attributes)]) -> Result<(), (usize, io::Error)> {
        let last = batch.len().saturating_sub(1);
        let mut bytes = Vec::new();
        for (at, (command, body)) in batch.iter().enumerate() {
            let flags = if at == last { REQUEST | ACK } else { REQUEST };
            let sequence = u32::try_from(at).unwrap_or(u32::MAX);
            bytes.extend(message(self.family, flags, sequence, (*command, VERSION), body));
        }
        self.socket.send(&bytes, 0).map_err(|error| (0, error))?;
        let mut refused = None;
        loop {
            let (datagram, _) = self.socket.recv_from_full().map_err(|error| (0, error))?;
            for answer in Received::all(&datagram).filter(|answer| answer.kind == ERROR) {
                let at = usize::try_from(answer.sequence).unwrap_or(last);
                if answer.errno() != 0 {
                    refused.get_or_insert((at, io::Error::from_raw_os_error(answer.errno())));
                }
                if at == last {
                    return refused.map_or(Ok(()), Err);
                }
            }
        }
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
        let request = message(self.family, REQUEST | flags, 0, (command, VERSION), body);
        self.socket.send(&request, 0)?;
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

/// Says of what an answer is.
pub(super) fn refused(netns: &Netns, what: &str) -> impl Fn(io::Error) -> KernelError + use<> {
    let (what, netns) = (what.to_owned(), netns.clone());
    move |source| KernelError::Ipvs { what: what.clone(), netns: netns.clone(), source }
}
