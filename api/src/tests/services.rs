//! Services and their tasks.

use swarmlite_manager::state::NodeReport;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use super::*;
use crate::engine::segment;

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn publishing(name: &str, mode: &str) -> Value {
    let port = json!({"TargetPort": 80, "PublishedPort": 8000, "PublishMode": mode});
    with(with(web(), "Name", json!(name)), "EndpointSpec", json!({"Ports": [port]}))
}

fn on_networks(targets: &[&str]) -> Value {
    let mut body = web();
    body["TaskTemplate"]["Networks"] = targets.iter().map(|one| json!({"Target": one})).collect();
    body
}

#[tokio::test]
async fn a_service_is_made_found_and_removed() {
    let lab = Lab::manager();
    let created = lab.post("/v1.41/services/create", &publishing("web", "ingress")).await;
    assert_eq!((created.status, &created.body["Warnings"]), (201, &Value::Null));
    let id = created.body["ID"].as_str().expect("an id");
    let service = lab.get("/services/WEB").await.body;
    assert_eq!(service["ID"], id);
    assert_eq!(service["Spec"]["Mode"], json!({"Replicated": {"Replicas": 1}}));
    assert_eq!(service["Spec"]["Labels"], json!({}));
    assert_eq!(service["Endpoint"]["Spec"]["Ports"][0]["Protocol"], "tcp");
    for reference in [id, &id[..6]] {
        assert_eq!(lab.get(&format!("/services/{reference}")).await.body, service);
    }
    let filled = lab.get("/services/web?insertDefaults=true").await.body;
    assert_eq!(filled["Spec"]["UpdateConfig"]["Monitor"], 5_000_000_000_u64);
    assert_eq!(filled["Spec"]["TaskTemplate"]["RestartPolicy"]["Delay"], 5_000_000_000_u64);
    let removed = lab.delete("/services/web").await;
    assert_eq!((removed.status, removed.body), (200, json!("")));
    let missing = lab.get("/services/web").await;
    assert_eq!((missing.status, missing.message()), (404, "service web not found"));
    assert_eq!(lab.get("/services").await.body, json!([]));
}

#[tokio::test]
async fn a_service_without_a_name_gets_one() {
    let lab = Lab::manager();
    let body = with(web(), "Name", Value::Null);
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let names: Vec<_> =
        lab.store.state().services().values().map(|s| s.spec.name.clone()).collect();
    assert!(names.iter().all(|name| name.contains('_')), "{names:?}");
}

#[tokio::test]
async fn refused_services_change_nothing() {
    let lab = Lab::manager();
    let first = publishing("first", "ingress");
    let id =
        lab.post("/services/create", &first).await.body["ID"].as_str().expect("an id").to_owned();
    let before = lab.contents();
    let taken =
        format!("port '8000' is already in use by service 'first' ({id}) as an ingress port");
    let cases = [
        (
            with(web(), "Name", json!("FIRST")),
            409,
            "name conflicts with an existing object: service FIRST already exists",
        ),
        (publishing("web", "ingress"), 400, taken.as_str()),
        (publishing("web", "host"), 400, &taken),
        (on_networks(&["nowhere"]), 500, "network nowhere not found"),
        (
            on_networks(&["ingress"]),
            400,
            "Service cannot be explicitly attached to the ingress network \"ingress\"",
        ),
        (
            with(web(), "Mode", json!({"Global": {}, "Replicated": {}})),
            400,
            "Mode: must specify only one service mode",
        ),
        (
            with(with(web(), "Mode", json!({"GlobalJob": {}})), "UpdateConfig", json!({})),
            400,
            "Jobs may not have an update config",
        ),
        (with(web(), "Name", json!("a b")), 400, "name must be valid as a DNS name component"),
        (with(web(), "Colour", json!("red")), 400, "unsupported field: Colour"),
        (json!({"Name": "web"}), 400, "TaskSpec: missing container specification"),
    ];
    for (body, status, message) in cases {
        let reply = lab.post("/services/create", &body).await;
        assert_eq!((reply.status, reply.message()), (status, message), "{body}");
    }
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn bodies_are_read_as_docker_reads_them() {
    let lab = Lab::manager();
    let before = lab.contents();
    for (content_type, body, status, message) in [
        (
            "text/plain",
            "{}",
            400,
            "unsupported Content-Type header (text/plain): must be 'application/json'",
        ),
        (
            "application/json",
            "{",
            400,
            "invalid JSON: EOF while parsing an object at line 1 column 1",
        ),
        ("application/json", "{} {}", 400, "unexpected content after JSON"),
        ("application/json", "", 400, "invalid JSON: got EOF while reading request body"),
    ] {
        let request = Request::post("/services/create").header("Content-Type", content_type);
        let reply = lab.send(request.body(Body::from(body)).expect("a request")).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }
    assert_eq!(lab.contents(), before);

    let docker_py = json!({"name": "web", "tasktemplate": {"containerspec": {"image": "nginx", "secrets": null}},
        "Mode": {"replicated": {"Replicas": 2}}, "EndpointSpec": null});
    let request = Request::post("/services/create")
        .header("Content-Type", "application/json")
        .header(contract::AS_GO_READS_IT, "other case");
    let request = request.body(Body::from(docker_py.to_string())).expect("a request");
    assert_eq!(lab.send(request).await.status, 201);
    assert_eq!(lab.get("/services/web").await.body["Spec"]["Mode"]["Replicated"]["Replicas"], 2);
}

#[tokio::test]
async fn ports_on_the_nodes_of_tasks_do_not_clash() {
    let lab = Lab::manager();
    assert_eq!(lab.post("/services/create", &publishing("one", "host")).await.status, 201);
    assert_eq!(lab.post("/services/create", &publishing("two", "host")).await.status, 201);
    let reply = lab.post("/services/create", &publishing("three", "ingress")).await;
    assert_eq!(reply.status, 400);
    assert!(reply.message().ends_with("as a host-published port"), "{}", reply.message());
}

#[tokio::test]
async fn networks_are_kept_by_id_and_only_once() {
    let lab = Lab::manager();
    let back = fixture::network(130, "back", 4097, "10.0.1.0/24");
    lab.commit(Op::PutNetwork(Box::new(back.clone()))).await;
    let twice = lab.post("/services/create", &on_networks(&["back", back.id.as_str()])).await;
    assert_eq!(
        (twice.status, twice.message()),
        (400, "Service cannot be attached to the network \"back\" twice")
    );
    assert_eq!(lab.post("/services/create", &on_networks(&["back"])).await.status, 201);
    let service = lab.get("/services/web").await.body;
    assert_eq!(service["Spec"]["TaskTemplate"]["Networks"][0]["Target"], back.id.as_str());
}

#[tokio::test]
async fn what_only_docker_would_act_on_is_kept_and_shown() {
    let lab = Lab::manager();
    lab.commit(Op::PutNetwork(Box::new(fixture::network(130, "back", 4097, "10.0.1.0/24")))).await;
    let mut body = on_networks(&["back"]);
    let resources = json!({"Reservations": {"GenericResources": [{"NamedResourceSpec": {"Kind": "gpu", "Value": "test"}}]}});
    body["TaskTemplate"]["Resources"] = resources.clone();
    body["TaskTemplate"]["Networks"][0]["DriverOpts"] = json!({"some": "option"});
    let reply = lab.post("/services/create", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.message());
    let kept = lab.get("/services/web").await.body["Spec"]["TaskTemplate"].clone();
    assert_eq!(kept["Resources"], resources);
    assert_eq!(kept["Networks"][0]["DriverOpts"], json!({"some": "option"}));
}

#[tokio::test]
async fn networks_may_be_where_they_once_were() {
    let lab = Lab::manager();
    let back = fixture::network(130, "back", 4097, "10.0.1.0/24");
    let front = fixture::network(131, "front", 4098, "10.0.2.0/24");
    for network in [&back, &front] {
        lab.commit(Op::PutNetwork(Box::new(network.clone()))).await;
    }
    let body = with(web(), "Networks", json!([{"Target": "back"}]));
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let on = |network: &swarmlite_proto::object::Network| json!([{"Target": network.id.as_str()}]);
    let service = lab.get("/services/web").await.body;
    assert_eq!(service["Spec"]["Networks"], on(&back));
    assert_eq!(service["Spec"]["TaskTemplate"]["Networks"], on(&back));
    // Where they are now wins.
    let mut spec = service["Spec"].clone();
    spec["TaskTemplate"]["Networks"] = on(&front);
    let path = format!("/services/web/update?version={}", service["Version"]["Index"]);
    assert_eq!(lab.post(&path, &spec).await.status, 200);
    let spec = &lab.get("/services/web").await.body["Spec"];
    assert_eq!((&spec["Networks"], &spec["TaskTemplate"]["Networks"]), (&on(&front), &on(&front)));
    let missing = with(with(body, "Networks", json!([{"Target": "x"}])), "Name", json!("other"));
    let reply = lab.post("/services/create", &missing).await;
    assert_eq!((reply.status, reply.message()), (500, "network x not found"));
}

#[tokio::test]
async fn an_update_replaces_the_spec_and_keeps_the_one_before() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let old = lab.get("/services/web").await.body;
    let path =
        format!("/services/web/update?version={}&registryAuthFrom=spec", old["Version"]["Index"]);
    let scaled = with(old["Spec"].clone(), "Mode", json!({"Replicated": {"Replicas": 5}}));
    let reply = lab.post(&path, &scaled).await;
    assert_eq!((reply.status, &reply.body), (200, &json!({"Warnings": null})));
    let new = lab.get("/services/web").await.body;
    assert_eq!(new["Spec"], scaled);
    assert_eq!(new["PreviousSpec"], old["Spec"]);

    let now = format!("/services/web/update?version={}", new["Version"]["Index"]);
    let before = lab.contents();
    let rollback = format!("{now}&rollback=sideways");
    for (path, body, status, message) in [
        (
            path.as_str(),
            scaled.clone(),
            500,
            "rpc error: code = Unknown desc = update out of sequence",
        ),
        (
            &now,
            with(scaled.clone(), "Name", json!("other")),
            501,
            "renaming services is not supported",
        ),
        (
            &now,
            with(scaled.clone(), "Mode", json!({"Global": {}})),
            501,
            "service mode change is not allowed",
        ),
        (&rollback, scaled.clone(), 500, "unrecognized rollback option sideways"),
        ("/services/other/update?version=1", scaled.clone(), 404, "service other not found"),
        (
            "/services/web/update",
            scaled,
            400,
            "invalid service version '': cannot parse integer from empty string",
        ),
    ] {
        let reply = lab.post(path, &body).await;
        assert_eq!((reply.status, reply.message()), (status, message), "{path}");
    }
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn what_managers_write_does_not_overtake_a_client() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let seen = lab.get("/services/web").await.body;
    let touch = async || {
        let service = lab.store.state().service_by_name("web").expect("is there").clone();
        let service = swarmlite_proto::object::Service::clone(&service);
        lab.commit(Op::PutService(Box::new(service))).await;
        let node = lab.store.state().nodes()[&hostname_id(&lab.store.state(), "worker")].clone();
        lab.commit(Op::PutNode(Box::new(Node::clone(&node)))).await;
    };
    let path = |object: &str, seen: &Value| {
        format!("/{object}/update?version={}", seen["Version"]["Index"])
    };
    touch().await;
    let changed = with(seen["Spec"].clone(), "Labels", json!({"a": "b"}));
    assert_eq!(lab.post(&path("services/web", &seen), &changed).await.status, 200);
    // But what another client has written does.
    let late = lab.post(&path("services/web", &seen), &seen["Spec"]).await;
    assert_eq!(
        (late.status, late.message()),
        (500, "rpc error: code = Unknown desc = update out of sequence")
    );
    let ahead = lab.post("/services/web/update?version=1000", &seen["Spec"]).await;
    assert_eq!(ahead.status, 500);

    let seen = lab.get("/nodes/worker").await.body;
    touch().await;
    let spec = json!({"Availability": "drain", "Role": "worker", "Labels": {}});
    assert_eq!(lab.post(&path("nodes/worker", &seen), &spec).await.status, 200);
    assert_eq!(lab.post(&path("nodes/worker", &seen), &seen["Spec"]).await.status, 500);
}

#[tokio::test]
async fn an_update_clears_the_end_of_the_last_one() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let updated = swarmlite_proto::object::Service {
        update_status: Some(Default::default()),
        ..swarmlite_proto::object::Service::clone(&service)
    };
    lab.commit(Op::PutService(Box::new(updated))).await;
    let old = lab.get("/services/web").await.body;
    assert_ne!(old["UpdateStatus"], Value::Null);
    let path = format!("/services/web/update?version={}", old["Version"]["Index"]);
    assert_eq!(lab.post(&path, &old["Spec"]).await.status, 200);
    assert_eq!(lab.get("/services/web").await.body["UpdateStatus"], Value::Null);
}

#[tokio::test]
async fn a_rollback_goes_back_and_a_second_one_forth() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let first = lab.get("/services/web").await.body;
    let path = |service: &Value, rollback: &str| {
        format!("/services/web/update?version={}{rollback}", service["Version"]["Index"])
    };
    let none = lab.post(&path(&first, "&rollback=previous"), &first["Spec"]).await;
    assert_eq!((none.status, none.message()), (400, "service web does not have a previous spec"));
    let scaled = with(first["Spec"].clone(), "Mode", json!({"Replicated": {"Replicas": 5}}));
    assert_eq!(lab.post(&path(&first, ""), &scaled).await.status, 200);
    let version = lab.store.state().service_by_name("web").expect("is there").spec_version;
    for (spec, previous) in [(&first["Spec"], &scaled), (&scaled, &first["Spec"])] {
        let now = lab.get("/services/web").await.body;
        let reply = lab.post(&path(&now, "&rollback=previous"), &now["Spec"]).await;
        assert_eq!(reply.status, 200, "{}", reply.message());
        let back = lab.get("/services/web").await.body;
        assert_eq!((&back["Spec"], &back["PreviousSpec"]), (spec, previous));
        assert_eq!(back["UpdateStatus"]["State"], "rollback_started");
        assert_eq!(back["UpdateStatus"]["Message"], "manually requested rollback");
    }
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    assert_eq!(service.spec_version, version, "the tasks of then are the tasks of now");
}

/// The ids of what a list answers.
async fn ids(lab: &Lab, path: &str, filters: &str) -> Vec<String> {
    let reply = lab.get(&format!("{path}?filters={}", segment(filters))).await;
    assert_eq!(reply.status, 200, "{}", reply.message());
    let objects = reply.body.as_array().expect("a list").clone();
    objects.iter().map(|object| object["ID"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn services_are_filtered_and_counted() {
    let lab = Lab::manager();
    let labelled = with(web(), "Labels", json!({"stack": "a", "tier": "1"}));
    lab.post("/services/create", &labelled).await;
    let global = with(with(web(), "Name", json!("everywhere")), "Mode", json!({"Global": {}}));
    lab.post("/services/create", &global).await;
    for (filters, count) in [
        (r#"{"label":{"stack=a":true}}"#, 1),
        (r#"{"label":["stack=a","tier=2"]}"#, 0),
        (r#"{"name":["we"]}"#, 1),
        (r#"{"mode":["global"]}"#, 1),
        (r#"{"runtime":["plugin"]}"#, 0),
        ("{}", 2),
    ] {
        assert_eq!(ids(&lab, "/services", filters).await.len(), count, "{filters}");
    }
    let bad = lab.get("/services?filters=%7B%22colour%22%3A%5B%22x%22%5D%7D").await;
    assert_eq!((bad.status, bad.message()), (400, "invalid filter 'colour'"));
    let services = lab.get("/services?status=true").await.body;
    let web = services.as_array().expect("a list").iter().find(|one| one["Spec"]["Name"] == "web");
    let status = json!({"RunningTasks": 0, "DesiredTasks": 1, "CompletedTasks": 0});
    assert_eq!(web.expect("is there")["ServiceStatus"], status);
    let strict = lab.get("/services?status=maybe").await;
    assert_eq!((strict.status, strict.message()), (400, "invalid value for status: maybe"));
}

#[tokio::test]
async fn tasks_are_filtered_and_know_whether_they_are_up_to_date() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let worker = hostname_id(&lab.store.state(), "worker");
    let running = Task { node_id: Some(worker), ..fixture::task(140, &service, 1) };
    let ended = Task { desired_state: TaskState::Shutdown, ..fixture::task(141, &service, 2) };
    lab.commit(Op::PutTask(Box::new(running.clone()))).await;
    lab.commit(Op::PutTask(Box::new(ended.clone()))).await;

    for (filters, expected) in [
        (r#"{"service":["web"]}"#, 2),
        (r#"{"service":["web"],"node":["worker"]}"#, 1),
        (r#"{"node":["worker"]}"#, 1),
        (r#"{"desired-state":["running"]}"#, 1),
        (r#"{"desired-state":["running","shutdown"]}"#, 2),
        (r#"{"name":["web.2"]}"#, 1),
        (r#"{"label":["x"]}"#, 0),
        (r#"{"_up-to-date":{"true":true}}"#, 2),
    ] {
        assert_eq!(ids(&lab, "/tasks", filters).await.len(), expected, "{filters}");
    }
    let one = lab.get(&format!("/tasks/{}", running.id)).await.body;
    assert_eq!(one["Spec"]["ContainerSpec"]["Image"], "nginx");
    assert_eq!(one["Status"]["State"], "new");
    assert_eq!(one["Slot"], 1);

    for (filters, status, message) in [
        (r#"{"service":["other"]}"#, 404, "service other not found"),
        (r#"{"node":["other"]}"#, 404, "node other not found"),
        (r#"{"desired-state":["x"]}"#, 500, "Invalid desired-state filter: 'x'"),
    ] {
        let reply = lab.get(&format!("/tasks?filters={}", segment(filters))).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }

    let shown = lab.get("/services/web").await.body;
    let path = format!("/services/web/update?version={}", shown["Version"]["Index"]);
    let up_to_date = r#"{"_up-to-date":["true"]}"#;
    let scaled = with(shown["Spec"].clone(), "Mode", json!({"Replicated": {"Replicas": 3}}));
    assert_eq!(lab.post(&path, &scaled).await.status, 200);
    assert_eq!(ids(&lab, "/tasks", up_to_date).await.len(), 2, "scaling changes no task");
    let shown = lab.get("/services/web").await.body;
    let path = format!("/services/web/update?version={}", shown["Version"]["Index"]);
    let mut forced = shown["Spec"].clone();
    forced["TaskTemplate"]["ForceUpdate"] = json!(1);
    assert_eq!(lab.post(&path, &forced).await.status, 200);
    assert_eq!(ids(&lab, "/tasks", up_to_date).await.len(), 0);
}

#[tokio::test]
async fn what_was_running_on_a_node_that_is_down_is_not_counted() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let worker = hostname_id(&lab.store.state(), "worker");
    let mut running = Task { node_id: Some(worker.clone()), ..fixture::task(140, &service, 1) };
    running.status.state = TaskState::Running;
    lab.commit(Op::PutTask(Box::new(running))).await;
    for (state, count) in [(NodeState::Ready, 1), (NodeState::Down, 0)] {
        let mut status = lab.store.state().nodes()[&worker].status.clone();
        status.state = state;
        let node_id = worker.clone();
        let report =
            NodeReport { node_id, status, description: None, data_path_addr: None, versions: None };
        lab.commit(Op::ReportNode(Box::new(report))).await;
        let services = lab.get("/services?status=true").await.body;
        assert_eq!(services[0]["ServiceStatus"]["RunningTasks"], count, "{state:?}");
    }
}
