//! The clients: HTTP and UDP, with names looked up in [`crate::dns`].

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;

use crate::dns;

/// How long a connection, or an answer, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks `url` `count` times, each time over a new connection, and writes the bodies to `out`.
pub(crate) fn get(url: &str, count: u32, out: &mut impl Write) -> anyhow::Result<()> {
    let (host, port, path) = split_url(url)?;
    let target = resolve(&host, port)?;
    for _ in 0..count {
        out.write_all(&request(target, &host, &path).with_context(|| format!("get {url}"))?)?;
        out.flush()?;
    }
    Ok(())
}

/// Sends `count` datagrams to `target`, each from a new socket, and writes the answers to `out`.
pub(crate) fn udp(target: &str, count: u32, out: &mut impl Write) -> anyhow::Result<()> {
    let (host, port) = target.rsplit_once(':').context("give HOST:PORT")?;
    let target = resolve(host, port.parse().with_context(|| format!("port {port}"))?)?;
    for number in 0..count {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        // Connected, so that an answer from any other address than the one asked is not taken.
        socket.connect(target)?;
        socket.send(format!("datagram {number}\n").as_bytes())?;
        let mut buffer = [0; 4096];
        let length =
            socket.recv(&mut buffer).with_context(|| format!("no answer from {target}/udp"))?;
        out.write_all(&buffer[..length])?;
        out.flush()?;
    }
    Ok(())
}

fn request(target: SocketAddr, host: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&target, TIMEOUT)
        .with_context(|| format!("connect to {target}"))?;
    // Longer than any delay that can be asked for.
    stream.set_read_timeout(Some(Duration::from_secs(65)))?;
    let port = target.port();
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: whoami\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    body(&answer)
}

/// The body of a complete answer.
fn body(answer: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = response.parse(answer)? else {
        bail!("the answer ends in its head");
    };
    let body = answer[start..].to_vec();
    let announced = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    if let Some(length) = announced {
        let length: usize = std::str::from_utf8(length.value)?.parse()?;
        ensure!(body.len() == length, "the answer has {} of {length} bytes", body.len());
    }
    let code = response.code.unwrap_or_default();
    ensure!(code == 200, "status {code}: {}", String::from_utf8_lossy(&body).trim_end());
    Ok(body)
}

/// Host, port and path of `http://HOST[:PORT][/PATH]`.
fn split_url(url: &str) -> anyhow::Result<(String, u16, String)> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().with_context(|| format!("port {port}"))?),
        None => (authority, 80),
    };
    ensure!(!host.is_empty(), "{url} names no host");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok((host.to_owned(), port, path))
}

fn resolve(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let address = match host.parse::<Ipv4Addr>() {
        Ok(address) => address,
        Err(_) => *dns::lookup(host)?.first().with_context(|| format!("{host} has no address"))?,
    };
    Ok(SocketAddr::from((address, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_host_and_perhaps_a_port_and_a_path() {
        let split = |url| split_url(url).unwrap();
        assert_eq!(split("http://a"), ("a".into(), 80, "/".into()));
        assert_eq!(split("http://a:81/b?c=d"), ("a".into(), 81, "/b?c=d".into()));
        assert_eq!(split("a:81?c"), ("a".into(), 81, "/?c".into()));
        assert!(split_url("http://:80/").is_err());
        assert!(split_url("http://a:b/").is_err());
    }

    #[test]
    fn a_truncated_or_failed_answer_is_an_error() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(body(whole).unwrap(), b"ok");
        for length in 0..whole.len() {
            assert!(body(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(body(b"HTTP/1.1 503 Busy\r\n\r\n").is_err());
    }
}
