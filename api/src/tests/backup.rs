//! Backups through the API: written by managers, and taken by nodes that are in no cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use swarmlite_manager::backup::Backup;
use swarmlite_manager::backup::Passphrase;
use swarmlite_manager::ca::Authority;
use swarmlite_proto::time::Timestamp;

use super::*;

/// The only manager of a cluster whose authority can sign.
pub(super) async fn manager() -> Lab {
    let lab = Lab::manager();
    let mut cluster = Cluster::clone(lab.store.state().cluster().expect("there is one"));
    cluster.root_ca =
        Authority::create(&mut fixture::rng(7), Timestamp::now()).expect("makes a key");
    lab.commit(Op::PutCluster(Box::new(cluster))).await;
    lab
}

async fn backup(lab: &Lab) -> Vec<u8> {
    let body = json!({"Passphrase": "correct horse"}).to_string();
    let request = Request::post("/v1.41/swarmlite/v1/backup")
        .header("Content-Type", "application/json")
        .body(Body::from(body));
    let router = lab.router.clone();
    let answer = router.oneshot(request.expect("a request")).await.expect("infallible");
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.expect("a body").to_bytes().to_vec()
}

/// A backup, as it stands in a request.
pub(super) async fn encoded() -> String {
    STANDARD.encode(backup(&manager().await).await)
}

#[tokio::test]
async fn a_backup_is_written_and_taken() {
    let lab = manager().await;
    let sealed = backup(&lab).await;
    let passphrase = Passphrase::new("correct horse").expect("is not empty");
    let summary = Backup::open(&sealed, &passphrase).expect("opens").summary().expect("a cluster");
    assert_eq!((summary.nodes, &*summary.hostname), (2, "boss"));

    let fresh = Lab::not_manager(LocalNodeState::Inactive, Path::new(NO_ENGINE));
    let mut request = json!({
        "Backup": STANDARD.encode(&sealed),
        "Passphrase": "correct horse",
        "AdvertiseAddr": "10.9.0.9",
    });
    let restored = fresh.post("/swarmlite/v1/restore", &request).await;
    assert_eq!((restored.status, &restored.body["Nodes"]), (200, &json!(2)), "{restored:?}");
    assert_eq!(*fresh.node.calls.lock().expect("no panic"), ["restore 10.9.0.9"]);

    request["Passphrase"] = json!("correct house");
    for (request, message) in [
        (request, "cannot open the backup: the passphrase is wrong"),
        (json!({"Backup": "?", "Passphrase": "x"}), "Backup is not base 64: "),
        (json!({"Backup": "", "Passphrase": ""}), "Passphrase is empty"),
    ] {
        let refused = fresh.post("/swarmlite/v1/restore", &request).await;
        assert_eq!(refused.status, 400);
        assert!(refused.message().starts_with(message), "{}", refused.message());
    }
    assert_eq!(fresh.node.calls.lock().expect("no panic").len(), 1);
}

#[tokio::test]
async fn only_managers_write_one_and_members_take_none() {
    let lab = manager().await;
    let refused = lab.post("/swarmlite/v1/backup", &json!({"Passphrase": ""})).await;
    assert_eq!((refused.status, refused.message()), (400, "Passphrase is empty"));
    let refused = lab.post("/swarmlite/v1/restore", &json!({"Passphrase": "x"})).await;
    assert_eq!(refused.status, 503);
    assert!(refused.message().starts_with("This node is already part of a swarm."));
    let worker = Lab::not_manager(LocalNodeState::Active, Path::new(NO_ENGINE));
    let refused = worker.post("/swarmlite/v1/backup", &json!({"Passphrase": "x"})).await;
    assert_eq!(refused.status, 503);
}
