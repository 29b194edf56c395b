//! Addresses of local daemons, as `unix:///run/swarmlite/swarmlite.sock`.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

/// The path of a Unix socket. Written as a URL, as Docker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnixSocket(PathBuf);

impl UnixSocket {
    /// Where it is in the file system.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for UnixSocket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = match text.split_once("://") {
            Some(("unix", path)) => path,
            Some((scheme, _)) => {
                return Err(format!(
                    "{scheme}:// is not supported yet, only unix:///PATH and tcp://ADDRESS:PORT"
                ));
            }
            None => text,
        };
        if !path.starts_with('/') {
            return Err(format!("'{text}' is not of the form unix:///PATH"));
        }
        Ok(Self(path.into()))
    }
}

impl fmt::Display for UnixSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix://{}", self.0.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_url_or_an_absolute_path() {
        for text in ["unix:///run/x.sock", "/run/x.sock"] {
            let socket: UnixSocket = text.parse().expect("a socket");
            assert_eq!(socket.to_string(), "unix:///run/x.sock");
        }
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        for (text, message) in [
            (
                "tcp://1.2.3.4:2375",
                "tcp:// is not supported yet, only unix:///PATH and tcp://ADDRESS:PORT",
            ),
            ("unix://x", "'unix://x' is not of the form unix:///PATH"),
            ("x.sock", "'x.sock' is not of the form unix:///PATH"),
        ] {
            assert_eq!(text.parse::<UnixSocket>(), Err(message.to_owned()));
        }
    }
}
