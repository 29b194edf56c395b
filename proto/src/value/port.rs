//! Published ports, short (`8080:80/tcp`, ranges too) and long (`published=8080,target=80`) (docker/cli `opts/swarmopts/port.go`).

use std::ops::RangeInclusive;

use super::fields;
use crate::spec::PortConfig;
use crate::spec::PortProtocol;
use crate::spec::PublishMode;

/// The ports that one value of `--publish` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish(pub Vec<PortConfig>);

/// Reads either syntax.
pub fn parse(text: &str) -> Result<Publish, String> {
    if text.contains('=') {
        long(text).map(|port| Publish(vec![port]))
    } else {
        match short(text)? {
            Short { host: Some(_), .. } => Err("hostip is not supported".to_owned()),
            Short { ports, host: None } => Ok(Publish(ports)),
        }
    }
}

fn long(text: &str) -> Result<PortConfig, String> {
    let mut port = PortConfig::default();
    for field in fields::split(&text.to_ascii_lowercase())? {
        let Some((key, value)) = field.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(format!("invalid field: {field}"));
        };
        match key {
            "protocol" => port.protocol = protocol(value)?,
            "mode" => {
                port.publish_mode = match value {
                    "ingress" => PublishMode::Ingress,
                    "host" => PublishMode::Host,
                    _ => {
                        return Err(format!(
                            "invalid publish mode value ({value}): must be either 'ingress' or 'host'"
                        ));
                    }
                };
            }
            "target" => port.target_port = number("target", value)?,
            "published" => port.published_port = number("published", value)?,
            _ => return Err(format!("invalid field key: {key}")),
        }
    }
    if port.target_port == 0 {
        return Err("missing mandatory field 'target'".to_owned());
    }
    Ok(port)
}

fn number(which: &str, text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("invalid {which} port ({text}): value must be an integer up to 65535"))
}

fn protocol(text: &str) -> Result<PortProtocol, String> {
    match text {
        "tcp" => Ok(PortProtocol::Tcp),
        "udp" => Ok(PortProtocol::Udp),
        "sctp" => Ok(PortProtocol::Sctp),
        _ => Err(format!("invalid protocol value '{text}'")),
    }
}

/// Ports in short syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// The ports, one by one.
    pub ports: Vec<PortConfig>,
    /// The address to publish at, which services of a swarm cannot choose.
    pub host: Option<String>,
}

/// Reads `[[host:]published:]target[/protocol]`, each side a port or a range. Several published ports may lead to one target.
pub fn short(text: &str) -> Result<Short, String> {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, name)) => (ports, protocol(&name.to_ascii_lowercase())?),
        None => (text, PortProtocol::Tcp),
    };
    let (published, target) = ports.rsplit_once(':').unwrap_or(("", ports));
    let (host, published) = match published.rsplit_once(':') {
        Some((host, published)) => (Some(host.trim_matches(['[', ']']).to_owned()), published),
        None => (None, published),
    };
    let targets = range(target).ok_or_else(|| format!("invalid containerPort: {target}"))?;
    let port = |(target_port, published_port)| PortConfig {
        protocol,
        target_port,
        published_port,
        ..PortConfig::default()
    };
    if published.is_empty() {
        return Ok(Short { ports: targets.map(|target| port((target, 0))).collect(), host });
    }
    let publisheds = range(published).ok_or_else(|| format!("invalid hostPort: {published}"))?;
    let ports = if targets.len() == 1 {
        publisheds.map(|published| port((*targets.start(), published))).collect()
    } else if publisheds.len() == targets.len() {
        targets.zip(publisheds).map(port).collect()
    } else {
        return Err(format!(
            "invalid ranges specified for container and host ports: {target} and {published}"
        ));
    };
    Ok(Short { ports, host })
}

/// `80` or `80-82`, from 1 on.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = first.parse().ok()?..=last.parse().ok()?;
    (*range.start() > 0 && range.start() <= range.end()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(published: u16, target: u16) -> PortConfig {
        PortConfig { target_port: target, published_port: published, ..PortConfig::default() }
    }

    #[test]
    fn short_syntax() {
        let udp = |published, target| PortConfig {
            protocol: PortProtocol::Udp,
            ..port(published, target)
        };
        for (text, ports) in [
            ("80", vec![port(0, 80)]),
            ("8080:80", vec![port(8080, 80)]),
            ("8080:80/tcp", vec![port(8080, 80)]),
            ("53:5353/UDP", vec![udp(53, 5353)]),
            ("8000-8001:80-81", vec![port(8000, 80), port(8001, 81)]),
            ("80-81", vec![port(0, 80), port(0, 81)]),
            ("8000-8001:80", vec![port(8000, 80), port(8001, 80)]),
        ] {
            assert_eq!(parse(text), Ok(Publish(ports)), "{text}");
        }
    }

    #[test]
    fn long_syntax() {
        let host = PortConfig {
            protocol: PortProtocol::Sctp,
            publish_mode: PublishMode::Host,
            ..port(8080, 80)
        };
        for (text, expected) in [
            ("target=80", port(0, 80)),
            ("published=8080,target=80,protocol=sctp,mode=host", host),
            ("Target=80,PUBLISHED=8080,mode=ingress", port(8080, 80)),
        ] {
            assert_eq!(parse(text), Ok(Publish(vec![expected])), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_port() {
        for (text, message) in [
            ("", "invalid containerPort: "),
            ("x", "invalid containerPort: x"),
            ("0", "invalid containerPort: 0"),
            ("82-80", "invalid containerPort: 82-80"),
            ("70000:80", "invalid hostPort: 70000"),
            ("1.2.3.4:80:80", "hostip is not supported"),
            ("[::1]:80:80", "hostip is not supported"),
            ("80/icmp", "invalid protocol value 'icmp'"),
            ("1-2:80-83", "invalid ranges specified for container and host ports: 80-83 and 1-2"),
            ("published=80", "missing mandatory field 'target'"),
            ("target=x", "invalid target port (x): value must be an integer up to 65535"),
            (
                "target=80,mode=mesh",
                "invalid publish mode value (mesh): must be either 'ingress' or 'host'",
            ),
            ("target=80,ip=1", "invalid field key: ip"),
            ("target=80,host", "invalid field: host"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }
}
