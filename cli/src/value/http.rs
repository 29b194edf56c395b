//! Rules of HTTP routing, and the ports for them.

use swarmlite_proto::spec::HttpConfig;
pub(crate) use swarmlite_proto::value::http::Place;
pub(crate) use swarmlite_proto::value::http::parse;
pub(crate) use swarmlite_proto::value::http::place;

/// Reads the ports without and with TLS, as `80,443`, `8080` or `off`.
pub(crate) fn ports(text: &str) -> Result<HttpConfig, String> {
    if text == "off" {
        return Ok(HttpConfig::default());
    }
    let (port, tls_port) = text.split_once(',').unwrap_or((text, "0"));
    let number = |text: &str| text.parse().ok();
    let read = number(port).zip(number(tls_port));
    read.map(|(port, tls_port)| HttpConfig { port, tls_port })
        .filter(|config| config.is_on())
        .ok_or_else(|| format!("'{text}' is neither PORT,TLSPORT nor off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_some_or_off() {
        assert_eq!(ports("80,443"), Ok(HttpConfig::STANDARD));
        assert_eq!(ports("off"), Ok(HttpConfig::default()));
        for text in ["", "on", "0", "0,0", "80,", "80,443,8080", "65536"] {
            assert_eq!(ports(text), Err(format!("'{text}' is neither PORT,TLSPORT nor off")));
        }
    }
}
