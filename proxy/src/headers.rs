//! What the headers of a request and of an answer become on the way. Pure.

use hyper::HeaderMap;
use hyper::Version;
use hyper::header;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;

use crate::client::Client;
use crate::origin::Origin;

/// Headers that are about one connection, besides those that `Connection` names (RFC 9110, 7.6.1).
static HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The certificate of the client (RFC 9440, 2.2).
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// Whether a header says where a request comes from. A task hears that from the proxy only. Many servers take `X_Forwarded_For` for the same (RFC 3875, 4.1.18).
fn is_of_proxies(name: &HeaderName) -> bool {
    const START: &str = "x-forwarded-";
    if !name.as_str().starts_with(['x', 'f']) {
        return false;
    }
    let name = name.as_str().bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    let is = |whole: &str| name.clone().eq(whole.bytes());
    is("forwarded") || is("x-real-ip") || name.clone().take(START.len()).eq(START.bytes())
}

/// Tells a task of the certificate that its client has shown, and of none that the client writes of (RFC 9440, 4): the header that other proxies chain
/// certificates in is removed, too. Many servers take `CLIENT_CERT` for the same.
pub(crate) fn of_client(headers: &mut HeaderMap, certificate: Option<&HeaderValue>) {
    remove(headers, |name| {
        let names = ["client-cert", "client_cert", "client-cert-chain", "client_cert_chain"];
        names.contains(&name.as_str())
    });
    headers.extend(certificate.map(|value| (CLIENT_CERT, value.clone())));
}

/// The values of a header that is a list (RFC 9110, 5.6.1), in lower case.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let parts = values.flat_map(|value| value.split(','));
    parts.map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty())
}

/// Removes the headers that are about one connection.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<String> = list(headers, header::CONNECTION).collect();
        for name in named {
            headers.remove(name.as_str());
        }
    }
    remove(headers, |name| HOP_BY_HOP.contains(name));
}

/// Removes the headers of which `is_foreign` holds. Mostly there are none: to look at all is cheaper than to look each up.
fn remove(headers: &mut HeaderMap, is_foreign: impl Fn(&HeaderName) -> bool) {
    let foreign: Vec<HeaderName> =
        headers.keys().filter(|name| is_foreign(name)).cloned().collect();
    for name in foreign {
        headers.remove(name);
    }
}

/// The protocol that a client wants to go over to (RFC 9110, 7.8). HTTP/2 is none that could be passed on: what follows would be requests that
/// nobody has looked at.
pub(crate) fn upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    let wants = version == Version::HTTP_11
        && list(headers, header::CONNECTION).any(|option| option == "upgrade")
        && !list(headers, header::UPGRADE).any(|protocol| protocol.starts_with("h2"));
    headers.get(header::UPGRADE).filter(|_| wants).cloned()
}

/// Whether a request is a call of gRPC, which needs HTTP/2 for its trailers.
pub(crate) fn is_grpc(version: Version, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    // `application/grpc-web` is for servers that have no HTTP/2.
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    version == Version::HTTP_2 && rest.is_some_and(|rest| matches!(rest, [] | [b'+' | b';', ..]))
}

/// Makes the headers of a request those that a task gets. `host` is what was asked for over the connection of `client`, as it is written there.
pub(crate) fn to_task(
    headers: &mut HeaderMap,
    client: &Client,
    origin: &Origin,
    host: &HeaderValue,
) {
    remove_hop_by_hop(headers);
    // The proxy has told the client itself to go on.
    remove(headers, |name| is_of_proxies(name) || *name == header::EXPECT);
    origin.tell(headers, client, host);
    headers.insert(header::HOST, host.clone());
}

/// The path and query that a task gets: `rewrite` in the place of `rule`, the path of the rule.
pub(crate) fn rewritten(path_and_query: &str, rule: &str, rewrite: &str) -> String {
    let rest = path_and_query.strip_prefix(rule.trim_end_matches('/')).unwrap_or(path_and_query);
    let start = rewrite.trim_end_matches('/');
    let slash = if rest.starts_with('/') || !start.is_empty() { "" } else { "/" };
    format!("{start}{slash}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::TrustedPeers;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let parse = |value: &str| value.parse::<HeaderValue>().expect("a value");
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), parse(value))).collect()
    }

    fn client(address: &str, tls: bool) -> Client {
        Client::new(address.parse().expect("an address"), tls)
    }

    #[test]
    fn a_task_hears_of_the_client_from_the_proxy_only() {
        let mut sent = headers(&[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-port", "1"),
            ("x_forwarded_for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
            ("x-real-ip", "203.0.113.9"),
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("keep-alive", "timeout=5"),
            ("expect", "100-continue"),
            ("accept", "*/*"),
        ]);
        let host = HeaderValue::from_static("Shop.example:8080");
        let told = |sent: &mut HeaderMap, client: Client| {
            let origin = Origin::of(&client, sent, &TrustedPeers::default());
            to_task(sent, &client, &origin, &host);
        };
        told(&mut sent, client("[::ffff:192.0.2.1]:999", true));
        let expected = headers(&[
            ("accept", "*/*"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "Shop.example:8080"),
            ("forwarded", "for=192.0.2.1;host=\"Shop.example:8080\";proto=https"),
            ("host", "Shop.example:8080"),
        ]);
        assert_eq!(sent, expected);
        told(&mut sent, client("[2001:db8::1]:999", false));
        assert_eq!(
            sent["forwarded"],
            "for=\"[2001:db8::1]\";host=\"Shop.example:8080\";proto=http"
        );
        assert_eq!(sent["x-forwarded-for"], "2001:db8::1");
    }

    #[test]
    fn a_client_goes_over_to_what_is_not_http() {
        let wants = |connection, protocol| {
            let sent = headers(&[("connection", connection), ("upgrade", protocol)]);
            upgrade(Version::HTTP_11, &sent).is_some()
        };
        assert!(wants("keep-alive, Upgrade", "websocket"));
        assert!(!wants("keep-alive", "websocket"));
        assert!(!wants("upgrade", "h2c"));
        assert!(!wants("upgrade", "websocket, H2C"));
        let sent = headers(&[("connection", "upgrade"), ("upgrade", "websocket")]);
        assert!(upgrade(Version::HTTP_10, &sent).is_none());
    }

    #[test]
    fn calls_of_grpc_are_told_by_their_kind() {
        let is = |version, kind| is_grpc(version, &headers(&[("content-type", kind)]));
        assert!(is(Version::HTTP_2, "application/grpc"));
        assert!(is(Version::HTTP_2, "application/grpc+proto"));
        assert!(is(Version::HTTP_2, "application/grpc;x=y"));
        assert!(!is(Version::HTTP_11, "application/grpc"));
        assert!(!is(Version::HTTP_2, "application/grpc-web"));
        assert!(!is_grpc(Version::HTTP_2, &HeaderMap::new()));
    }

    #[test]
    fn a_prefix_is_replaced() {
        for (asked, rule, rewrite, expected) in [
            ("/api/users?all", "/api", "/", "/users?all"),
            ("/api", "/api", "/", "/"),
            ("/api?all", "/api", "/", "/?all"),
            ("/api/", "/api", "/", "/"),
            ("/api/users", "/api", "/v2", "/v2/users"),
            ("/api/users", "/api/", "/v2/", "/v2/users"),
            ("/api?all", "/api", "/v2", "/v2?all"),
            ("/users", "/", "/v2", "/v2/users"),
            ("/", "/", "/v2", "/v2/"),
            ("/users", "/", "/", "/users"),
        ] {
            assert_eq!(rewritten(asked, rule, rewrite), expected, "{asked}");
        }
    }
}
