//! The text of an answer: who answered, and whom it saw.

use std::fmt::Write;
use std::net::SocketAddr;

/// Host name, addresses and the caller's address, one a line.
pub(crate) fn identity(peer: SocketAddr) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(text, "Hostname: {}", nix::unistd::gethostname()?.to_string_lossy())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_host_the_addresses_and_the_caller() {
        let text = identity("192.0.2.1:5".parse().unwrap()).unwrap();
        assert!(text.starts_with("Hostname: "), "{text}");
        assert!(text.contains("IP: 127.0.0.1\n"), "{text}");
        assert!(text.ends_with("RemoteAddr: 192.0.2.1:5\n"), "{text}");
    }
}
