//! What a request asks for, read from its head. Pure. A request that two readers could take for two different ones is refused.

use hyper::Method;
use hyper::Uri;
use hyper::Version;
use hyper::header;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;

use crate::answer::Refusal;
use crate::host;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The host in the form in which it is compared.
    pub(crate) host: String,
    /// The host and port as the client has written them.
    pub(crate) authority: HeaderValue,
    /// The path with the query.
    pub(crate) path_and_query: PathAndQuery,
}

impl Asked {
    pub(crate) fn read(head: &Parts) -> Result<Self, Refusal> {
        if head.method == Method::CONNECT {
            return Err(Refusal::Connect);
        }
        let mut hosts = head.headers.get_all(header::HOST).iter();
        let (named, another) = (hosts.next(), hosts.next());
        // RFC 9112, 3.2: refused are several, and none in HTTP/1.1.
        if another.is_some() || named.is_none() && head.version == Version::HTTP_11 {
            return Err(Refusal::Host);
        }
        let target = head.uri.authority().map(|authority| authority.as_str());
        let text = named.map(HeaderValue::to_str).transpose().map_err(|_| Refusal::Host)?;
        // In HTTP/2 both have to say the same (RFC 9113, 8.3.1), in HTTP/1.1 the target prevails (RFC 9112, 3.2.2).
        let differ = text.zip(target).is_some_and(|(a, b)| !a.eq_ignore_ascii_case(b));
        if differ && head.version == Version::HTTP_2 {
            return Err(Refusal::Host);
        }
        let text = target.or(text).unwrap_or_default();
        let authority = match named {
            Some(named) if target.is_none() => named.clone(),
            _ => HeaderValue::from_str(text).map_err(|_| Refusal::Host)?,
        };
        Ok(Self {
            host: host::host(text).ok_or(Refusal::Host)?,
            authority,
            path_and_query: path_and_query(&head.uri),
        })
    }

    pub(crate) fn path(&self) -> &str {
        self.path_and_query.path()
    }

    /// The same with TLS on `port`.
    pub(crate) fn with_tls(&self, port: u16) -> String {
        let Self { host, path_and_query, .. } = self;
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        format!("https://{host}{port}{path_and_query}")
    }
}

/// What a task can be asked for without the host: where there is no path in front of the query, that of the root is (RFC 9112, 3.2.1).
fn path_and_query(uri: &Uri) -> PathAndQuery {
    const ROOT: PathAndQuery = PathAndQuery::from_static("/");
    match uri.path_and_query() {
        // One that is empty says that it is the root, too, but only together with a host.
        Some(asked) if asked.as_str() == "/" => ROOT,
        Some(asked) if asked.as_str().starts_with('?') => asked.to_string().parse().unwrap_or(ROOT),
        Some(asked) => asked.clone(),
        None => ROOT,
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn read(version: Version, target: &str, hosts: &[&str]) -> Result<(String, String), Refusal> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        Asked::read(&head).map(|it| (it.host, Uri::from(it.path_and_query).to_string()))
    }

    #[test]
    fn a_request_is_for_one_host() {
        let is = |host: &str, path: &str| Ok((host.to_owned(), path.to_owned()));
        let (old, one, two) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        for (version, target, hosts, expected) in [
            (one, "/a?b", &["A.example:8080"][..], is("a.example", "/a?b")),
            (one, "http://b.example:1/a?b", &["a.example"], is("b.example", "/a?b")),
            (one, "http://b.example?q", &["a.example"], is("b.example", "/?q")),
            (one, "http://b.example", &["a.example"], is("b.example", "/")),
            (one, "http://b.example#f", &["a.example"], is("b.example", "/")),
            (one, "*", &["a.example"], is("a.example", "*")),
            (one, "/", &[], Err(Refusal::Host)),
            (one, "/", &[""], is("", "/")),
            (one, "/", &["a.example", "a.example"], Err(Refusal::Host)),
            (one, "/", &["a.example/b"], Err(Refusal::Host)),
            (one, "/", &["user@a.example"], Err(Refusal::Host)),
            (one, "http://user@a.example/", &["a.example"], Err(Refusal::Host)),
            (old, "/", &[], is("", "/")),
            (two, "https://a.example/b", &[], is("a.example", "/b")),
            (two, "https://a.example/b", &["A.example"], is("a.example", "/b")),
            (two, "https://a.example/b", &["b.example"], Err(Refusal::Host)),
        ] {
            assert_eq!(read(version, target, hosts), expected, "{target} {hosts:?}");
        }
    }

    #[test]
    fn nobody_is_tunnelled() {
        let request = Request::connect("a.example:443").header("host", "a.example:443");
        let (head, ()) = request.body(()).expect("a request").into_parts();
        assert_eq!(Asked::read(&head).err(), Some(Refusal::Connect));
    }

    #[test]
    fn who_has_to_come_with_tls_is_sent_to_its_port() {
        let request = Request::get("/a?b").header("host", "[2001:DB8::1]:8080");
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let asked = Asked::read(&head).expect("a host");
        assert_eq!(asked.with_tls(443), "https://[2001:db8::1]/a?b");
        assert_eq!(asked.with_tls(8443), "https://[2001:db8::1]:8443/a?b");
    }
}
