//! The PROXY protocol (HAProxy's `proxy-protocol.txt`, versions 1 and 2): before anything else, a trusted peer says for whom it connects. Never decides
//! who is trusted.

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;

/// How a header of version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// How one of version 1 begins.
const TEXT: &[u8] = b"PROXY ";

/// The longest line of version 1, with its end.
const MAX_LINE: usize = 107;

/// The most bytes that version 2 may have after its first 16: more than all that is known to be sent.
const MAX_REST: usize = 2048;

/// Reads the header, and nothing after it. Says for whom the peer connects; `None` if for itself, or for somebody without an address.
///
/// # Errors
///
/// When there is none, or it cannot be read.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return read_binary(stream).await;
    }
    if !start.starts_with(TEXT) {
        return Err(invalid());
    }
    // A byte at a time, so that nothing is taken of what follows.
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= MAX_LINE {
            return Err(invalid());
        }
        line.push(stream.read_u8().await?);
    }
    parse_text(&line).ok_or_else(invalid)
}

async fn read_binary(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let [version_and_command, family] = [stream.read_u8().await?, stream.read_u8().await?];
    let length = usize::from(stream.read_u16().await?);
    if length > MAX_REST {
        return Err(invalid());
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match version_and_command {
        // Of its own accord, to see whether somebody is there.
        0x20 => Ok(None),
        0x21 => parse_binary(family, &rest).ok_or_else(invalid),
        _ => Err(invalid()),
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no valid header of the PROXY protocol")
}

/// `PROXY TCP4 SOURCE DESTINATION PORT PORT`, or `PROXY UNKNOWN` and anything. `None` if it is neither.
#[expect(clippy::option_option, reason = "a header may be valid and say nothing")]
fn parse_text(line: &[u8]) -> Option<Option<SocketAddr>> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", "TCP4", source, destination, port, to] => {
            let _destination = (destination.parse::<Ipv4Addr>().ok()?, to.parse::<u16>().ok()?);
            let source = source.parse::<Ipv4Addr>().ok()?;
            Some(Some((source, port.parse::<u16>().ok()?).into()))
        }
        ["PROXY", "TCP6", source, destination, port, to] => {
            let _destination = (destination.parse::<Ipv6Addr>().ok()?, to.parse::<u16>().ok()?);
            let source = source.parse::<Ipv6Addr>().ok()?;
            Some(Some((source, port.parse::<u16>().ok()?).into()))
        }
        _ => None,
    }
}

/// Source and destination, by the family; what follows them says nothing of the address.
#[expect(clippy::option_option, reason = "a header may be valid and say nothing")]
fn parse_binary(family: u8, rest: &[u8]) -> Option<Option<SocketAddr>> {
    match family {
        0x11 => {
            let (source, rest) = rest.split_first_chunk::<4>()?;
            let (_destination, rest) = rest.split_first_chunk::<4>()?;
            let port = u16::from_be_bytes(*rest.split_first_chunk::<4>()?.0.first_chunk()?);
            Some(Some((Ipv4Addr::from(*source), port).into()))
        }
        0x21 => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (_destination, rest) = rest.split_first_chunk::<16>()?;
            let port = u16::from_be_bytes(*rest.split_first_chunk::<4>()?.0.first_chunk()?);
            Some(Some((Ipv6Addr::from(*source), port).into()))
        }
        // Unspecified, datagrams, Unix sockets: none of them is an address of a client here.
        _ => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    /// What is read, and what is left after it.
    async fn parsed(bytes: &[u8]) -> Result<(Option<String>, String), io::ErrorKind> {
        let mut stream = bytes;
        let read = read(&mut stream).await.map_err(|error| error.kind())?;
        Ok((read.map(|it| it.to_string()), String::from_utf8_lossy(stream).into_owned()))
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest, b"GET"].concat()
    }

    #[tokio::test]
    async fn the_line_of_version_1_is_read_and_no_more() {
        let is = |address: Option<&str>| Ok((address.map(str::to_owned), "GET".to_owned()));
        for (line, expected) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1234 80", is(Some("192.0.2.1:1234"))),
            ("PROXY TCP6 2001:db8::1 ::1 1234 80", is(Some("[2001:db8::1]:1234"))),
            ("PROXY UNKNOWN", is(None)),
            ("PROXY UNKNOWN ffff::1 ::1 1 2", is(None)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1234", Err(io::ErrorKind::InvalidData)),
            ("PROXY TCP4 2001:db8::1 ::1 1234 80", Err(io::ErrorKind::InvalidData)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 99999 80", Err(io::ErrorKind::InvalidData)),
            ("PROXY TCP4  192.0.2.1 198.51.100.1 1 2", Err(io::ErrorKind::InvalidData)),
            ("GET / HTTP/1.1", Err(io::ErrorKind::InvalidData)),
        ] {
            assert_eq!(parsed(format!("{line}\r\nGET").as_bytes()).await, expected, "{line}");
        }
        let endless = format!("PROXY TCP4 {}", "1".repeat(200));
        assert_eq!(parsed(endless.as_bytes()).await, Err(io::ErrorKind::InvalidData));
        assert_eq!(parsed(b"PROXY TCP4 192").await, Err(io::ErrorKind::UnexpectedEof));
    }

    #[tokio::test]
    async fn the_header_of_version_2_is_read_and_no_more() {
        let is = |address: Option<&str>| Ok((address.map(str::to_owned), "GET".to_owned()));
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 4, 210, 0, 80];
        let mut six = [0; 36];
        (six[0], six[15], six[32], six[33]) = (0xfd, 1, 4, 210);
        let further = [&four[..], &[3, 0, 1, 0]].concat();
        for (command, family, rest, expected) in [
            (0x21, 0x11, &four[..], is(Some("192.0.2.1:1234"))),
            (0x21, 0x11, &further, is(Some("192.0.2.1:1234"))),
            (0x21, 0x21, &six, is(Some("[fd00::1]:1234"))),
            (0x21, 0x00, &[], is(None)),
            (0x20, 0x11, &four, is(None)),
            (0x21, 0x11, &four[..11], Err(io::ErrorKind::InvalidData)),
            (0x31, 0x11, &four, Err(io::ErrorKind::InvalidData)),
            (0x21, 0x11, &[0; 2049], Err(io::ErrorKind::InvalidData)),
        ] {
            let bytes = binary(command, family, rest);
            assert_eq!(parsed(&bytes).await, expected, "{command:x} {family:x}");
        }
    }

    #[tokio::test]
    async fn no_header_breaks_anything() {
        let binary = binary(0x21, 0x11, &[192, 0, 2, 1, 198, 51, 100, 1, 4, 210, 0, 80]);
        let text = b"PROXY TCP6 2001:db8::1 ::1 1234 80\r\nGET".to_vec();
        for mut case in cases(500) {
            for sound in [&binary, &text] {
                let mut bytes = sound.clone();
                spoil_bytes(&mut case, &mut bytes);
                let _peer = read(&mut &bytes[..]).await;
            }
        }
    }
}
