//! Where a daemon is: a socket of this machine, or an address, as URLs.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::socket::UnixSocket;

/// Where a daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `unix:///PATH`.
    Unix(UnixSocket),
    /// `tcp://HOST[:PORT]`, without the scheme.
    Tcp(String),
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(("tcp", authority)) = text.split_once("://") else {
            return text.parse().map(Self::Unix);
        };
        let authority = authority.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '@', '?', '#']) {
            return Err(format!("'{text}' is not of the form tcp://ADDRESS:PORT"));
        }
        Ok(Self::Tcp(authority.to_owned()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(socket) => socket.fmt(f),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

/// Reads an address to listen on, as `tcp://192.0.2.1:2376`.
pub(crate) fn tcp_address(text: &str) -> Result<SocketAddr, String> {
    let address = text.strip_prefix("tcp://").and_then(|address| address.parse().ok());
    address.ok_or_else(|| format!("'{text}' is not of the form tcp://ADDRESS:PORT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_socket_or_an_address() {
        for text in
            ["unix:///run/x.sock", "tcp://192.0.2.1:2376", "tcp://node1", "tcp://[::1]:2376"]
        {
            let endpoint: Endpoint = text.parse().expect("an endpoint");
            assert_eq!(endpoint.to_string(), text);
        }
        for (text, message) in [
            (
                "ssh://me@node1",
                "ssh:// is not supported yet, only unix:///PATH and tcp://ADDRESS:PORT",
            ),
            ("tcp://", "'tcp://' is not of the form tcp://ADDRESS:PORT"),
            ("tcp://a/b", "'tcp://a/b' is not of the form tcp://ADDRESS:PORT"),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(message.to_owned()));
        }
    }

    #[test]
    fn what_is_listened_on_has_a_port() {
        assert_eq!(tcp_address("tcp://0.0.0.0:2376"), Ok(([0, 0, 0, 0], 2376).into()));
        for text in ["0.0.0.0:2376", "tcp://0.0.0.0", "tcp://node1:2376"] {
            tcp_address(text).expect_err(text);
        }
    }
}
