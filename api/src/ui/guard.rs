//! Which requests a browser may send to an API that takes whoever reaches it for its operator.
//!
//! Any page that a person looks at can have the browser send requests here, along with the person's certificates and cookies. What such a page
//! cannot do is to write the headers that are looked at here. Other clients write none of them, but for `Host`.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::Uri;
use axum::http::header::HOST;
use axum::http::header::ORIGIN;
use axum::http::uri::Authority;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse;
use swarmlite_proto::error::Error;

use super::UI;
use crate::error::ApiError;

/// What a browser says of the page that sends a request (W3C Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// By which names a server is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// By those in its certificate, which the browser checks.
    Certified,
    /// By those of this machine's loopback interface only. Somebody else's name may be made to lead there once their page has been loaded
    /// (DNS rebinding), which is then of the same origin.
    Loopback,
}

/// `router`, without what pages of others have a browser ask of it.
pub fn for_browsers(router: Router, names: Names) -> Router {
    let check = async |Extract(names): Extract<Names>, request: Request, next: Next| match refusal(
        &request, names,
    ) {
        Some(refusal) => ApiError::from(Error::denied(refusal)).into_response(),
        None => next.run(request).await,
    };
    router.layer(middleware::from_fn_with_state(names, check))
}

/// Why a request is refused; nothing if it is not.
fn refusal(request: &Request, names: Names) -> Option<String> {
    let host = host(request.headers(), request.uri());
    if names == Names::Loopback && !host.as_ref().is_some_and(is_loopback) {
        let called = host.as_ref().map_or("by no name", |host| host.host());
        return Some(format!(
            "this server is called localhost, 127.0.0.1 or [::1], and not {called}"
        ));
    }
    let text = |name: &HeaderName| request.headers().get(name).map(|value| value.as_bytes());
    if text(&ORIGIN).is_some_and(|origin| !host.is_some_and(|host| is_of(origin, &host))) {
        return Some("pages of other servers may not send requests to this one".to_owned());
    }
    // A link elsewhere may lead to the page, which is the same for everybody.
    let is_page = matches!(request.uri().path(), "/") || request.uri().path().starts_with(UI);
    let is_foreign =
        text(&SITE).is_some_and(|site| !matches!(site, b"same-origin" | b"none")) && !is_page;
    is_foreign.then(|| "pages of other servers may not send requests to this one".to_owned())
}

/// The name and the port by which the server was called: in the URI with HTTP/2, in a header before.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => headers.get(HOST)?.to_str().ok()?.parse().ok(),
    }
}

fn is_loopback(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether a page of this origin (RFC 6454, section 7) came from `host`.
fn is_of(origin: &[u8], host: &Authority) -> bool {
    let origin = std::str::from_utf8(origin).unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refused(names: Names, path: &str, headers: &[(&str, &str)]) -> bool {
        let request = Request::builder().uri(path);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        refusal(&request.body(Body::empty()).expect("a request"), names).is_some()
    }

    #[test]
    fn a_loopback_server_has_the_names_of_loopback_and_no_other() {
        for (host, is_refused) in [
            ("127.0.0.1:8377", false),
            ("127.8.9.1", false),
            ("localhost:9000", false),
            ("LocalHost", false),
            ("[::1]:8377", false),
            ("evil.example:8377", true),
            ("127.0.0.1.evil.example", true),
            ("localhost.evil.example", true),
            ("192.0.2.1:8377", true),
            ("[2001:db8::1]:8377", true),
            ("127.0.0.1@evil.example", true),
            ("", true),
        ] {
            assert_eq!(refused(Names::Loopback, "/nodes", &[("host", host)]), is_refused, "{host}");
        }
        assert!(refused(Names::Loopback, "/nodes", &[]));
        assert!(!refused(Names::Certified, "/nodes", &[("host", "node1.example:2376")]));
        assert!(!refused(Names::Certified, "/nodes", &[]));
        assert!(refused(Names::Certified, "/nodes", &[("origin", "https://evil.example")]));
    }

    #[test]
    fn pages_of_others_are_refused_and_the_page_itself_is_not() {
        for (origin, is_refused) in [
            ("http://localhost:8377", false),
            ("https://localhost:8377", false),
            ("http://localhost:9000", true),
            ("http://localhost", true),
            ("http://127.0.0.1:8377", true),
            ("https://evil.example", true),
            ("null", true),
            ("", true),
        ] {
            for names in [Names::Loopback, Names::Certified] {
                let headers = [("host", "localhost:8377"), ("origin", origin)];
                assert_eq!(refused(names, "/nodes", &headers), is_refused, "{origin}");
            }
        }
    }

    #[test]
    fn a_link_of_another_server_leads_to_the_page_only() {
        for (site, path, is_refused) in [
            ("same-origin", "/nodes", false),
            ("none", "/nodes", false),
            ("cross-site", "/nodes", true),
            ("same-site", "/nodes", true),
            ("cross-site", "/swarmlite/v1/ui/", false),
            ("cross-site", "/", false),
            ("cross-site", "/swarmlite/v1/uix", true),
        ] {
            let headers = [("host", "localhost"), ("sec-fetch-site", site)];
            assert_eq!(refused(Names::Certified, path, &headers), is_refused, "{site} {path}");
        }
    }
}
