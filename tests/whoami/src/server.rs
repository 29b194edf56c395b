//! The server: HTTP and UDP on one port, a thread per connection.
//!
//! On SIGTERM it stops listening, finishes what it has begun, and ends. It never answers half a request, so that a test that counts
//! failed requests counts failures of the cluster and not of this program.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal;

use crate::reply;
use crate::request;
use crate::request::Ask;

/// A client that says nothing for this long is hung up on.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;

/// Serves until SIGTERM or SIGINT.
pub(crate) fn serve(port: u16) -> anyhow::Result<()> {
    // Blocked before any thread starts, so that all threads inherit it and the wait below is the only one to see the signal.
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block()?;
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let listener = TcpListener::bind(address).with_context(|| format!("listen on {address}"))?;
    let socket = UdpSocket::bind(address).with_context(|| format!("bind {address}/udp"))?;
    let server = Arc::new(Server::default());
    std::thread::spawn(move || answer_datagrams(&socket));
    let acceptor = Arc::clone(&server);
    let accepting = std::thread::spawn(move || acceptor.accept(&listener));
    signals.wait()?;
    server.stopping.store(true, Ordering::SeqCst);
    // `accept` has no other way to learn of it: a connection wakes it up.
    let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let _ = accepting.join();
    server.wait_until_idle();
    Ok(())
}

/// Who is being served, and whether to stop.
#[derive(Default)]
struct Server {
    stopping: AtomicBool,
    open: Mutex<usize>,
    closed: Condvar,
}

impl Server {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            // A connection that failed before it was accepted is the client's loss alone.
            let Ok(stream) = stream else { continue };
            *self.open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            let server = Arc::clone(self);
            std::thread::spawn(move || {
                if let Err(error) = answer(&stream) {
                    let _ = writeln!(std::io::stderr(), "request failed: {error:#}");
                }
                drop(stream);
                *server.open.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
                server.closed.notify_all();
            });
        }
    }

    fn wait_until_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.closed.wait_while(open, |open| *open > 0));
    }
}

/// Answers every datagram with who answered, whom it saw, and what it got.
///
/// The socket is bound to all addresses and leaves the choice of the answer's source to the kernel, as most UDP servers do.
fn answer_datagrams(socket: &UdpSocket) {
    let mut buffer = [0; 2048];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        let Ok(mut text) = reply::identity(peer) else { continue };
        text.push_str("Data: ");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        let _ = socket.send_to(text.as_bytes(), peer);
    }
}

/// Reads one request and answers it. Every answer ends its connection.
fn answer(mut stream: &TcpStream) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    let peer = stream.peer_addr()?;
    let head = read_head(&mut BufReader::new(stream))?;
    let target = target(&head)?;
    match request::parse(&target) {
        Ok(Ask::Reply { delay }) => {
            pause(delay);
            respond(stream, "200 OK", &(reply::identity(peer)? + &head))
        }
        Ok(Ask::Stream { count, interval }) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")?;
            stream.write_all(b"Connection: close\r\n\r\n")?;
            for line in 0..count {
                pause(interval);
                writeln!(stream, "{line}")?;
            }
            Ok(())
        }
        Err(error) => respond(stream, "400 Bad Request", &format!("{error:#}\n")),
    }
}

fn respond(mut stream: &TcpStream, status: &str, body: &str) -> anyhow::Result<()> {
    // One write, so that a reader sees all of it or, when this program dies, an error.
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes())?;
    Ok(())
}

/// The head of a request, up to the empty line.
fn read_head(reader: &mut impl BufRead) -> anyhow::Result<String> {
    let mut head = String::new();
    loop {
        let before = head.len();
        ensure!(reader.read_line(&mut head)? > 0, "the client hung up");
        ensure!(head.len() <= MAX_HEAD, "the request's head is too long");
        if head[before..].trim_end().is_empty() {
            return Ok(head);
        }
    }
}

/// The path and query of the request whose head is `head`.
fn target(head: &str) -> anyhow::Result<String> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    ensure!(request.parse(head.as_bytes())?.is_complete(), "the request's head is incomplete");
    Ok(request.path.unwrap_or("/").to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the pause is what the client asked for")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;

    #[test]
    fn a_request_is_answered_with_the_caller_and_the_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || answer(&listener.accept().unwrap().0));
        let mut out = Vec::new();
        client::get(&format!("http://127.0.0.1:{port}/path?a=b"), 1, &mut out).unwrap();
        server.join().unwrap().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("RemoteAddr: 127.0.0.1:"), "{text}");
        assert!(text.contains("GET /path?a=b HTTP/1.1"), "{text}");
    }

    #[test]
    fn a_server_is_idle_only_after_the_last_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Arc::new(Server::default());
        let acceptor = Arc::clone(&server);
        let accepting = std::thread::spawn(move || acceptor.accept(&listener));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(b"GET /?delay=300ms HTTP/1.1\r\n\r\n").unwrap();
        let mut waiting = server.open.lock().unwrap();
        while *waiting == 0 {
            waiting = server.closed.wait_timeout(waiting, Duration::from_millis(5)).unwrap().0;
        }
        drop(waiting);
        server.stopping.store(true, Ordering::SeqCst);
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        accepting.join().unwrap();
        server.wait_until_idle();
        stream.set_nonblocking(true).unwrap();
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}
