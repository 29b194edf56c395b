//! HTTP/1.1 on one connection: requests are answered one after the other until one side says `Connection: close`.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::ensure;

use crate::activity::Activity;
use crate::readiness::Readiness;
use crate::reply::Identity;
use crate::request;
use crate::request::Ask;
use crate::websocket;

/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;

/// Who answers, and how it is.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Who answers.
    pub(crate) identity: Identity,
    /// What `/health` says.
    pub(crate) healthy: bool,
    /// What `/ready` says.
    pub(crate) readiness: Readiness,
}

/// Answers requests until the client has no more, or the answer said that it is the last.
pub(crate) fn converse(stream: &TcpStream, activity: &Activity, site: &Site) -> anyhow::Result<()> {
    let peer = stream.peer_addr()?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let busy = activity.request();
        let asked = Asked::parse(&head)?;
        // One that is about to end says so, and then must not take another request on this connection.
        let last = asked.closes || activity.is_ending();
        let out = Out { stream, last };
        if let Some(key) = &asked.websocket {
            drop(busy);
            return websocket::converse(stream, activity, &site.identity, key);
        }
        match request::parse(&asked.target) {
            Ok(Ask::Reply { delay }) => {
                pause(delay);
                out.respond("200 OK", &(site.identity.told_to(peer)? + &head))?;
            }
            Ok(Ask::Health) if site.healthy => out.respond("200 OK", "healthy\n")?,
            Ok(Ask::Health) => out.respond("503 Service Unavailable", "unhealthy\n")?,
            Ok(Ask::Log { line, error }) => {
                log(&line, error)?;
                out.respond("200 OK", &(site.identity.told_to(peer)? + &head))?;
            }
            Ok(Ask::Ready) => {
                let (status, body) = site.readiness.answer();
                out.respond(status, body)?;
            }
            Ok(Ask::TurnReady(on)) => {
                site.readiness.turn(on);
                out.respond("200 OK", "turned\n")?;
            }
            Ok(Ask::Stream { count, interval }) => return out.stream(count, interval),
            Err(error) => out.respond("400 Bad Request", &format!("{error:#}\n"))?,
        }
        if last {
            break;
        }
    }
    Ok(())
}

/// Writes one line to an output of this program.
fn log(line: &str, error: bool) -> std::io::Result<()> {
    // One write each, so that the lines of two requests do not mix.
    let line = format!("{line}\n");
    if error {
        std::io::stderr().write_all(line.as_bytes())
    } else {
        let mut out = std::io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }
}

/// Where answers go.
struct Out<'a> {
    stream: &'a TcpStream,
    /// Whether this is the last answer of the connection.
    last: bool,
}

impl Out<'_> {
    fn respond(mut self, status: &str, body: &str) -> anyhow::Result<()> {
        let length = body.len();
        let connection = if self.last { "Connection: close\r\n" } else { "" };
        // One write, so that a reader sees all of it or, when this program dies, an error.
        let text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{connection}\r\n{body}"
        );
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()?;
        Ok(())
    }

    /// Lines without an announced length: the end of the connection ends them.
    fn stream(mut self, count: u32, interval: Duration) -> anyhow::Result<()> {
        self.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")?;
        self.stream.write_all(b"Connection: close\r\n\r\n")?;
        for line in 0..count {
            pause(interval);
            writeln!(self.stream, "{line}")?;
        }
        Ok(())
    }
}

/// The head of a request, up to the empty line; nothing if the client has ended the connection between two requests.
fn read_head(reader: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            ensure!(head.is_empty(), "the client hung up");
            return Ok(None);
        }
        ensure!(head.len() <= MAX_HEAD, "the request's head is too long");
        if head[before..].trim_end().is_empty() {
            return Ok(Some(head));
        }
    }
}

/// What a request's head says.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Path and query.
    target: String,
    /// Whether the client wants no further answer on the connection.
    closes: bool,
    /// The key of a client that wants to go over to WebSocket (RFC 6455, 4.1).
    websocket: Option<String>,
}

impl Asked {
    fn parse(head: &str) -> anyhow::Result<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        ensure!(request.parse(head.as_bytes())?.is_complete(), "the request's head is incomplete");
        let header = |name: &str| {
            let found = request.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
            found.map(|header| header.value)
        };
        let closes = match header("connection") {
            Some(value) => value.eq_ignore_ascii_case(b"close"),
            None => request.version == Some(0),
        };
        let key = header("sec-websocket-key").map(String::from_utf8_lossy);
        let websocket = key.map(String::from);
        Ok(Self { target: request.path.unwrap_or("/").to_owned(), closes, websocket })
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause is what the client asked for")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::*;

    /// What a server says to `requests`, sent at once, before it ends the connection.
    fn said(requests: &str, ending: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let activity = Arc::new(Activity::new());
        if ending {
            activity.end();
        }
        let server = std::thread::spawn(move || {
            let identity = Identity { hostname: "h".into(), name: "n".into() };
            let site = Site { identity, healthy: false, readiness: Readiness::default() };
            converse(&listener.accept().unwrap().0, &activity, &site)
        });
        client.write_all(requests.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        // After an answer that was the last one, what else was asked may be answered by a reset.
        let _ = client.read_to_string(&mut text);
        server.join().unwrap().unwrap();
        text
    }

    #[test]
    fn requests_are_answered_until_one_side_says_close() {
        let one = "GET /one HTTP/1.1\r\n\r\n";
        let last = "GET /last HTTP/1.1\r\nConnection: close\r\n\r\n";
        let text = said(&format!("{one}{one}"), false);
        assert_eq!(text.matches("200 OK").count(), 2, "{text}");
        assert!(!text.contains("Connection: close"), "{text}");
        assert!(text.contains("GET /one HTTP/1.1"), "{text}");
        let text = said(last, false);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("Connection: close\r\n\r\nHostname: h\nName: n\n"), "{text}");
        let text = said(one, true);
        assert!(text.contains("Connection: close\r\n\r\nHostname: h\n"), "{text}");
        let text = said("GET / HTTP/1.0\r\n\r\n", false);
        assert!(text.contains("Connection: close"), "{text}");
    }

    #[test]
    fn readiness_is_turned_off_and_on_and_nothing_else_changes() {
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n");
        let asked = ["/ready", "/ready/off", "/ready", "/", "/ready/on", "/ready"].map(get);
        let text = said(&asked.concat(), false);
        let statuses: Vec<&str> = text.split("HTTP/1.1 ").filter_map(|it| it.get(..3)).collect();
        assert_eq!(statuses[..4], ["200", "200", "503", "200"], "{text}");
        assert!(text.ends_with("\r\n\r\nready\n"), "{text}");
    }

    #[test]
    fn one_that_is_not_healthy_says_so_and_nothing_else_changes() {
        assert!(said("GET /health HTTP/1.1\r\n\r\n", false).starts_with("HTTP/1.1 503 "));
        assert!(said("GET / HTTP/1.1\r\n\r\n", false).starts_with("HTTP/1.1 200 "));
    }
}
