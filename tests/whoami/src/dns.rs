//! Names to IPv4 addresses, by asking the name servers of `/etc/resolv.conf` directly (RFC 1035).
//!
//! A static program cannot load the C library's resolver, and a resolver crate would take longer to build than all the rest. Only what
//! the tests need: questions for A records over UDP, no search list, no retry over TCP.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How long one name server has to answer.
const TIMEOUT: Duration = Duration::from_secs(3);
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;
/// Response, truncated, and the response code, in the second word of a message.
const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const RCODE_MASK: u16 = 0x000f;
const RCODE_NAME_ERROR: u16 = 3;

/// The addresses of `name`, in the order in which the server gave them.
///
/// # Errors
///
/// When no name server answers, or the name does not exist or has no IPv4 address.
pub(crate) fn lookup(name: &str) -> anyhow::Result<Vec<Ipv4Addr>> {
    let conf = std::fs::read_to_string(RESOLV_CONF).with_context(|| RESOLV_CONF.to_owned())?;
    let mut last = anyhow::anyhow!("{RESOLV_CONF} names no name server");
    for server in name_servers(&conf) {
        match ask(server, name) {
            Ok(answer) => return answer.with_context(|| format!("{name} at {server}")),
            Err(error) => last = error.context(format!("name server {server}")),
        }
    }
    Err(last.context(format!("look {name} up")))
}

fn name_servers(conf: &str) -> Vec<SocketAddr> {
    conf.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .map(|address| SocketAddr::from((address, 53)))
        .collect()
}

/// The outer error says that the server gave no answer, the inner what the answer was.
fn ask(server: SocketAddr, name: &str) -> anyhow::Result<anyhow::Result<Vec<Ipv4Addr>>> {
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.connect(server)?;
    // The only random number that the standard library gives away.
    let id = (RandomState::new().hash_one(name) & 0xffff) as u16;
    socket.send(&question(id, name)?)?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer)?;
        let message = Message(&buffer[..length]);
        if message.word(0)? == id {
            return Ok(message.addresses());
        }
    }
}

/// A question for the A records of `name`.
fn question(id: u16, name: &str) -> anyhow::Result<Vec<u8>> {
    let recursion_desired = 0x0100_u16;
    let mut message = Vec::new();
    for word in [id, recursion_desired, 1, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length));
        message.push(length.with_context(|| format!("{name} is no name"))?);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(TYPE_A.to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Ok(message)
}

/// A message as it came from a server: nothing in it is trusted.
struct Message<'a>(&'a [u8]);

impl Message<'_> {
    fn word(&self, at: usize) -> anyhow::Result<u16> {
        let bytes = self.0.get(at..at + 2).context("the answer is too short")?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn addresses(&self) -> anyhow::Result<Vec<Ipv4Addr>> {
        let flags = self.word(2)?;
        ensure!(flags & FLAG_RESPONSE != 0, "the answer is a question");
        ensure!(flags & FLAG_TRUNCATED == 0, "the answer is truncated");
        match flags & RCODE_MASK {
            0 => {}
            RCODE_NAME_ERROR => bail!("no such name"),
            code => bail!("the server answered with code {code}"),
        }
        let mut at = 12;
        for _ in 0..self.word(4)? {
            at = self.after_name(at)? + 4;
        }
        let mut addresses = Vec::new();
        for _ in 0..self.word(6)? {
            let record = self.after_name(at)?;
            let data = record + 10;
            let length = usize::from(self.word(record + 8)?);
            let bytes = self.0.get(data..data + length).context("the answer is too short")?;
            if self.word(record)? == TYPE_A
                && let Ok(octets) = <[u8; 4]>::try_from(bytes)
            {
                addresses.push(Ipv4Addr::from(octets));
            }
            at = data + length;
        }
        ensure!(!addresses.is_empty(), "the name has no IPv4 address");
        Ok(addresses)
    }

    /// Where the name that starts at `at` ends.
    fn after_name(&self, mut at: usize) -> anyhow::Result<usize> {
        loop {
            match *self.0.get(at).context("the answer is too short")? {
                0 => return Ok(at + 1),
                // A pointer to the rest of the name, which ends it here.
                length if length & 0xc0 == 0xc0 => return Ok(at + 2),
                length => at += 1 + usize::from(length),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's answer to `question`: an alias first, then `addresses`.
    fn answer(question: &[u8], addresses: &[[u8; 4]]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] |= 0x80;
        message[7] = u8::try_from(addresses.len() + 1).unwrap();
        message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
        for address in addresses {
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
            message.extend(address);
        }
        message
    }

    #[test]
    fn addresses_are_read_past_the_question_and_other_records() {
        let message = answer(&question(7, "tasks.web").unwrap(), &[[10, 0, 0, 1], [10, 0, 0, 2]]);
        let expected = vec![Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
        assert_eq!(Message(&message).addresses().unwrap(), expected);
    }

    #[test]
    fn no_prefix_of_an_answer_is_an_answer() {
        let message = answer(&question(7, "tasks.web").unwrap(), &[[10, 0, 0, 1]]);
        for length in 0..message.len() {
            assert!(Message(&message[..length]).addresses().is_err(), "{length} bytes");
        }
    }

    #[test]
    fn an_unknown_name_is_told_from_a_broken_server() {
        let mut message = answer(&question(7, "web").unwrap(), &[]);
        message[3] |= 3;
        assert_eq!(Message(&message).addresses().unwrap_err().to_string(), "no such name");
    }

    #[test]
    fn names_with_empty_or_long_labels_are_refused() {
        for name in ["", "a..b", &"x".repeat(64)] {
            assert!(question(1, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn name_servers_are_read_in_order() {
        let conf = "# comment\nnameserver 10.0.0.1\nsearch x\noptions ndots:0\nnameserver ::1\n";
        let expected = ["10.0.0.1:53", "[::1]:53"].map(|text| text.parse().unwrap());
        assert_eq!(name_servers(conf), expected);
    }
}
