//! The table in `docs/api.md`: what becomes of each endpoint, found out by asking.

use std::fmt::Write;

use axum::http::HeaderValue;
use tokio::net::UnixListener;

use super::*;

/// Every endpoint of the Docker Engine API 1.51 (moby v28.5.2, `api/swagger.yaml`), in its order.
const ENGINE_API: &str = include_str!("engine-api-1.51.txt");

/// By this it is seen that the engine has answered.
const MARK: &str = "x-asked-the-engine";

/// An engine that has everything.
fn engine(folder: &Path) -> std::path::PathBuf {
    let answer = async |request: Request| {
        let body = match request.uri().path() {
            "/version" => r#"{"ApiVersion":"1.51"}"#,
            _ => "{}",
        };
        ([(MARK, HeaderValue::from_static("yes"))], body)
    };
    let path = folder.join("docker.sock");
    let listener = UnixListener::bind(&path).expect("binds");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    path
}

/// What becomes of a request for this endpoint on a manager.
async fn classify(router: &Router, method: &str, path: &str) -> &'static str {
    let method: Method = method.parse().expect("a method");
    let path = path.replace("{id}", "x").replace("{name}", "x");
    let request = Request::builder().method(method).uri(path).body(Body::empty());
    let response = router.clone().oneshot(request.expect("a request")).await;
    let response = response.expect("infallible");
    if response.headers().contains_key(MARK) {
        return "passed through";
    }
    match response.status().as_u16() {
        501 => "refused",
        404 => {
            // Such answers are short, and end.
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let refused = String::from_utf8_lossy(&body).contains("page not found");
            if refused { "refused" } else { "implemented" }
        }
        _ => "implemented",
    }
}

async fn table() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Lab::manager().node;
    // Not checked: what this engine says is no answer that anybody describes.
    let router = router(ApiState {
        node,
        engine: Arc::new(Engine::new(&engine(folder.path()))),
        audit: Audit::default(),
    });
    let own = operations().into_values().filter_map(|pointer| {
        let path = pointer.strip_prefix("/paths/")?.replace("~1", "/");
        let (path, method) = path.rsplit_once('/')?;
        path.starts_with("/swarmlite/").then(|| format!("{} {path}", method.to_uppercase()))
    });
    let mut own: Vec<String> = own.collect();
    own.sort();
    let mut text = include_str!("head.md").to_owned();
    for (title, endpoints) in [
        ("Docker Engine API 1.51", ENGINE_API.lines().map(str::to_owned).collect()),
        ("Beside it", own),
    ] {
        write!(text, "\n## {title}\n\n| Endpoint | On a manager |\n|---|---|\n")
            .expect("is memory");
        for endpoint in endpoints {
            let (method, path) = endpoint.split_once(' ').expect("a method and a path");
            let what = classify(&router, method, path).await;
            let described = Operation::find(&method.parse().expect("a method"), path);
            let is_shared = |operation: &Operation| OF_THE_ENGINE.contains(&operation.name());
            let own = described.as_ref().is_some_and(|operation| !is_shared(operation));
            assert!(!own || what == "implemented", "{endpoint} is {what}");
            assert!(described.is_some() || what != "implemented", "{endpoint} has no description");
            writeln!(text, "| `{method} {path}` | {what} |").expect("is memory");
        }
    }
    text
}

#[tokio::test]
async fn the_table_says_what_becomes_of_each_endpoint() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let table = table().await;
    if std::env::var_os("SWARMLITE_WRITE_DOCS").is_some() {
        std::fs::write(&path, table).expect("is written");
        return;
    }
    let written = std::fs::read_to_string(&path).expect("is there");
    let different = table.lines().filter(|line| !written.lines().any(|other| other == *line));
    let different: Vec<&str> = different.collect();
    assert!(
        written == table,
        "docs/api.md says otherwise, of {different:#?}; its head says how it is made"
    );
}

/// Every operation that is described is one of Docker's or one beside it, so that the table has it.
#[test]
fn the_table_has_every_operation() {
    let known: Vec<Vec<&str>> =
        ENGINE_API.lines().map(|line| line.split([' ', '/']).collect()).collect();
    for pointer in operations().into_values() {
        let path = pointer.strip_prefix("/paths/").expect("a path").replace("~1", "/");
        let (path, method) = path.rsplit_once('/').expect("a method");
        let endpoint = format!("{} {path}", method.to_uppercase());
        let endpoint: Vec<&str> = endpoint.split([' ', '/']).collect();
        let fits = |line: &Vec<&str>| {
            line.len() == endpoint.len()
                && line
                    .iter()
                    .zip(&endpoint)
                    .all(|(a, b)| a == b || (a.starts_with('{') && b.starts_with('{')))
        };
        assert!(path.starts_with("/swarmlite/") || known.iter().any(fits), "{method} {path}");
    }
}
