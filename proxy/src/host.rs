//! Names of hosts as requests write them, in the one form in which they are compared. Pure.

use std::collections::HashMap;

use hyper::http::uri::Authority;

/// The host of an authority (RFC 3986, 3.2): lower case, without port and trailing dot; an IPv6 address in brackets. `None` if it is none, or names
/// a user, which HTTP has no place for (RFC 9110, 4.2.4).
pub(crate) fn host(authority: &str) -> Option<String> {
    // HTTP/1.0 does without, and RFC 9112, 3.2 has an empty one for targets without an authority.
    if authority.is_empty() {
        return Some(String::new());
    }
    let (host, port) = authority.split_at(host_len(authority)?);
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
        return None;
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

/// How much of an authority is the host.
fn host_len(authority: &str) -> Option<usize> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let name = authority.split(':').next().filter(|name| !name.is_empty());
    // Mostly it is a plain name, and no parser is needed to find its end.
    if let Some(plain) = name.filter(|name| name.bytes().all(is_plain)) {
        return Some(plain.len());
    }
    let parsed: Authority = authority.parse().ok().filter(|_| !authority.contains('@'))?;
    Some(parsed.host().len())
}

/// The names below which `host` is, the longest first: `b.example`, `example` for `a.b.example`. None for an address.
pub(crate) fn parents(host: &str) -> impl Iterator<Item = &str> {
    let is_address = host.starts_with('[') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let dots = host.match_indices('.').filter(move |_| !is_address);
    dots.map(|(at, _)| &host[at + 1..])
}

/// What there is for a name that a client asks for: under its own, under the longest wildcard, or for every host. `by_host` is by hosts as rules write them.
pub(crate) fn most_exact<'a, T>(
    by_host: &'a HashMap<String, T>,
    name: Option<&str>,
) -> Option<&'a T> {
    if by_host.is_empty() {
        return None;
    }
    let named = name.and_then(|name| {
        let name = host(name)?;
        let wildcard = |parent: &str| by_host.get(&format!("*.{parent}"));
        by_host.get(&name).or_else(|| parents(&name).find_map(wildcard))
    });
    named.or_else(|| by_host.get(""))
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoiled_text;

    use super::*;

    #[test]
    fn hosts_have_one_form() {
        for (authority, expected) in [
            ("", Some("")),
            ("Shop.Example", Some("shop.example")),
            ("shop.example:8080", Some("shop.example")),
            ("shop.example.", Some("shop.example")),
            ("shop.example.:80", Some("shop.example")),
            ("shop.example:", Some("shop.example")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("[2001:DB8::1]", Some("[2001:db8::1]")),
            ("[2001:db8::1]:443", Some("[2001:db8::1]")),
            ("user@shop.example", None),
            ("shop.example:http", None),
            ("shop.example:99999", None),
            ("shop.example/path", None),
            ("[2001:db8::1", None),
            ("shop example", None),
            (".", None),
            (":80", None),
        ] {
            assert_eq!(host(authority).as_deref(), expected, "{authority}");
        }
    }

    #[test]
    fn names_are_below_their_parents() {
        let of = |host: &'static str| parents(host).collect::<Vec<_>>();
        assert_eq!(of("a.b.example"), ["b.example", "example"]);
        assert!(of("localhost").is_empty());
        assert!(of("192.0.2.1").is_empty());
        assert!(of("[::ffff:192.0.2.1]").is_empty());
    }

    #[test]
    fn no_host_breaks_anything() {
        for mut case in cases(1000) {
            for sound in ["Shop.Example.:8080", "[2001:db8::1]:80", "192.0.2.1:"] {
                let Some(host) = host(&spoiled_text(&mut case, sound)) else { continue };
                assert!(parents(&host).all(|parent| parent.len() < host.len()), "{host}");
            }
        }
    }
}
