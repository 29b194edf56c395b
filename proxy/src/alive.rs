//! Connections that may be silent for long: the kernel asks the other side whether it is still there (RFC 9293, 3.8.4), so that those whose other side is
//! gone without a word end, with all that they hold.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::SockRef;
use socket2::TcpKeepalive;

/// After how much silence the other side is asked, and how long after one another.
const ASK: Duration = Duration::from_secs(15);

/// How often it is asked in vain.
const TRIES: u32 = 3;

/// For how long what was sent may remain without acknowledgement: as long as the other side may give no answer (RFC 5482).
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

/// Has a connection end a minute after its other side is gone. What a socket that listens has been told, those that it accepts need not be told again.
pub(crate) fn probe(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new().with_time(ASK).with_interval(ASK).with_retries(TRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_kernel_looks_after_silent_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        probe(&listener).expect("options that the kernel has");
        let address = listener.local_addr().expect("bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_client, (accepted, _)) = (client.expect("connects"), accepted.expect("accepts"));
        let socket = SockRef::from(&accepted);
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), ASK);
        assert_eq!(socket.tcp_keepalive_interval().expect("an option"), ASK);
        assert_eq!(socket.tcp_keepalive_retries().expect("an option"), TRIES);
        assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(UNACKNOWLEDGED));
    }
}
