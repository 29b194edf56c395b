//! Why tasks are where they are, and where they would go.

use swarmlite_proto::task_state::TaskState;

use super::*;

fn picky(name: &str) -> Value {
    let mut body = web();
    body["Name"] = json!(name);
    body["TaskTemplate"]["Placement"] = json!({"Constraints": ["node.labels.zone==b"]});
    body
}

#[tokio::test]
async fn what_waits_is_explained_for_the_service_and_for_the_task() {
    let lab = Lab::manager();
    lab.post("/services/create", &picky("web")).await;
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let mut task = fixture::task(120, &service, 1);
    task.status.state = TaskState::Pending;
    lab.commit(Op::PutTask(Box::new(task.clone()))).await;
    let error = "no suitable node (scheduling constraints not satisfied on 2 nodes)";
    for (path, id) in [
        ("/swarmlite/v1/services/WEB/explain".to_owned(), Value::Null),
        (format!("/v1.41/swarmlite/v1/tasks/{}/explain", &task.id.as_str()[..8]), json!(task.id)),
    ] {
        let Reply { status, body, .. } = lab.get(&path).await;
        assert_eq!((status, &body["Error"], &body["TaskID"]), (200, &json!(error), &id));
        assert_eq!((&body["ServiceName"], &body["Waiting"]), (&json!("web"), &json!(1)));
        let nodes = body["Nodes"].as_array().expect("a list");
        assert_eq!(nodes.len(), 2);
        for node in nodes {
            let obstacle = &node["Obstacles"][0];
            assert_eq!(obstacle["Check"], "constraint");
            assert_eq!(obstacle["Text"], "constraint node.labels.zone==b is not met");
            assert!(body["Checks"].as_array().expect("a list").contains(&obstacle["Check"]));
        }
        assert_eq!(body["Advice"][0]["Changes"], json!(["drop constraint node.labels.zone==b"]));
        assert_eq!(body["Advice"][0]["NodeIDs"].as_array().expect("a list").len(), 2);
    }
    for (path, message) in [
        ("/swarmlite/v1/services/nobody/explain", "service nobody not found"),
        ("/swarmlite/v1/tasks/nobody/explain", "task nobody not found"),
    ] {
        let reply = lab.get(path).await;
        assert_eq!((reply.status, reply.message()), (404, message));
    }
}

#[tokio::test]
async fn a_plan_says_where_tasks_would_go_and_changes_nothing() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    let before = lab.contents();
    let path = "/swarmlite/v1/services/plan";
    let mut more = web();
    more["Mode"] = json!({"Replicated": {"Replicas": 3}});
    let services = json!({"Services": [{"Spec": picky("db")}, {"ID": "web", "Spec": more}]});
    let reply = lab.post(path, &services).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let [db, web] = &reply.body["Services"].as_array().expect("a list")[..] else {
        panic!("{}", reply.body)
    };
    assert_eq!((&db["Name"], &db["New"]), (&json!("db"), &json!(true)));
    assert_eq!(db["Tasks"][0].get("NodeID"), None);
    let error = "no suitable node (scheduling constraints not satisfied on 2 nodes)";
    assert_eq!(
        (&db["Tasks"][0]["Error"], &db["Explanation"]["Error"]),
        (&json!(error), &json!(error))
    );
    assert_eq!((&web["Name"], &web["New"]), (&json!("web"), &json!(false)));
    let placed = web["Tasks"].as_array().expect("a list");
    let mut hosts: Vec<&str> = placed.iter().filter_map(|task| task["Hostname"].as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!((placed.len(), hosts), (3, vec!["boss", "worker"]));
    for (services, status, message) in [
        (
            json!([{"Spec": super::web()}]),
            409,
            "name conflicts with an existing object: service web already exists",
        ),
        (json!([{"ID": "nobody", "Spec": super::web()}]), 404, "service nobody not found"),
        (json!([{"ID": "web", "Spec": picky("other")}]), 501, "renaming services is not supported"),
        // The second of two of a name.
        (
            json!([{"Spec": picky("db")}, {"Spec": picky("db")}]),
            409,
            "name conflicts with an existing object: service db already exists",
        ),
        (json!([{"Nonsense": 1}]), 400, "unsupported field: Services[0].Nonsense"),
    ] {
        let reply = lab.post(path, &json!({"Services": services})).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn a_simulation_says_what_would_move_and_changes_nothing() {
    let lab = Lab::manager();
    lab.post("/services/create", &web()).await;
    lab.post("/services/create", &picky("db")).await;
    let before = lab.contents();
    let path = "/swarmlite/v1/simulate";
    let new = json!({"Count": 2, "NanoCPUs": 4_000_000_000_i64, "MemoryBytes": 1 << 30, "Labels": {"zone": "b"}});
    let reply = lab.post(path, &json!({"Lose": ["worker"], "Add": [new]})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let nodes = reply.body["Nodes"].as_array().expect("a list");
    let named = |name: &str| nodes.iter().find(|node| node["Hostname"] == name).expect("is there");
    assert_eq!((&named("worker")["Lost"], &named("new2")["New"]), (&json!(true), &json!(true)));
    let moves = reply.body["Moves"].as_array().expect("a list");
    let db = moves.iter().find(|it| it["ServiceName"] == "db").expect("it gets a node");
    let to = db["To"]["Hostname"].as_str().expect("a node");
    assert!(to.starts_with("new"), "{to}");
    assert_eq!((&reply.body["Waiting"], &reply.body["Quorum"]), (&json!([]), &json!(true)));
    for (request, status, message) in [
        (json!({"Lose": ["nobody"]}), 404, "node nobody not found"),
        (
            json!({"Add": [{"Count": 1001, "NanoCPUs": 1, "MemoryBytes": 1}]}),
            400,
            "at most 1000 nodes can be added, not 1001",
        ),
        (
            json!({"Add": [{"Count": 1}]}),
            400,
            "a node to add needs a Count, NanoCPUs and MemoryBytes that are greater than 0",
        ),
        (json!({"Loose": ["worker"]}), 400, "unsupported field: Loose"),
    ] {
        let reply = lab.post(path, &request).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn tasks_move_to_better_nodes_or_it_is_only_said_which_would() {
    let lab = Lab::manager();
    let mut body = web();
    body["Mode"] = json!({"Replicated": {"Replicas": 2}});
    lab.post("/services/create", &body).await;
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let boss = lab.get("/nodes/boss").await.body["ID"].as_str().map(str::parse);
    let boss: NodeId = boss.expect("an id").expect("of a node");
    for slot in 1..=2 {
        let mut task = fixture::task(120 + slot, &service, slot);
        task.node_id = Some(boss.clone());
        (task.status.state, task.desired_state) = (TaskState::Running, TaskState::Running);
        lab.commit(Op::PutTask(Box::new(task))).await;
    }
    let path = "/swarmlite/v1/rebalance";
    let before = lab.contents();
    let planned = lab.post(path, &json!({"Plan": true})).await;
    let [it] = &planned.body["Moves"].as_array().expect("a list")[..] else {
        panic!("{}", planned.body)
    };
    assert_eq!((&it["ServiceName"], &it["Slot"]), (&json!("web"), &json!(2)));
    assert_eq!((&it["From"], &it["To"]), (&json!("boss"), &json!("worker")));
    for (request, status, message) in [
        (json!({"Services": ["nobody"]}), 404, "service nobody not found"),
        (json!({"MaxMoves": 201}), 400, "at most 200 tasks can move at a time: MaxMoves is 201"),
    ] {
        let reply = lab.post(path, &request).await;
        assert_eq!((reply.status, reply.message()), (status, message));
    }
    assert_eq!(lab.contents(), before);
    let moved = lab.post(path, &json!({"Services": ["web"]})).await;
    assert_eq!(moved.body, planned.body);
    let task = it["TaskID"].as_str().expect("an id");
    assert_eq!(lab.get(&format!("/tasks/{task}")).await.body["Migrate"], json!(true));
}
