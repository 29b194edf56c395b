//! The server: HTTP and UDP on one port, and if asked for, lines over TCP on another; a thread per connection.
//!
//! It is as good to its clients as a server can be: on SIGTERM it goes on accepting and answering, tells clients over HTTP to come back
//! on another connection, and ends when nobody is left ([`Activity`]). So a test that counts failed requests counts failures of the
//! cluster and not of this program.

use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal;

use crate::activity::Activity;
use crate::activity::Grace;
use crate::echo;
use crate::http;
use crate::http::Site;
use crate::options::Serve;
use crate::readiness::Readiness;
use crate::reply::Identity;

/// A client that says nothing for this long is hung up on.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn serve(options: &Serve) -> anyhow::Result<()> {
    // Blocked before any thread starts, so that all threads inherit it and the wait below is the only one to see the signal.
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block()?;
    let (sender, asked_to_end) = mpsc::channel();
    std::thread::spawn(move || sender.send(signals.wait()));
    if asked_to_end.recv_timeout(options.start_after).is_ok() {
        return Ok(());
    }
    let identity = Identity::new(&options.name)?;
    let activity = Arc::new(Activity::new());
    if let Some(port) = options.echo {
        let identity = identity.clone();
        accept(port, &activity, move |stream, activity| {
            echo::converse(stream, activity, &identity)
        })?;
    }
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, options.port));
    let socket = UdpSocket::bind(address).with_context(|| format!("bind {address}/udp"))?;
    let site = Site {
        identity: identity.clone(),
        healthy: !options.unhealthy,
        readiness: Readiness::default(),
    };
    accept(options.port, &activity, move |stream, activity| {
        http::converse(stream, activity, &site)
    })?;
    std::thread::spawn(move || answer_datagrams(&socket, &identity));
    match options.exit_after {
        None => asked_to_end.recv().context("the thread that waits for signals has ended")??,
        Some(time) => match asked_to_end.recv_timeout(time) {
            Ok(signal) => signal?,
            Err(_) => bail!("ends after {time:?}, as asked"),
        },
    };
    activity.end();
    activity.wait_for_end(Grace::default());
    Ok(())
}

/// Listens on `port`, and has each connection served by a thread of its own, until the program ends.
fn accept(
    port: u16,
    activity: &Arc<Activity>,
    serve: impl Fn(&TcpStream, &Activity) -> anyhow::Result<()> + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let listener = TcpListener::bind(address).with_context(|| format!("listen on {address}"))?;
    let activity = Arc::clone(activity);
    std::thread::spawn(move || {
        // A connection that failed before it was accepted is the client's loss alone.
        for stream in listener.incoming().filter_map(Result::ok) {
            let (activity, serve) = (Arc::clone(&activity), serve.clone());
            std::thread::spawn(move || {
                let _open = activity.connection();
                let served = stream
                    .set_read_timeout(Some(READ_TIMEOUT))
                    .map_err(anyhow::Error::from)
                    .and_then(|()| serve(&stream, &activity));
                if let Err(error) = served {
                    let _ = writeln!(std::io::stderr(), "connection failed: {error:#}");
                }
                // Before it is no longer counted.
                drop(stream);
            });
        }
    });
    Ok(())
}

/// Answers every datagram with who answered, whom it saw, and what it got.
///
/// The socket is bound to all addresses and leaves the choice of the answer's source to the kernel, as most UDP servers do.
fn answer_datagrams(socket: &UdpSocket, identity: &Identity) {
    let mut buffer = [0; 2048];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        let Ok(mut text) = identity.told_to(peer) else { continue };
        text.push_str("Data: ");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        let _ = socket.send_to(text.as_bytes(), peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;

    #[test]
    fn a_request_is_answered_with_the_caller_and_the_request() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let site = Site {
            identity: Identity::new("web").unwrap(),
            healthy: true,
            readiness: Readiness::default(),
        };
        let serve =
            move |stream: &TcpStream, activity: &Activity| http::converse(stream, activity, &site);
        accept(port, &Arc::new(Activity::new()), serve).unwrap();
        let mut out = Vec::new();
        client::get(&format!("http://127.0.0.1:{port}/path?a=b"), 2, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("RemoteAddr: 127.0.0.1:").count(), 2, "{text}");
        assert_eq!(text.matches("GET /path?a=b HTTP/1.1").count(), 2, "{text}");
    }
}
