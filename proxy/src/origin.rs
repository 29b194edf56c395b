//! Where a request comes from, as far as that can be believed, and what a task hears of it. Pure.
//!
//! Everybody can write `X-Forwarded-For`. A peer that is trusted is believed about whom it has its connection with, and that one, if it is trusted too, about
//! the next. What others say is replaced.

mod forwarded;

use std::net::IpAddr;
use std::net::SocketAddr;

use hyper::HeaderMap;
use hyper::header;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use ipnet::IpNet;

use self::forwarded::Element;
use crate::client::Client;
use crate::host;

/// The addresses of the client and of the proxies behind it, each but that of the last.
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether the client came with TLS.
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The host that the client has asked for.
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The networks of those who are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedPeers(Vec<IpNet>);

impl TrustedPeers {
    pub(crate) const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Where a request comes from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The address of the client: the nearest one that is not trusted itself.
    pub(crate) ip: IpAddr,
    /// Whether the client came with TLS, here or to a peer.
    pub(crate) tls: bool,
    told: Option<Box<Told>>,
}

/// What a trusted peer says.
#[derive(Debug, Default)]
struct Told {
    /// The addresses of the client and of the proxies up to the peer, in their order, as written in `X-Forwarded-For`.
    nodes: Vec<String>,
    /// `Forwarded`, if it says the same.
    forwarded: Option<String>,
    tls: Option<bool>,
    host: Option<HeaderValue>,
}

impl Origin {
    /// That of a request with these `headers`.
    pub(crate) fn of(client: &Client, headers: &HeaderMap, trusted: &TrustedPeers) -> Self {
        let (mut ip, tls) = (client.ip(), client.tls);
        if !trusted.has(ip) {
            return Self { ip, tls, told: None };
        }
        let told = Told::read(headers);
        for node in told.nodes.iter().rev() {
            match address(node) {
                Some(next) if trusted.has(ip) => ip = next,
                _ => break,
            }
        }
        Self { ip, tls: told.tls.unwrap_or(tls), told: Some(Box::new(told)) }
    }

    /// Writes where a request comes from into `headers`, which say nothing about that any more. `host` is what it has asked for over this connection.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, client: &Client, host: &HeaderValue) {
        let nothing = Told::default();
        let told = self.told.as_deref().unwrap_or(&nothing);
        let (mut list, mut forwarded) = (String::new(), String::new());
        for node in &told.nodes {
            list.extend([node, ", "]);
            if told.forwarded.is_none() {
                forwarded.extend([&*forwarded::node(address(node)), ", "]);
            }
        }
        if let Some(before) = &told.forwarded {
            forwarded.extend([before, ", "]);
        }
        // Mostly there is nothing before.
        let own = client.ip_text();
        let list = if list.is_empty() {
            Some(own.clone())
        } else {
            HeaderValue::try_from(list + own.to_str().unwrap_or_default()).ok()
        };
        let (node, scheme) = (client.node(), client.scheme());
        let named = host.to_str().unwrap_or_default();
        let forwarded = [&*forwarded, node, ";host=\"", named, "\";proto=", scheme].concat();
        let mut set = |name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        };
        set(FOR, list);
        set(PROTO, Some(HeaderValue::from_static(if self.tls { "https" } else { "http" })));
        set(HOST, Some(told.host.as_ref().unwrap_or(host).clone()));
        set(header::FORWARDED, HeaderValue::try_from(forwarded).ok());
    }
}

impl Told {
    fn read(headers: &HeaderMap) -> Self {
        let forwarded = all(headers, &header::FORWARDED);
        let elements = forwarded.as_deref().and_then(forwarded::read).unwrap_or_default();
        let listed = all(headers, &FOR);
        let nodes: Vec<String> = match &listed {
            Some(list) => list.split(',').map(|node| node.trim().to_owned()).collect(),
            None => elements.iter().map(by_element).collect(),
        };
        let ends = |node: Option<&str>| node.and_then(address);
        let last = elements.last();
        // A peer that writes only one of both passes on in the other whatever it was sent.
        let agrees = listed.is_none()
            || ends(last.and_then(|it| it.node.as_deref())) == ends(nodes.last().map(|it| &**it));
        let last = last.filter(|_| agrees);
        let proto = only(headers, &PROTO).or(last.and_then(|last| last.proto.as_deref()));
        let named = only(headers, &HOST).or(last.and_then(|last| last.host.as_deref()));
        let named = named.filter(|named| host::host(named).is_some());
        Self {
            nodes,
            tls: proto.and_then(is_tls),
            host: named.and_then(|named| HeaderValue::from_str(named).ok()),
            forwarded: forwarded.filter(|_| last.is_some()),
        }
    }
}

/// The values of a header that is a list, as one. `None` if there are none, or some that nobody could read.
fn all(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter().map(HeaderValue::to_str);
    let values: Vec<&str> = values.collect::<Result<_, _>>().ok()?;
    (!values.is_empty()).then(|| values.join(", "))
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}

fn by_element(element: &Element) -> String {
    let node = element.node.as_deref().unwrap_or("unknown");
    address(node).map_or_else(|| node.to_owned(), |address| address.to_string())
}

/// An address as proxies write it, with or without a port.
fn address(node: &str) -> Option<IpAddr> {
    let inner = node.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let bare: Option<IpAddr> = inner.unwrap_or(node).parse().ok();
    let address = bare.or_else(|| Some(node.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

/// WebSockets have names of their own for the same.
fn is_tls(proto: &str) -> Option<bool> {
    match proto.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    /// What becomes of these headers when they come from 192.0.2.1: who is believed to ask, and what a task hears.
    fn origin(lines: &[(&'static str, &str)], trusted: &[&str]) -> (String, bool, Vec<String>) {
        let parse = |value: &str| value.parse::<HeaderValue>().expect("a value");
        let mut sent = HeaderMap::new();
        for (name, value) in lines {
            sent.append(HeaderName::from_static(name), parse(value));
        }
        let trusted = trusted.iter().map(|it| it.parse().expect("a network")).collect();
        let client = Client::new("192.0.2.1:9".parse().expect("one"), false);
        let origin = Origin::of(&client, &sent, &TrustedPeers::new(trusted));
        let mut told = HeaderMap::new();
        origin.tell(&mut told, &client, &HeaderValue::from_static("shop"));
        let names = [FOR, PROTO, HOST, header::FORWARDED];
        let told = names.map(|name| told[name].to_str().expect("text").to_owned());
        (origin.ip.to_string(), origin.tls, told.into())
    }

    const OWN: &str = "for=192.0.2.1;host=\"shop\";proto=http";

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
            ("forwarded", "for=203.0.113.9"),
        ];
        let told = ["192.0.2.1", "http", "shop", OWN].map(str::to_owned).to_vec();
        for trusted in [&[][..], &["198.51.100.0/24"], &["2001:db8::/32"]] {
            assert_eq!(origin(&lines, trusted), ("192.0.2.1".to_owned(), false, told.clone()));
        }
    }

    #[test]
    fn a_trusted_peer_is_believed_and_added() {
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "2001:db8::1"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-host", "shop.example:443"),
        ];
        let forwarded = format!("for=203.0.113.9, for=\"[2001:db8::1]\", {OWN}");
        let told = ["203.0.113.9, 2001:db8::1, 192.0.2.1", "https", "shop.example:443", &forwarded];
        let told = told.map(str::to_owned).to_vec();
        let expected = ("2001:db8::1".to_owned(), true, told);
        assert_eq!(origin(&lines, &["192.0.2.0/24"]), expected, "the nearest is the client");
        let both = origin(&lines, &["192.0.2.0/24", "2001:db8::/32"]);
        assert_eq!(both.0, "203.0.113.9", "the nearest that is not trusted is");
        let nothing = origin(&[], &["192.0.2.0/24"]);
        assert_eq!((nothing.0.as_str(), &*nothing.2[0]), ("192.0.2.1", "192.0.2.1"));
    }

    #[test]
    fn what_cannot_be_read_ends_what_is_believed() {
        let all = ["0.0.0.0/0", "::/0"];
        for (list, client) in [
            ("203.0.113.9, unknown", "192.0.2.1"),
            ("203.0.113.9, unknown, 198.51.100.1:80", "198.51.100.1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("", "192.0.2.1"),
        ] {
            assert_eq!(origin(&[("x-forwarded-for", list)], &all).0, client, "{list}");
        }
        let lines = [("x-forwarded-proto", "gopher"), ("x-forwarded-host", "a b")];
        let (_, tls, told) = origin(&lines, &all);
        assert_eq!((tls, &*told[1], &*told[2]), (false, "http", "shop"));
    }

    #[test]
    fn forwarded_is_taken_where_it_does_not_contradict() {
        let trusted = ["192.0.2.0/24"];
        let by_it = "for=203.0.113.9;proto=https;host=x";
        let (ip, tls, told) = origin(&[("forwarded", by_it)], &trusted);
        assert_eq!((&*ip, tls), ("203.0.113.9", true));
        let forwarded = format!("{by_it}, {OWN}");
        assert_eq!(told, ["203.0.113.9, 192.0.2.1", "https", "x", &forwarded]);
        let same = [("x-forwarded-for", "203.0.113.9"), ("forwarded", by_it)];
        assert_eq!(origin(&same, &trusted).2[3], forwarded);
        // From a client, through a peer that does not know it.
        let other = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=10.0.0.1;proto=https")];
        let (ip, tls, told) = origin(&other, &trusted);
        assert_eq!((&*ip, tls), ("203.0.113.9", false));
        assert_eq!(told[3], format!("for=203.0.113.9, {OWN}"));
    }

    #[test]
    fn no_header_breaks_anything_and_tasks_always_hear_of_a_client() {
        let sound = [
            (FOR, "203.0.113.9, [2001:db8::1]:47, unknown"),
            (PROTO, "https"),
            (HOST, "shop.example:8080"),
            (
                header::FORWARDED,
                "for=192.0.2.1;proto=http, For=\"[2001:db8::1]:4711\"; host=\"a,b;c\" ;by=_x",
            ),
        ];
        let trusted = TrustedPeers::new(vec!["0.0.0.0/0".parse().expect("a network")]);
        let client = Client::new("192.0.2.1:9".parse().expect("one"), false);
        for mut case in cases(500) {
            let mut headers = HeaderMap::new();
            for (name, value) in &sound[case.random_range(0..4)..] {
                let mut value = value.as_bytes().to_vec();
                spoil_bytes(&mut case, &mut value);
                headers.extend(HeaderValue::from_bytes(&value).map(|value| (name.clone(), value)));
            }
            let origin = Origin::of(&client, &headers, &trusted);
            // What came is removed before.
            let mut told = HeaderMap::new();
            origin.tell(&mut told, &client, &HeaderValue::from_static("shop"));
            for name in [FOR, PROTO, HOST, header::FORWARDED] {
                assert_eq!(told.get_all(name).iter().count(), 1, "{headers:?}");
            }
        }
    }
}
