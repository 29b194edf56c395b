//! What a container gets beyond Docker Swarm: it is there to stay, and its labels are part of the tasks.

use swarmlite_manager::placement::is_dirty;

use super::*;

async fn update(lab: &Lab, change: impl FnOnce(&mut Value)) -> Reply {
    let shown = lab.get("/services/web").await.body;
    let path = format!("/services/web/update?version={}", shown["Version"]["Index"]);
    let mut spec = shown["Spec"].clone();
    change(&mut spec);
    lab.post(&path, &spec).await
}

fn container(lab: &Lab) -> Value {
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    json!(service.spec)["TaskTemplate"]["ContainerSpec"].clone()
}

#[tokio::test]
async fn an_update_that_does_not_name_them_leaves_them() {
    let lab = Lab::manager();
    let mut body = web();
    let asked = [
        ("Privileged", json!(true)),
        ("ShmSize", json!(1 << 20)),
        ("SecurityOpt", json!(["label=disable"])),
        ("Readiness", json!({"Test": ["TCP", "80"]})),
    ];
    for (name, value) in &asked {
        body["TaskTemplate"]["ContainerSpec"][name] = value.clone();
    }
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let before = container(&lab);
    // As a client does that was made for Docker's API.
    let forget = |spec: &mut Value| {
        let container = spec["TaskTemplate"]["ContainerSpec"].as_object_mut().expect("an object");
        container.retain(|name, _| asked.iter().all(|(other, _)| name != other));
    };
    assert_eq!(update(&lab, forget).await.status, 200);
    assert_eq!(container(&lab), before);
    let take_back = |spec: &mut Value| {
        let container = &mut spec["TaskTemplate"]["ContainerSpec"];
        container["Privileged"] = json!(false);
        container["SecurityOpt"] = json!([]);
        container["Readiness"] = json!({"Test": ["NONE"]});
    };
    assert_eq!(update(&lab, take_back).await.status, 200);
    let after = container(&lab);
    assert_eq!(after["ShmSize"], 1 << 20);
    for gone in ["Privileged", "SecurityOpt", "Readiness"] {
        assert_eq!(after.get(gone), None);
    }
}

#[tokio::test]
async fn a_strategy_stays_until_it_is_taken_back() {
    let lab = Lab::manager();
    let mut body = web();
    body["TaskTemplate"]["Placement"] = json!({"Strategy": "best"});
    let reply = lab.post("/services/create", &body).await;
    let message =
        "unknown placement strategy \"best\": spread, binpack, random and usage are known";
    assert_eq!((reply.status, reply.message()), (400, message));
    body["TaskTemplate"]["Placement"] = json!({"Strategy": "binpack", "MaxReplicas": 2});
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let strategy = || {
        let service = lab.store.state().service_by_name("web").expect("is there").clone();
        service.spec.task_template.placement.clone().and_then(|it| it.strategy)
    };
    for placement in [json!({"MaxReplicas": 3}), Value::Null] {
        let reply = update(&lab, |spec| spec["TaskTemplate"]["Placement"] = placement).await;
        assert_eq!((reply.status, strategy().as_deref()), (200, Some("binpack")));
    }
    let set = |value: &'static str| {
        move |spec: &mut Value| spec["TaskTemplate"]["Placement"]["Strategy"] = json!(value)
    };
    assert_eq!(update(&lab, set("best")).await.message(), message);
    assert_eq!(update(&lab, set("")).await.status, 200);
    assert_eq!(strategy(), None);
}

#[tokio::test]
async fn a_faulty_expression_is_refused_with_its_place() {
    let lab = Lab::manager();
    for (placement, message) in [
        (
            json!({"Filter": "node.cpus > 2 &&"}),
            "placement filter, line 1, column 17: mismatched input '<EOF>'",
        ),
        (
            json!({"Filter": "node.role == 'worker' &&\n  node.zone == 'a'"}),
            "placement filter, line 2, column 3: unknown name \"node.zone\"",
        ),
        (
            json!({"Filter": "node.cpus"}),
            "placement filter, line 1, column 5: it has to come to true or false, and comes to a double",
        ),
        (
            json!({"Score": "node.cpus > 2"}),
            "placement score, line 1, column 11: it has to come to a number, and comes to a bool",
        ),
        (
            json!({"Score": "node.cpus", "Strategy": "binpack"}),
            "a placement score and placement strategy \"binpack\" cannot both choose the node",
        ),
    ] {
        let mut body = web();
        body["TaskTemplate"]["Placement"] = placement;
        let reply = lab.post("/services/create", &body).await;
        assert_eq!((reply.status, reply.message()), (400, message));
    }
    let mut body = web();
    body["Mode"] = json!({"Global": {}});
    body["TaskTemplate"]["Placement"] = json!({"Score": "node.cpus"});
    let reply = lab.post("/services/create", &body).await;
    let message = "a placement score is not for global services, which have a task on each node";
    assert_eq!((reply.status, reply.message()), (400, message));
    body["Mode"] = Value::Null;
    body["Labels"] = json!({"swarmlite.placement.filter": "node.zone"});
    let message = "placement filter, line 1, column 1: unknown name \"node.zone\"";
    assert_eq!(lab.post("/services/create", &body).await.message(), message);
}

#[tokio::test]
async fn expressions_stay_until_they_are_taken_back() {
    let lab = Lab::manager();
    let mut body = web();
    let asked = json!({"Strategy": "spread", "Filter": "node.cpus > 2", "Score": "-node.tasks"});
    body["TaskTemplate"]["Placement"] = asked.clone();
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let placement = || {
        let service = lab.store.state().service_by_name("web").expect("is there").clone();
        json!(service.spec.task_template.placement)
    };
    let reply = update(&lab, |spec| spec["TaskTemplate"]["Placement"] = Value::Null).await;
    assert_eq!((reply.status, placement()), (200, asked.clone()));
    let set = |name: &'static str, value: &'static str| {
        move |spec: &mut Value| spec["TaskTemplate"]["Placement"][name] = json!(value)
    };
    let faulty = update(&lab, set("Filter", "node.cpus >")).await;
    assert_eq!((faulty.status, placement()), (400, asked));
    assert_eq!(update(&lab, set("Filter", "")).await.status, 200);
    assert_eq!(update(&lab, set("Score", "")).await.status, 200);
    assert_eq!(placement(), json!({"Strategy": "spread"}));
}

#[tokio::test]
async fn rules_about_other_services_stay_until_they_are_taken_back() {
    let lab = Lab::manager();
    let mut body = web();
    body["TaskTemplate"]["Placement"] = json!({"Affinity": ["db"]});
    let reply = lab.post("/services/create", &body).await;
    let message = "invalid affinity \"db\": it is [soft:]service==NAME or [soft:]service.labels.KEY==VALUE, and may end with over node.labels.KEY, over node.hostname or over node.id";
    assert_eq!((reply.status, reply.message()), (400, message));
    let both = json!({"Affinity": ["service==db"], "AntiAffinity": ["soft:service==cache"]});
    body["TaskTemplate"]["Placement"] = both.clone();
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let shown =
        async || lab.get("/services/web").await.body["Spec"]["TaskTemplate"]["Placement"].clone();
    assert_eq!(shown().await, both);
    // As a client does that was made for Docker's API.
    assert_eq!(
        update(&lab, |spec| spec["TaskTemplate"]["Placement"] = Value::Null).await.status,
        200
    );
    assert_eq!(shown().await, both);
    let set = |name: &'static str, value: Value| {
        move |spec: &mut Value| spec["TaskTemplate"]["Placement"][name] = value
    };
    let refused = update(&lab, set("AntiAffinity", json!(["db"]))).await;
    assert_eq!((refused.status, refused.message(), shown().await), (400, message, both));
    assert_eq!(update(&lab, set("Affinity", json!([]))).await.status, 200);
    assert_eq!(shown().await, json!({"AntiAffinity": ["soft:service==cache"]}));
}

#[tokio::test]
async fn what_a_label_asks_for_makes_new_tasks() {
    let lab = Lab::manager();
    assert_eq!(lab.post("/services/create", &web()).await.status, 201);
    let first = lab.store.state().service_by_name("web").expect("is there").clone();
    let task = fixture::task(140, &first, 1);
    lab.commit(Op::PutTask(Box::new(task.clone()))).await;
    let dirty = || {
        let state = lab.store.state();
        let service = state.service_by_name("web").expect("is there").clone();
        let asked = state.revision(&service.id, service.spec_version).expect("is kept");
        let pid = asked.task.container_spec.as_ref().and_then(|it| it.pid_mode.clone());
        (pid, is_dirty(&state, &service, &task))
    };
    update(&lab, |spec| spec["Labels"]["unrelated"] = json!("x")).await;
    assert_eq!(dirty(), (None, false));
    let label = "swarmlite.container.pid";
    update(&lab, |spec| spec["Labels"][label] = json!("host")).await;
    assert_eq!(dirty(), (Some("host".to_owned()), true));
    assert_eq!(container(&lab).get("PidMode"), None, "it stays a label");
    update(&lab, |spec| drop(spec["Labels"].as_object_mut().map(|all| all.remove(label)))).await;
    assert_eq!(dirty(), (None, false));
}
