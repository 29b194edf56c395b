//! The text of an answer: who answered, and whom it saw.

use std::fmt::Write;
use std::net::SocketAddr;

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The host name.
    pub(crate) hostname: String,
    /// The name that was given on the command line.
    pub(crate) name: String,
}

impl Identity {
    /// This host, under `name`.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let hostname = nix::unistd::gethostname()?.to_string_lossy().into_owned();
        Ok(Self { hostname, name: name.to_owned() })
    }

    /// Host name, name, addresses and the caller's address, one a line.
    pub(crate) fn told_to(&self, peer: SocketAddr) -> anyhow::Result<String> {
        let mut text = String::new();
        writeln!(text, "Hostname: {}", self.hostname)?;
        writeln!(text, "Name: {}", self.name)?;
        for interface in nix::ifaddrs::getifaddrs()? {
            let Some(address) = interface.address else { continue };
            if let Some(v4) = address.as_sockaddr_in() {
                writeln!(text, "IP: {}", v4.ip())?;
            } else if let Some(v6) = address.as_sockaddr_in6() {
                writeln!(text, "IP: {}", v6.ip())?;
            }
        }
        writeln!(text, "RemoteAddr: {peer}")?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_host_the_addresses_and_the_caller() {
        let identity = Identity::new("web").unwrap();
        let text = identity.told_to("192.0.2.1:5".parse().unwrap()).unwrap();
        assert!(text.starts_with("Hostname: "), "{text}");
        assert!(text.contains("\nName: web\n"), "{text}");
        assert!(text.contains("IP: 127.0.0.1\n"), "{text}");
        assert!(text.ends_with("RemoteAddr: 192.0.2.1:5\n"), "{text}");
    }
}
