//! The page: what is served, with which headers, and where it is not.

use sha2::Digest;
use sha2::Sha256;

use super::*;
use crate::Names;
use crate::UI;
use crate::for_browsers;
use crate::with_page;

/// A manager whose API has the page beside it.
fn lab() -> Lab {
    let lab = Lab::manager();
    Lab { router: with_page(lab.router.clone()), ..lab }
}

/// The files that the page consists of, as they are named in one another.
const FILES: [(&str, &str); 20] = [
    ("", "text/html; charset=utf-8"),
    ("actions.js", "text/javascript; charset=utf-8"),
    ("api.js", "text/javascript; charset=utf-8"),
    ("app.js", "text/javascript; charset=utf-8"),
    ("cluster.js", "text/javascript; charset=utf-8"),
    ("events.js", "text/javascript; charset=utf-8"),
    ("explain.js", "text/javascript; charset=utf-8"),
    ("http.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"),
    ("live.js", "text/javascript; charset=utf-8"),
    ("logs.js", "text/javascript; charset=utf-8"),
    ("model.js", "text/javascript; charset=utf-8"),
    ("networks.js", "text/javascript; charset=utf-8"),
    ("node.js", "text/javascript; charset=utf-8"),
    ("parts.js", "text/javascript; charset=utf-8"),
    ("service.js", "text/javascript; charset=utf-8"),
    ("services.js", "text/javascript; charset=utf-8"),
    ("style.css", "text/css; charset=utf-8"),
    ("vendor/htm.js", "text/javascript; charset=utf-8"),
    ("vendor/preact.js", "text/javascript; charset=utf-8"),
];

#[tokio::test]
async fn every_file_comes_with_its_type_and_with_the_policy() {
    let lab = lab();
    for (name, media_type) in FILES {
        let reply = lab.get(&format!("{UI}{name}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, media_type), "{name}");
        assert_eq!(
            reply.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-cache"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(reply.header(header), value, "{name}");
        }
    }
}

/// So that the policy is no obstacle, and nothing is asked of anybody else.
#[tokio::test]
async fn files_name_only_one_another() {
    let lab = lab();
    for (name, _) in FILES.iter().filter(|(name, _)| !name.starts_with("vendor/")) {
        let text = lab.get(&format!("{UI}{name}")).await.body;
        let text = text.as_str().expect("is no JSON").replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http://", "https://", "style=", "innerHTML", "dangerously", "eval("] {
            assert!(!text.contains(foreign), "{name} has {foreign}");
        }
        for import in text.split("from './").skip(1) {
            let import = import.split('\'').next().unwrap_or_default();
            assert!(FILES.iter().any(|(file, _)| *file == import), "{name} imports {import}");
        }
    }
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let lab = lab();
    let mut tags = Vec::new();
    for (name, _) in FILES {
        let path = format!("{UI}{name}");
        let tag = lab.get(&path).await.header("etag").to_owned();
        let asked = |tags: &str| {
            let request = Request::builder().uri(&path).header("If-None-Match", tags);
            lab.send(request.body(Body::empty()).expect("a request"))
        };
        for tags in [tag.clone(), format!("\"other\", {tag}")] {
            let reply = asked(&tags).await;
            assert_eq!(
                (reply.status, reply.body, &*tag),
                (304, "".into(), reply.headers["etag"].to_str().expect("text"))
            );
        }
        assert_eq!(asked("\"other\"").await.status, 200);
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), FILES.len(), "two files have one tag");
}

#[tokio::test]
async fn nothing_outside_of_the_list_is_there() {
    let lab = lab();
    for path in [
        "index.html",
        "guard.rs",
        "vendor/README.md",
        "vendor/",
        "vendor",
        "../ui.rs",
        "%2e%2e/ui.rs",
        "..%2fui.rs",
        "vendor/../app.js",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "app.js/",
        "App.js",
        "app.js%00",
    ] {
        let reply = lab.get(&format!("{UI}{path}")).await;
        assert_eq!((reply.status, reply.message()), (404, "page not found"), "{path}");
    }
    let reply = lab.get(UI.trim_end_matches('/')).await;
    assert_eq!((reply.status, reply.header("location")), (308, UI));
    assert_eq!(lab.post(UI, &json!({})).await.status, 405);
    assert_eq!(lab.call(Method::HEAD, UI, &Value::Null).await.status, 200);
}

#[tokio::test]
async fn the_api_is_as_it_was_beside_the_page() {
    let lab = lab();
    assert_eq!(lab.get("/nodes").await.body.as_array().map(Vec::len), Some(2));
    assert_eq!(lab.get("/v1.41/nodes").await.status, 200);
    assert_eq!(lab.get("/swarmlite/v1/teapots").await.message(), "page not found");
}

#[tokio::test]
async fn without_it_there_is_no_page() {
    let reply = Lab::manager().get(UI).await;
    assert_eq!((reply.status, reply.message()), (404, "page not found"));
}

#[tokio::test]
async fn a_browser_is_told_why_it_is_refused() {
    let lab = lab();
    let lab = Lab { router: for_browsers(lab.router.clone(), Names::Loopback), ..lab };
    let ask = async |host: &str, origin: &str| {
        let request =
            Request::builder().uri("/nodes").header("Host", host).header("Origin", origin);
        lab.send(request.body(Body::empty()).expect("a request")).await
    };
    assert_eq!(ask("localhost:2375", "http://localhost:2375").await.status, 200);
    let reply = ask("evil.example", "http://evil.example").await;
    let refusal = "this server is called localhost, 127.0.0.1 or [::1], and not evil.example";
    assert_eq!((reply.status, reply.message()), (403, refusal));
    let reply = ask("localhost:2375", "http://evil.example").await;
    let refusal = "pages of other servers may not send requests to this one";
    assert_eq!((reply.status, reply.message()), (403, refusal));
}

/// What is written down of the libraries is what is there.
#[test]
fn libraries_are_those_that_are_written_down() {
    let written = include_str!("../ui/vendor/README.md");
    for (name, text) in [
        ("preact.js", include_str!("../ui/vendor/preact.js")),
        ("htm.js", include_str!("../ui/vendor/htm.js")),
    ] {
        let digest: String =
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let is_row =
            |line: &str| line.starts_with(&format!("| {name} |")) && line.contains(&digest);
        assert!(written.lines().any(is_row), "{name} is {digest}");
    }
}
