//! Fetching an image (`POST /images/create`).
//!
//! By hand, as the library writes the header with the credentials in the wrong alphabet: engines do not understand some of them then, and
//! ask the registry as nobody.

use std::path::Path;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::Method;
use hyper::Request;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use swarmlite_proto::error::chain;
use swarmlite_proto::registry;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_rpc::engine;

use crate::task::runtime::RuntimeError;

/// What of one step of the engine matters here.
#[derive(Deserialize)]
struct PullMessage {
    /// Why it has given up.
    error: Option<String>,
}

/// What of a refusal matters here.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Has the engine on `socket` fetch `image`, and waits until it has. The engine stops when this future is dropped.
///
/// # Errors
///
/// [`RuntimeError::Refused`] with the reason of the engine or of the registry.
pub(super) async fn pull(
    socket: &Path,
    image: &str,
    auth: Option<&RegistryAuth>,
) -> Result<(), RuntimeError> {
    let mut request = Request::builder().method(Method::POST).uri(path(image));
    if let Some(auth) = auth {
        request = request.header(registry::HEADER, auth.to_header());
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| RuntimeError::Refused(format!("invalid image {image}: {error}")))?;
    let answer = engine::ask(socket, request).await.map_err(|error| away(&error))?;
    if answer.status().is_success() {
        return follow(answer.into_body()).await;
    }
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|error| away(&error))?.to_bytes();
    let said = serde_json::from_slice::<Refusal>(&body);
    let reason = said.map_or_else(|_| status.to_string(), |refusal| refusal.message);
    // It shuts down, or has not started yet.
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return Err(RuntimeError::Unavailable(reason));
    }
    Err(RuntimeError::Refused(reason))
}

/// Without a tag the engine would fetch all tags there are.
fn path(image: &str) -> String {
    let tag = if has_tag(image) { "" } else { "&tag=latest" };
    format!("/images/create?fromImage={image}{tag}")
}

/// Whether an image is named with a tag or digest. A colon before the last slash is that of a registry's port.
fn has_tag(image: &str) -> bool {
    let name = image.rsplit_once('/').map_or(image, |(_registry, name)| name);
    name.contains([':', '@'])
}

/// Reads the steps of the engine, one a line, to the end. The status of the answer was sent before the first: a failure is a step, too.
async fn follow(mut body: Incoming) -> Result<(), RuntimeError> {
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| away(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            check(&line)?;
        }
    }
    check(&rest)
}

fn check(line: &[u8]) -> Result<(), RuntimeError> {
    match serde_json::from_slice::<PullMessage>(line) {
        Ok(PullMessage { error: Some(error) }) => Err(RuntimeError::Refused(error)),
        _ => Ok(()),
    }
}

fn away(error: &dyn std::error::Error) -> RuntimeError {
    RuntimeError::Unavailable(chain(error))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;

    use super::*;

    #[test]
    fn only_a_tag_or_digest_is_one() {
        for (image, tagged) in [
            ("whoami", false),
            ("whoami:1", true),
            ("localhost:5000/whoami", false),
            ("localhost:5000/whoami:1", true),
            ("a/b@sha256:0123", true),
        ] {
            assert_eq!(has_tag(image), tagged, "{image}");
        }
    }

    /// What comes of a pull that is answered with this status and body, and what was asked.
    async fn answered(status: &str, body: &str) -> (Result<(), RuntimeError>, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("listens");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let engine = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a call");
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.expect("a request"));
            }
            stream.write_all(answer.as_bytes()).await.expect("is read");
            String::from_utf8(asked).expect("text")
        });
        // The last byte of every three is what the alphabets differ in.
        let password = "~~~???".to_owned();
        let auth = RegistryAuth { password, ..RegistryAuth::default() };
        let pulled = pull(&socket, "reg:5000/web", Some(&auth)).await;
        (pulled, engine.await.expect("no panic"))
    }

    #[tokio::test]
    async fn credentials_go_in_the_alphabet_that_engines_read() {
        let (pulled, asked) = answered("200 OK", "{\"status\":\"done\"}\r\n").await;
        assert_eq!(pulled, Ok(()));
        assert!(
            asked.starts_with("POST /images/create?fromImage=reg:5000/web&tag=latest "),
            "{asked}"
        );
        let header = asked.lines().find_map(|line| line.strip_prefix("x-registry-auth: "));
        let header = header.expect("is sent");
        assert!(header.contains(['-', '_']) && !header.contains(['+', '/']), "{header}");
    }

    #[tokio::test]
    async fn a_failure_on_the_way_is_one() {
        let steps =
            "{\"status\":\"Pulling\"}\r\n{\"errorDetail\":{},\"error\":\"unauthorized\"}\r\n";
        let (pulled, _) = answered("200 OK", steps).await;
        assert_eq!(pulled, Err(RuntimeError::Refused("unauthorized".to_owned())));
        let (pulled, _) = answered("404 Not Found", "{\"message\":\"no such repository\"}").await;
        assert_eq!(pulled, Err(RuntimeError::Refused("no such repository".to_owned())));
    }
}
