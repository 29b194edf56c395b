//! WebSocket (RFC 6455): each message is answered by who answers and the message itself.

use std::io::Write;
use std::net::TcpStream;

use anyhow::bail;
use tungstenite::Error;
use tungstenite::Message;
use tungstenite::WebSocket;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::activity::Activity;
use crate::reply::Identity;

/// Goes over from HTTP for a client that has sent `key`, and answers its messages with `HOSTNAME NAME MESSAGE` until it has enough. When the server
/// is about to end, it says so together with an answer.
pub(crate) fn converse(
    mut stream: &TcpStream,
    activity: &Activity,
    identity: &Identity,
    key: &str,
) -> anyhow::Result<()> {
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    let Identity { hostname, name } = identity;
    loop {
        match socket.read() {
            // What comes after the server has said that it goes is not for it any more (RFC 6455, 5.5.1).
            Ok(Message::Text(text)) if socket.can_write() => {
                let _busy = activity.request();
                socket.write(Message::text(format!("{hostname} {name} {text}")))?;
                if activity.is_ending() {
                    let reason = "the server ends".into();
                    socket.close(Some(CloseFrame { code: CloseCode::Away, reason }))?;
                }
                socket.flush()?;
            }
            Ok(Message::Binary(_)) => bail!("a message that is no text"),
            Ok(_) => {}
            Err(
                Error::ConnectionClosed
                | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
            ) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use tungstenite::client;

    use super::*;

    /// A client of a server.
    fn connect(activity: &Arc<Activity>) -> WebSocket<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let activity = Arc::clone(activity);
        std::thread::spawn(move || {
            let identity = Identity { hostname: "h".into(), name: "n".into() };
            let site = crate::http::Site {
                identity,
                healthy: true,
                readiness: crate::readiness::Readiness::default(),
            };
            crate::http::converse(&listener.accept().unwrap().0, &activity, &site)
        });
        let stream = TcpStream::connect(address).unwrap();
        client(format!("ws://{address}/"), stream).unwrap().0
    }

    #[test]
    fn each_message_is_answered_and_the_last_answer_says_so() {
        let activity = Arc::new(Activity::new());
        let mut socket = connect(&activity);
        let mut ask = |text: &str| {
            socket.send(Message::text(text)).unwrap();
            socket.read().unwrap().to_text().unwrap().to_owned()
        };
        assert_eq!(ask("one"), "h n one");
        activity.end();
        assert_eq!(ask("two"), "h n two");
        let close = socket.read().unwrap();
        assert!(
            matches!(&close, Message::Close(Some(it)) if it.code == CloseCode::Away),
            "{close}"
        );
    }
}
