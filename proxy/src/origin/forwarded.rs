//! The header `Forwarded` (RFC 7239), as far as it says where a request comes from. Pure.

use std::net::IpAddr;

use crate::client;

/// What one proxy says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) node: Option<String>,
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

/// What the proxies say, in their order. `None` if it cannot be read.
pub(super) fn read(text: &str) -> Option<Vec<Element>> {
    split(text, ',')?.into_iter().map(element).collect()
}

fn element(text: &str) -> Option<Element> {
    let mut element = Element { node: None, proto: None, host: None };
    for pair in split(text, ';')? {
        let (name, value) = pair.split_once('=')?;
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = Some(quoted.unwrap_or(value).to_owned());
        match name.to_ascii_lowercase().as_str() {
            "for" => element.node = value,
            "proto" => element.proto = value,
            "host" => element.host = value,
            _ => {}
        }
    }
    Some(element)
}

/// The parts between those of the signs `at` that are not quoted. `None` if a quote does not end. What is escaped in quotes is not read: no address and no host
/// needs that.
fn split(text: &str, at: char) -> Option<Vec<&str>> {
    let mut is_quoted = false;
    let parts = text.split(|letter: char| {
        is_quoted ^= letter == '"';
        letter == at && !is_quoted
    });
    let parts = parts.map(str::trim).collect();
    (!is_quoted && !text.contains('\\')).then_some(parts)
}

/// How an address is written; without one, that it is not known.
pub(super) fn node(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "for=unknown".to_owned(), client::node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proxy_says_what_it_knows() {
        let own = |text: &str| Some(text.to_owned());
        let text = "for=192.0.2.1;proto=http, For=\"[2001:db8::1]:4711\"; host=\"a,b;c\" ;by=_x";
        let expected = [
            Element { node: own("192.0.2.1"), proto: own("http"), host: None },
            Element { node: own("[2001:db8::1]:4711"), proto: None, host: own("a,b;c") },
        ];
        assert_eq!(read(text).as_deref(), Some(&expected[..]));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        for text in ["", "for", "for=a,", "for=\"a", "for=\"a\\\"\"", "for=a;;host=b"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
