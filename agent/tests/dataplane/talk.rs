//! Servers and clients inside namespaces.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::time::Duration;

use swarmlite_agent::testing::linux::namespace::run_inside;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::subject::Conversation;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves TCP and UDP on a port inside a namespace: each byte and each datagram is answered with the name and the address it came from.
/// Connections stay open until the client ends them.
pub(crate) async fn serve(netns: &Path, name: &'static str, port: u16) {
    run_inside(netns.to_owned(), move || listen(name, port)).await.expect("serve");
}

/// The same where nothing is asynchronous.
pub(crate) fn serve_connections(netns: &Path, name: &'static str, port: u16) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(serve(netns, name, port));
}

fn listen(name: &'static str, port: u16) {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("listen");
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).expect("bind");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || answer(stream, name));
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(format!("{name} {}", peer.ip()).as_bytes(), peer);
        }
    });
}

/// Asks over TCP from inside a namespace, once. An error is answered by its kind.
pub(crate) async fn ask_tcp(from: &Path, to: Ipv4Addr, port: u16) -> String {
    let to = SocketAddrV4::new(to, port);
    Connection::open(from, Ipv4Addr::UNSPECIFIED, to).await.ask()
}

/// Asks over UDP from inside a namespace, from a port of its own each time.
pub(crate) async fn ask_udp(from: &Path, to: Ipv4Addr, port: u16) -> String {
    let to = SocketAddr::new(to.into(), port);
    run_inside(from.to_owned(), move || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
        ask_with(&socket, to)
    })
    .await
    .expect("namespace")
}

/// Asks over a UDP socket that may have been used before.
pub(crate) fn ask_with(socket: &UdpSocket, to: SocketAddr) -> String {
    let asked = socket.connect(to).and_then(|()| {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send(b"?")?;
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    asked.unwrap_or_else(|error| format!("{:?}", error.kind()))
}

fn answer(mut stream: TcpStream, name: &str) {
    let Ok(peer) = stream.peer_addr() else { return };
    let mut question = [0; 1];
    while stream.read_exact(&mut question).is_ok() && question != *HANG_UP {
        let _ = stream.write_all(format!("{name} {}\n", peer.ip()).as_bytes());
    }
}

/// Asks over one new TCP connection after the other, from an address of a namespace, until it is `enough`: what was answered. An error is answered by
/// its kind.
pub(crate) async fn ask_until(
    netns: PathBuf,
    from: Ipv4Addr,
    to: SocketAddrV4,
    enough: Arc<AtomicBool>,
) -> Vec<String> {
    let answers = run_inside(netns, move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let mut answers = Vec::new();
            while !enough.load(Ordering::Relaxed) {
                let socket = bound(SocketAddrV4::new(from, 0));
                answers.push(Connection::by(socket, to).await.ask());
            }
            answers
        })
    });
    answers.await.expect("namespace")
}

/// What a server answers by ending the connection.
const HANG_UP: &[u8; 1] = b"!";

/// A TCP connection that asks any number of times. Dropping it resets it, so that its port is soon free again.
pub(crate) struct Connection(std::io::Result<BufReader<TcpStream>>);

impl Connection {
    /// Connects from an address of a namespace.
    pub(crate) async fn open(netns: &Path, from: Ipv4Addr, to: SocketAddrV4) -> Self {
        Self::open_from(netns, SocketAddrV4::new(from, 0), to).await
    }

    /// Connects from an address and a port of a namespace.
    pub(crate) async fn open_from(netns: &Path, from: SocketAddrV4, to: SocketAddrV4) -> Self {
        let socket = run_inside(netns.to_owned(), move || bound(from));
        Self::by(socket.await.expect("namespace"), to).await
    }

    async fn by(socket: std::io::Result<TcpSocket>, to: SocketAddrV4) -> Self {
        let connect = async {
            let stream = timeout(PATIENCE, socket?.connect(to.into())).await??.into_std()?;
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(BufReader::new(stream))
        };
        Self(connect.await)
    }

    /// Has the server end the connection, and waits until it has.
    pub(crate) fn hang_up(&mut self) -> std::io::Result<()> {
        let Ok(stream) = &mut self.0 else { return Ok(()) };
        stream.get_mut().write_all(HANG_UP)?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Conversation for Connection {
    fn ask(&mut self) -> String {
        let stream = match &mut self.0 {
            Ok(stream) => stream,
            Err(error) => return format!("{:?}", error.kind()),
        };
        let mut answer = String::new();
        let asked =
            stream.get_mut().write_all(b"?").and_then(|()| stream.read_line(&mut answer)).map(drop);
        match asked {
            Ok(()) => answer.trim_end().to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        }
    }
}

/// A socket whose connection is reset when it is dropped.
fn bound(from: SocketAddrV4) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_zero_linger()?;
    socket.bind(from.into())?;
    Ok(socket)
}

/// A flow of datagrams, from a port that none had before: a kernel remembers flows that nobody ends.
pub(crate) struct Flow {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Flow {
    /// Begins one from an address of a namespace.
    pub(crate) async fn open(netns: &Path, from: Ipv4Addr, to: SocketAddrV4) -> Self {
        static PORT: AtomicU16 = AtomicU16::new(10_000);
        let port = PORT.fetch_add(1, Ordering::Relaxed);
        let bound = run_inside(netns.to_owned(), move || UdpSocket::bind((from, port)));
        let socket = bound.await.expect("namespace").expect("bind");
        Self { socket, to: to.into() }
    }
}

impl Conversation for Flow {
    fn ask(&mut self) -> String {
        ask_with(&self.socket, self.to)
    }
}
