//! What the workload said.

use std::net::IpAddr;
use std::net::SocketAddr;

use anyhow::Context;

/// One answer of `whoami`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The container that answered.
    pub hostname: String,
    /// The name that it was told to answer under.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The peer that it saw.
    pub client: SocketAddr,
}

impl Answer {
    /// Reads answers that were printed one after the other.
    ///
    /// # Errors
    ///
    /// When there is none, or one is not whole.
    pub fn parse_all(text: &str) -> anyhow::Result<Vec<Self>> {
        let mut chunks = text.split("Hostname: ");
        let before = chunks.next().unwrap_or_default();
        anyhow::ensure!(before.is_empty(), "not an answer of whoami: {text:?}");
        let answers = chunks.map(Self::parse).collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(!answers.is_empty(), "no answer");
        Ok(answers)
    }

    fn parse(chunk: &str) -> anyhow::Result<Self> {
        let hostname = chunk.lines().next().context("an answer without a host name")?.to_owned();
        let values = |name| chunk.lines().filter_map(move |line: &str| line.strip_prefix(name));
        let name = values("Name: ").next().context("an answer without a name")?.to_owned();
        let addresses = values("IP: ").map(str::parse).collect::<Result<_, _>>()?;
        let client = values("RemoteAddr: ").next().context("an answer without a peer")?.parse()?;
        Ok(Self { hostname, name, addresses, client })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_one_after_the_other() {
        let text = "Hostname: a\nName: x\nIP: 127.0.0.1\nIP: 10.0.0.3\nRemoteAddr: 10.213.1.254:4\nGET / HTTP/1.1\n\n\
                    Hostname: b\nName: y\nRemoteAddr: 10.213.1.254:5\nData: x\n";
        let answers = Answer::parse_all(text).unwrap();
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0].hostname, "a");
        assert_eq!(answers[0].name, "x");
        assert_eq!(answers[0].addresses.len(), 2);
        assert_eq!(answers[1].client, "10.213.1.254:5".parse().unwrap());
        assert!(Answer::parse_all("").is_err());
        assert!(Answer::parse_all("Hostname: a\nName: x\n").is_err());
    }
}
