//! Who has changed what.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;

use axum::extract::ConnectInfo;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::*;
use crate::audit::Audit;
use crate::caller::Caller;

/// A manager that writes to `path`, and what is asked of it by root.
fn audited(path: &Path) -> (Lab, impl AsyncFn(&Lab, Method, &str, &str) -> Reply) {
    let lab = Lab::manager_with_audit(Audit::to_file(path).expect("is made"));
    let ask = async |lab: &Lab, method: Method, path: &str, body: &str| {
        let caller = Caller { uid: Some(0), pid: Some(7), ..Caller::default() };
        let request = Request::builder().method(method).uri(path).extension(ConnectInfo(caller));
        let request = request.header("Content-Type", "application/json");
        lab.send(request.body(Body::from(body.to_owned())).expect("a request")).await
    };
    (lab, ask)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("is there");
    text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
}

#[tokio::test]
async fn each_change_is_a_line_with_who_made_it_and_what_became_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let (lab, ask) = audited(&path);
    let spec = r#"{"Name": "key", "Data": "c2VjcmV0"}"#;
    let created = ask(&lab, Method::POST, "/v1.41/secrets/create", spec).await;
    assert_eq!(created.status, 201);
    ask(&lab, Method::GET, "/secrets", "").await;
    ask(&lab, Method::POST, "/services/x/update?version=7", "{}").await;
    let [first, second] = &lines(&path)[..] else { panic!("{:?}", lines(&path)) };
    assert_eq!(first["by"], json!({"uid": 0, "pid": 7}));
    assert_eq!((&first["method"], &first["path"]), (&json!("POST"), &json!("/secrets/create")));
    assert_eq!((&first["status"], &first["id"]), (&json!(201), &created.body["ID"]));
    assert!(!first.to_string().contains("c2VjcmV0"), "{first}");
    assert_eq!((&second["query"], &second["status"]), (&json!("version=7"), &json!(404)));
    let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_log_that_was_moved_away_is_begun_anew_and_one_that_cannot_be_written_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let (lab, ask) = audited(&path);
    std::fs::rename(&path, folder.path().join("audit.log.1")).expect("is there");
    assert_eq!(ask(&lab, Method::DELETE, "/nodes/nobody", "").await.status, 404);
    assert_eq!(lines(&path).len(), 1);
    std::fs::remove_file(&path).expect("is there");
    std::fs::create_dir(&path).expect("is free");
    assert_eq!(ask(&lab, Method::DELETE, "/nodes/nobody", "").await.status, 404);
    Audit::to_file(&path).expect_err("is a folder");
}

#[tokio::test]
async fn on_the_socket_the_kernel_says_who_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, socket) = (folder.path().join("audit.log"), folder.path().join("socket"));
    let (lab, _) = audited(&path);
    let listener = crate::serve::bind(&socket).await.expect("binds");
    let serving = tokio::spawn(crate::serve::serve(listener, lab.router.clone()));
    let mut client = UnixStream::connect(&socket).await.expect("connects");
    let request = b"DELETE /nodes/nobody HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.expect("is sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("is answered");
    serving.abort();
    let own = std::fs::metadata(&path).expect("is there").uid();
    assert_eq!(lines(&path)[0]["by"], json!({"uid": own, "pid": std::process::id()}));
}
