//! Requests of one byte, and answers of one byte.

use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many clients ask at the same time.
const CLIENTS: usize = 8;

/// How requests are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Each on a connection of its own: what the balancer decides is part of it.
    Connections,
    /// All on a connection that is open: packets are only translated.
    Requests,
}

impl Load {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "  one a connection",
            Self::Requests => "  on open connections",
        }
    }
}

/// A thread enters a namespace, so everything stays on it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("runtime")
}

/// Serves at every address of the namespace of the calling thread, from another thread that ends with the program.
pub(crate) fn serve(port: u16) {
    let runtime = runtime();
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
        .expect("the port is free");
    std::thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
    });
}

async fn answer(mut stream: TcpStream) {
    let mut byte = [0];
    while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
}

/// How many requests were answered in this time, by clients in the namespace of the calling thread.
pub(crate) fn ask(to: SocketAddrV4, load: Load, time: Duration) -> u32 {
    runtime().block_on(async {
        let until = Instant::now() + time;
        let clients: JoinSet<u32> = (0..CLIENTS).map(|_| client(to, load, until)).collect();
        clients.join_all().await.into_iter().sum()
    })
}

async fn client(to: SocketAddrV4, load: Load, until: Instant) -> u32 {
    let mut answered = 0;
    while Instant::now() < until {
        let mut stream = TcpStream::connect(to).await.expect("a connection");
        // Ports are free at once.
        stream.set_zero_linger().expect("an option of every socket");
        loop {
            let mut byte = [b'?'];
            stream.write_all(&byte).await.expect("the server listens");
            stream.read_exact(&mut byte).await.expect("the server answers");
            answered += 1;
            if load == Load::Connections || Instant::now() >= until {
                break;
            }
        }
    }
    answered
}
