//! Versions, the cluster itself, and its nodes.

use super::*;

#[tokio::test]
async fn every_response_has_dockers_headers() {
    let lab = Lab::manager();
    for path in ["/_ping", "/v1.41/nodes", "/v1.99/nodes", "/teapots"] {
        let reply = lab.get(path).await;
        assert_eq!(reply.header("Api-Version"), "1.41", "{path}");
        assert_eq!(reply.header("Ostype"), "linux", "{path}");
        assert_eq!(reply.header("Docker-Experimental"), "false", "{path}");
        assert!(reply.header("Server").starts_with("swarmlite/"), "{path}");
    }
}

#[tokio::test]
async fn ping_tells_the_place_in_the_cluster() {
    let none = Path::new(NO_ENGINE);
    for (lab, swarm) in [
        (Lab::manager(), "active/manager"),
        (Lab::not_manager(LocalNodeState::Active, none), "active/worker"),
        (Lab::not_manager(LocalNodeState::Inactive, none), "inactive"),
        (Lab::not_manager(LocalNodeState::Locked, none), "locked"),
    ] {
        let reply = lab.get("/_ping").await;
        assert_eq!((reply.status, reply.header("Swarm")), (200, swarm));
        assert_eq!(reply.body, json!("OK"));
        let head = lab.call(Method::HEAD, "/v1.41/_ping", &Value::Null).await;
        assert_eq!((head.status, head.header("Swarm")), (200, swarm));
    }
}

#[tokio::test]
async fn paths_and_versions_are_refused_in_dockers_words() {
    let lab = Lab::manager();
    for (method, path, status, message) in [
        (Method::GET, "/nodes/x/teapots", 404, "page not found"),
        (Method::PUT, "/services", 404, "page not found"),
        (
            Method::GET,
            "/v1.23/info",
            400,
            "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
        ),
        (
            Method::GET,
            "/v1.52/info",
            400,
            "client version 1.52 is too new. Maximum supported API version is 1.51",
        ),
    ] {
        let reply = lab.call(method, path, &Value::Null).await;
        assert_eq!((reply.status, reply.message()), (status, message), "{path}");
        assert_eq!(reply.header("Content-Type"), "application/json");
    }
}

#[tokio::test]
async fn nodes_that_are_no_managers_say_why() {
    let starts = |state| match state {
        LocalNodeState::Inactive => "This node is not a swarm manager. Use \"docker swarm init\"",
        LocalNodeState::Active => "This node is not a swarm manager. Worker nodes can't be used",
        LocalNodeState::Locked => "Swarm is encrypted and needs to be unlocked",
        LocalNodeState::Pending | LocalNodeState::Error => {
            "This node is not a swarm manager. Manager is being prepared"
        }
    };
    for state in [
        LocalNodeState::Inactive,
        LocalNodeState::Active,
        LocalNodeState::Locked,
        LocalNodeState::Pending,
    ] {
        let lab = Lab::not_manager(state, Path::new(NO_ENGINE));
        for path in
            ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs/x", "/tasks/x"]
        {
            let reply = lab.get(path).await;
            assert_eq!(reply.status, 503, "{path}");
            assert!(reply.message().starts_with(starts(state)), "{path}: {}", reply.message());
        }
        let reply = lab.post("/services/create", &web()).await;
        assert_eq!(reply.status, 503);
    }
}

#[tokio::test]
async fn a_cluster_is_made_joined_and_left_once() {
    let lab = Lab::not_manager(LocalNodeState::Inactive, Path::new(NO_ENGINE));
    let init = lab.post("/swarm/init", &json!({"ListenAddr": "0.0.0.0:2377"})).await;
    assert_eq!((init.status, init.body.as_str().map(str::len)), (200, Some(25)));
    let body = json!({"ListenAddr": "0.0.0.0:2377", "RemoteAddrs": ["10.9.0.1:2377"]});
    assert_eq!(lab.post("/swarm/join", &body).await.status, 200);
    let none = lab.post("/swarm/join", &json!({"ListenAddr": "0.0.0.0:2377"})).await;
    assert_eq!((none.status, none.message()), (400, "at least 1 RemoteAddr is required to join"));
    let leave = lab.post("/swarm/leave", &Value::Null).await;
    assert_eq!((leave.status, leave.message()), (503, "This node is not part of a swarm"));
    let calls = lab.node.calls.lock().expect("no panic").clone();
    assert_eq!(calls, ["init 0.0.0.0:2377", "join 10.9.0.1:2377"]);
}

#[tokio::test]
async fn members_do_not_join_again_and_managers_do_not_just_leave() {
    let lab = Lab::manager();
    let body = json!({"ListenAddr": "0.0.0.0:2377", "RemoteAddrs": ["10.9.0.1:2377"]});
    for path in ["/swarm/init", "/swarm/join"] {
        let reply = lab.post(path, &body).await;
        assert_eq!(reply.status, if path == "/swarm/init" { 400 } else { 503 });
    }
    let init = lab.post("/swarm/init", &json!({"ListenAddr": "0.0.0.0:2377"})).await;
    assert_eq!(init.status, 503);
    assert!(init.message().starts_with("This node is already part of a swarm."));
    let leave = lab.post("/swarm/leave", &Value::Null).await;
    assert_eq!(leave.status, 503);
    assert!(leave.message().contains("Removing the last manager erases all current state"));
    assert!(lab.node.calls.lock().expect("no panic").is_empty());
    assert_eq!(lab.post("/swarm/leave?force=1", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn the_cluster_shows_its_tokens_but_never_its_key() {
    let lab = Lab::manager();
    let swarm = lab.get("/swarm").await.body;
    assert_eq!(swarm["JoinTokens"]["Worker"], "SWMTKN-1-digest-worker");
    assert_eq!(swarm["DefaultAddrPool"], json!(["10.0.0.0/8"]));
    assert_eq!(swarm["Spec"]["Name"], "default");
    let info = lab.get("/info").await;
    assert_eq!(info.status, 200, "also without an engine");
    assert_eq!(info.body["Swarm"]["Nodes"], 2);
    assert_eq!(info.body["Swarm"]["Managers"], 1);
    assert_eq!(info.body["Swarm"]["Cluster"]["ID"], swarm["ID"]);
    assert_eq!(info.body["Swarm"]["Cluster"]["JoinTokens"], Value::Null);
    assert!(!format!("{swarm}{}", info.body).contains("secret key"));
}

#[tokio::test]
async fn settings_and_tokens_change_together_with_their_version() {
    let lab = Lab::manager();
    let swarm = lab.get("/swarm").await.body;
    let version = &swarm["Version"]["Index"];
    let mut spec = swarm["Spec"].clone();
    spec["Orchestration"]["TaskHistoryRetentionLimit"] = json!(2);
    let path = format!("/swarm/update?version={version}&rotateWorkerToken=true");
    assert_eq!(lab.post(&path, &spec).await.status, 200);

    let changed = lab.get("/swarm").await.body;
    assert_eq!(changed["Spec"], spec);
    assert_ne!(changed["JoinTokens"]["Worker"], swarm["JoinTokens"]["Worker"]);
    assert_eq!(changed["JoinTokens"]["Manager"], swarm["JoinTokens"]["Manager"]);

    let before = lab.contents();
    for (path, status, message) in [
        (path.as_str(), 500, "rpc error: code = Unknown desc = update out of sequence"),
        ("/swarm/update", 400, "invalid swarm version '': cannot parse integer from empty string"),
        (
            "/swarm/update?version=1&rotateWorkerToken=maybe",
            400,
            "invalid value for rotateWorkerToken: maybe",
        ),
        (
            "/swarm/update?version=1&rotateManagerUnlockKey=yes",
            400,
            "invalid value for rotateManagerUnlockKey: yes",
        ),
    ] {
        let reply = lab.post(path, &spec).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn every_setting_of_raft_is_kept_and_zero_is_its_default() {
    let lab = Lab::manager();
    let default = lab.get("/swarm").await.body["Spec"]["Raft"].clone();
    let asked = json!({"SnapshotInterval": 5000, "KeepOldSnapshots": 2, "LogEntriesForSlowFollowers": 1200,
        "ElectionTick": 20, "HeartbeatTick": 2});
    update_swarm(&lab, "", |spec| spec["Raft"] = asked.clone()).await;
    assert_eq!(lab.get("/swarm").await.body["Spec"]["Raft"], asked);
    update_swarm(&lab, "", |spec| spec["Raft"] = json!({"LogEntriesForSlowFollowers": 7})).await;
    let kept = lab.get("/swarm").await.body["Spec"]["Raft"].clone();
    assert_eq!(kept["LogEntriesForSlowFollowers"], 7);
    for other in ["SnapshotInterval", "KeepOldSnapshots", "ElectionTick", "HeartbeatTick"] {
        assert_eq!(kept[other], default[other], "{other}");
    }
}

#[tokio::test]
async fn the_default_strategy_stays_until_it_is_taken_back() {
    let lab = Lab::manager();
    let shown = async || lab.get("/swarm").await.body["Spec"]["Orchestration"].clone();
    assert_eq!(shown().await, json!({"TaskHistoryRetentionLimit": 5}));
    let set = |value: &'static str| {
        move |spec: &mut Value| spec["Orchestration"]["PlacementStrategy"] = json!(value)
    };
    update_swarm(&lab, "", set("binpack")).await;
    let both = json!({"TaskHistoryRetentionLimit": 5, "PlacementStrategy": "binpack"});
    assert_eq!(shown().await, both);
    // As a client does that was made for Docker's API.
    update_swarm(&lab, "", |spec| spec["Orchestration"] = json!({})).await;
    assert_eq!(shown().await, both);
    let swarm = lab.get("/swarm").await.body;
    let mut spec = swarm["Spec"].clone();
    set("best")(&mut spec);
    let reply =
        lab.post(&format!("/swarm/update?version={}", swarm["Version"]["Index"]), &spec).await;
    let message =
        "unknown placement strategy \"best\": spread, binpack, random and usage are known";
    assert_eq!((reply.status, reply.message()), (400, message));
    update_swarm(&lab, "", set("")).await;
    assert_eq!(shown().await, json!({"TaskHistoryRetentionLimit": 5}));
}

/// Updates the cluster with what `change` makes of its settings.
async fn update_swarm(lab: &Lab, query: &str, change: impl FnOnce(&mut Value)) {
    let swarm = lab.get("/swarm").await.body;
    let mut spec = swarm["Spec"].clone();
    change(&mut spec);
    let path = format!("/swarm/update?version={}{query}", swarm["Version"]["Index"]);
    let reply = lab.post(&path, &spec).await;
    assert_eq!(reply.status, 200, "{}", reply.message());
}

#[tokio::test]
async fn the_unlock_key_comes_and_goes_with_autolock() {
    let lab = Lab::manager();
    let key = async || lab.get("/swarm/unlockkey").await.body["UnlockKey"].clone();
    assert_eq!(key().await, "");
    update_swarm(&lab, "&rotateManagerUnlockKey=true", |_| {}).await;
    assert_eq!(key().await, "", "there is nothing to lock");
    let lock =
        |on| move |spec: &mut Value| spec["EncryptionConfig"]["AutoLockManagers"] = json!(on);
    update_swarm(&lab, "", lock(true)).await;
    let first = key().await;
    assert!(first.as_str().is_some_and(|key| key.starts_with("SWMKEY-1-") && key.len() == 52));
    update_swarm(&lab, "", |spec| spec["Labels"] = json!({"a": "b"})).await;
    assert_eq!(key().await, first);
    update_swarm(&lab, "&rotateManagerUnlockKey=true", |_| {}).await;
    let second = key().await;
    assert_ne!(second, first);
    for path in ["/swarm", "/info"] {
        let shown = lab.get(path).await.body.to_string();
        assert!(!shown.contains("SWMKEY"), "{path} shows the key");
    }
    update_swarm(&lab, "", lock(false)).await;
    assert_eq!(key().await, "");
}

#[tokio::test]
async fn only_a_locked_manager_is_unlocked() {
    let body = json!({"UnlockKey": "SWMKEY-1-x"});
    let unlocked = Lab::manager().post("/swarm/unlock", &body).await;
    assert_eq!((unlocked.status, unlocked.message()), (409, "swarm is not locked"));
    let outside = Lab::not_manager(LocalNodeState::Inactive, Path::new(NO_ENGINE));
    let reply = outside.post("/swarm/unlock", &body).await;
    assert_eq!(reply.status, 503);
    assert!(reply.message().starts_with("This node is not a swarm manager."));
    let locked = Lab::not_manager(LocalNodeState::Locked, Path::new(NO_ENGINE));
    assert_eq!(locked.post("/swarm/unlock", &body).await.status, 200);
    assert_eq!(*locked.node.calls.lock().expect("no panic"), ["unlock SWMKEY-1-x"]);
    assert_eq!(locked.get("/_ping").await.header("Swarm"), "locked");
    assert_eq!(locked.get("/info").await.body["Swarm"]["LocalNodeState"], "locked");
    let leave = locked.post("/swarm/leave", &Value::Null).await;
    assert_eq!(leave.status, 503);
    assert!(leave.message().starts_with("Swarm is encrypted and locked."), "{}", leave.message());
    assert_eq!(locked.post("/swarm/leave?force=1", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn an_update_replaces_all_settings_and_zero_stands_for_the_default() {
    let lab = Lab::manager();
    update_swarm(&lab, "", |spec| {
        spec["Raft"]["SnapshotInterval"] = json!(7);
        spec["Dispatcher"]["HeartbeatPeriod"] = json!(1_000_000_000);
    })
    .await;
    let spec = lab.get("/swarm").await.body["Spec"].clone();
    assert_eq!(spec["Raft"]["SnapshotInterval"], 7);
    update_swarm(&lab, "", |spec| *spec = json!({"Labels": {"kept": "no"}})).await;
    let spec = lab.get("/swarm").await.body["Spec"].clone();
    assert_eq!(spec["Raft"]["SnapshotInterval"], 10_000);
    assert_eq!(spec["Dispatcher"]["HeartbeatPeriod"], 5_000_000_000_u64);
    assert_eq!(spec["Labels"], json!({"kept": "no"}));
}

#[tokio::test]
async fn only_a_manager_makes_a_new_cluster_of_what_it_has() {
    let body = json!({"ListenAddr": "0.0.0.0:2377", "ForceNewCluster": true});
    let lab = Lab::manager();
    assert_eq!(lab.post("/swarm/init", &body).await.status, 200);
    let worker = Lab::not_manager(LocalNodeState::Active, Path::new(NO_ENGINE));
    let reply = worker.post("/swarm/init", &body).await;
    assert_eq!((reply.status, reply.message()), (503, "Node is not a manager"));
    let locked = Lab::not_manager(LocalNodeState::Locked, Path::new(NO_ENGINE));
    let reply = locked.post("/swarm/init", &body).await;
    assert_eq!(reply.status, 503);
    assert!(reply.message().starts_with("Swarm is encrypted"), "{}", reply.message());
}

#[tokio::test]
async fn nodes_are_listed_and_found_by_id_name_and_prefix() {
    let lab = Lab::manager();
    let nodes = lab.get("/nodes").await.body;
    assert_eq!(nodes.as_array().map(Vec::len), Some(2));
    let boss = lab.get("/nodes/boss").await.body;
    let status = json!({"Leader": true, "Reachability": "reachable", "Addr": "10.9.0.1:2377"});
    assert_eq!(boss["ManagerStatus"], status);
    let id = boss["ID"].as_str().expect("an id");
    for reference in [id, &id[..8]] {
        assert_eq!(lab.get(&format!("/nodes/{reference}")).await.body, boss);
    }
    let missing = lab.get("/nodes/nobody").await;
    assert_eq!((missing.status, missing.message()), (404, "node nobody not found"));
    assert_eq!(lab.get("/nodes/worker").await.body["ManagerStatus"], Value::Null);

    lab.commit(Op::PutNode(Box::new(named_node(110, 3, "worker")))).await;
    let twice = lab.get("/nodes/worker").await;
    assert_eq!(
        (twice.status, twice.message()),
        (400, "node worker is ambiguous (2 matches found)")
    );
    for (filters, count) in [
        (r#"{"role":["manager"]}"#, 1),
        (r#"{"role":{"worker":true}}"#, 2),
        (r#"{"name":["bo"]}"#, 1),
        (r#"{"name":["bo","wo"]}"#, 3),
        (r#"{"node.label":["a"]}"#, 0),
        (r#"{"membership":["accepted"]}"#, 3),
    ] {
        let path = format!("/nodes?filters={}", crate::engine::segment(filters));
        assert_eq!(lab.get(&path).await.body.as_array().map(Vec::len), Some(count), "{filters}");
    }
    let bad = lab.get("/nodes?filters=%7B%22role%22%3A%5B%22x%22%5D%7D").await;
    assert_eq!((bad.status, bad.message()), (500, "Invalid role filter: 'x'"));
}

#[tokio::test]
async fn nodes_change_with_their_version() {
    let lab = Lab::manager();
    let worker = lab.get("/nodes/worker").await.body;
    let path = format!("/nodes/worker/update?version={}", worker["Version"]["Index"]);
    let spec = json!({"Availability": "drain", "Role": "worker", "Labels": {"disk": "ssd"}});
    assert_eq!(lab.post(&path, &spec).await.status, 200);
    let changed = lab.get("/nodes/worker").await.body;
    assert_eq!(changed["Spec"], spec);

    let boss = lab.get("/nodes/boss").await.body;
    let boss_path = format!("/nodes/boss/update?version={}", boss["Version"]["Index"]);
    let before = lab.contents();
    for (path, spec, status, message) in [
        (&path, spec, 500, "rpc error: code = Unknown desc = update out of sequence"),
        (&path, json!({"Role": "boss"}), 400, "invalid Role: \"boss\""),
        (&path, json!({"Availability": "away"}), 400, "invalid Availability: \"away\""),
        (
            &boss_path,
            json!({"Role": "worker"}),
            400,
            "attempting to demote the last manager of the swarm",
        ),
    ] {
        let reply = lab.post(path, &spec).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }
    let reply = lab.post("/nodes/worker/update?version=x", &json!({})).await;
    assert_eq!(reply.status, 400);
    assert!(reply.message().starts_with("invalid node version 'x': "));
    assert_eq!(lab.contents(), before);
}

/// Asks for another role of a node, with the version it has now.
async fn set_role(lab: &Lab, node: &str, role: &str) -> Reply {
    let version = lab.get(&format!("/nodes/{node}")).await.body["Version"]["Index"].clone();
    let spec = json!({"Availability": "active", "Role": role});
    lab.post(&format!("/nodes/{node}/update?version={version}"), &spec).await
}

#[tokio::test]
async fn a_promotion_can_be_taken_back_at_once() {
    let lab = Lab::manager();
    for role in ["manager", "worker"] {
        let reply = set_role(&lab, "worker", role).await;
        assert_eq!((reply.status, reply.message()), (200, ""));
        assert_eq!(lab.get("/nodes/worker").await.body["Spec"]["Role"], role);
    }
}

#[tokio::test]
async fn who_is_still_being_demoted_is_not_promoted() {
    let lab = Lab::manager();
    let mut leaving = named_node(110, 3, "leaving");
    leaving.role = NodeRole::Manager;
    let id = leaving.id.clone();
    lab.commit(Op::PutNode(Box::new(leaving))).await;
    let reply = set_role(&lab, "leaving", "manager").await;
    let says = format!("node {id} is still being demoted: promote it once it is a worker");
    assert_eq!((reply.status, reply.message()), (503, &*says));
}

#[tokio::test]
async fn a_witness_stays_drained_and_is_not_left_alone() {
    let lab = Lab::manager();
    let mut witness = named_node(110, 3, "witness");
    (witness.witness, witness.role, witness.spec.role) =
        (true, NodeRole::Manager, NodeRole::Manager);
    witness.spec.availability = Availability::Drain;
    let addr = "10.9.0.3:2377".parse().expect("an address");
    witness.manager = Some(ManagerRecord { raft_id: 3, addr });
    let id = witness.id.clone();
    lab.commit(Op::PutNode(Box::new(witness))).await;
    assert_eq!(lab.get("/nodes/witness").await.body["ManagerStatus"]["Witness"], true);
    let reply = set_role(&lab, "witness", "manager").await;
    let says =
        format!("node {id} is a witness: it runs no tasks, so that its availability is drain");
    assert_eq!((reply.status, reply.message()), (400, &*says));
    let reply = set_role(&lab, "boss", "worker").await;
    let says = "attempting to demote the last manager of the swarm";
    assert_eq!((reply.status, reply.message()), (400, says));
}

#[tokio::test]
async fn a_removed_node_leaves_orphans_and_cannot_come_back() {
    let lab = Lab::manager();
    assert_eq!(lab.post("/services/create", &web()).await.status, 201);
    let state = lab.store.state();
    let service = state.service_by_name("web").expect("is there").clone();
    let id = hostname_id(&state, "worker");
    let task = swarmlite_proto::object::Task {
        node_id: Some(id.clone()),
        ..fixture::task(120, &service, 1)
    };
    lab.commit(Op::PutTask(Box::new(task.clone()))).await;

    let before = lab.contents();
    let refused = lab.delete("/nodes/worker").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.message(), format!("node {id} is not down and can't be removed"));
    let manager = lab.delete("/nodes/boss?force=1").await;
    assert_eq!(manager.status, 400);
    assert!(manager.message().ends_with("It must be demoted to worker before removal"));
    assert_eq!(lab.contents(), before);

    assert_eq!(lab.delete("/nodes/worker?force=1").await.status, 200);
    let state = lab.store.state();
    assert!(!state.nodes().contains_key(&id));
    assert_eq!(state.cluster().expect("a cluster").removed_nodes, [id]);
    let orphan = &state.tasks()[&task.id].status;
    assert_eq!(orphan.state, swarmlite_proto::task_state::TaskState::Orphaned);
    assert_eq!(orphan.message, "Task belonged to a node that has been deleted");
}
