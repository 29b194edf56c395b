//! The checks of a node, as clients get them.

use super::*;

#[tokio::test]
async fn a_manager_checks_itself_and_its_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Lab::manager_with_engine(&engine::fake_engine(folder.path()));
    let reply = lab.get("/swarmlite/v1/doctor").await;
    assert_eq!(reply.status, 200);
    let checks = reply.body["Checks"].as_array().expect("a list");
    let results: Vec<_> = checks
        .iter()
        .map(|check| (check["Name"].as_str().unwrap_or(""), check["Result"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        results,
        [
            ("engine", "ok"),
            ("swarm", "ok"),
            ("quorum", "ok"),
            ("nodes", "ok"),
            ("versions", "ok"),
            ("disk", "failed"),
        ]
    );
    assert_eq!(checks[5]["Message"], "no disk in tests");
}

#[tokio::test]
async fn a_node_without_an_engine_and_a_swarm_answers_too() {
    let lab = Lab::not_manager(LocalNodeState::Inactive, Path::new(NO_ENGINE));
    let checks = lab.get("/swarmlite/v1/doctor").await.body["Checks"].clone();
    for (at, name) in ["engine", "swarm", "disk"].into_iter().enumerate() {
        assert_eq!((&checks[at]["Name"], &checks[at]["Result"]), (&json!(name), &json!("failed")));
        assert!(checks[at]["Advice"].is_string(), "{checks}");
    }
}
