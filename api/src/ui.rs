//! The page to look at a cluster with, at `/swarmlite/v1/ui/`: files that are part of the program.
//!
//! It is no part of the API, but a client of it: it must never know of the state, nor of a node. Who may see it is up to those who serve it
//! ([`guard`]).

mod guard;

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::ETAG;
use axum::http::header::IF_NONE_MATCH;
use axum::http::header::REFERRER_POLICY;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use axum::routing::get;
use sha2::Digest;
use sha2::Sha256;
use swarmlite_proto::error::Error;

pub use self::guard::Names;
pub use self::guard::for_browsers;
use crate::error::ApiError;

/// Where the page is.
pub const UI: &str = "/swarmlite/v1/ui/";

/// Scripts and styles are files of this list, and nothing is asked of anybody else (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// A file of the page.
struct Asset {
    /// Its path under [`UI`].
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// Names a file in the folder `ui`, and takes it into the program.
macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        Asset { name: $name, media_type: $media_type, text: include_str!(concat!("ui/", $name)) }
    };
}

/// All there is.
const ASSETS: [Asset; 20] = [
    Asset { name: "", media_type: HTML, text: include_str!("ui/index.html") },
    asset!("actions.js", SCRIPT),
    asset!("api.js", SCRIPT),
    asset!("app.js", SCRIPT),
    asset!("cluster.js", SCRIPT),
    asset!("events.js", SCRIPT),
    asset!("explain.js", SCRIPT),
    asset!("http.js", SCRIPT),
    asset!("icon.svg", PICTURE),
    asset!("live.js", SCRIPT),
    asset!("logs.js", SCRIPT),
    asset!("model.js", SCRIPT),
    asset!("networks.js", SCRIPT),
    asset!("node.js", SCRIPT),
    asset!("parts.js", SCRIPT),
    asset!("service.js", SCRIPT),
    asset!("services.js", SCRIPT),
    asset!("style.css", STYLE),
    asset!("vendor/htm.js", SCRIPT),
    asset!("vendor/preact.js", SCRIPT),
];

/// What tells two builds of each file apart, in the order of [`ASSETS`].
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let tag = |asset: &Asset| {
        let digest = Sha256::digest(asset.text);
        let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{digits}\"")
    };
    ASSETS.iter().map(tag).collect()
});

/// `api`, and the page beside it.
pub fn with_page(api: Router) -> Router {
    let file = async |Path(name): Path<String>, headers: HeaderMap| answer(&name, &headers);
    Router::new()
        .route(UI.trim_end_matches('/'), get(async || Redirect::permanent(UI)))
        .route(UI, get(async |headers: HeaderMap| answer("", &headers)))
        .route(&format!("{UI}{{*name}}"), get(file))
        .fallback_service(api)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let found = ASSETS.iter().zip(TAGS.iter()).find(|(asset, _)| asset.name == name);
    let Some((asset, tag)) = found else {
        return ApiError::from(Error::not_found("page not found")).into_response();
    };
    // A browser asks each time whether its copy is that of this build: the page must not be older than the API that it speaks to.
    let shared = [
        (ETAG, tag.as_str()),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    (shared, [(CONTENT_TYPE, asset.media_type)], asset.text).into_response()
}
