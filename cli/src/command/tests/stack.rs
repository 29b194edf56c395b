//! Commands about stacks.

use super::*;

/// Writes a Compose file and deploys it as `app`, without waiting.
async fn deploy(text: &str, answers: Vec<(&'static str, Value)>) -> Outcome {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("compose.yml");
    std::fs::write(&file, text).expect("written");
    run(&format!("stack deploy -d -c {} app", file.display()), answers).await
}

/// What was asked, without bodies and queries.
fn requests(outcome: &Outcome) -> Vec<&str> {
    let request = |asked: &'_ String| asked.find(['?', '{']).unwrap_or(asked.len());
    outcome.asked.iter().map(|asked| asked[..request(asked)].trim_end()).collect()
}

/// The body of a request.
fn body(outcome: &Outcome, request: &str) -> Value {
    let asked = outcome.asked.iter().find(|asked| asked.starts_with(request)).expect("asked");
    serde_json::from_str(&asked[asked.find('{').expect("a body")..]).expect("JSON")
}

fn document(id: u32, name: &str, labels: &Value) -> Value {
    json!({
        "ID": format!("document{id:017}"), "Version": {"Index": 4}, "CreatedAt": "2024-05-01T12:00:00Z",
        "UpdatedAt": "2024-05-01T12:00:00Z", "Spec": {"Name": name, "Labels": labels},
    })
}

#[tokio::test]
async fn a_new_stack_is_made_from_the_bottom_up() {
    let outcome = deploy(
        "{services: {web: {image: i, secrets: [key]}}, secrets: {key: {content: k}}}",
        vec![
            ("GET /info", info()),
            ("GET /networks", json!([])),
            ("POST /networks/create", json!({"Id": "n"})),
            ("GET /secrets/app_key", json!({"message": "secret app_key not found"})),
            ("POST /secrets/create", json!({"ID": "document00000000000000001"})),
            ("GET /secrets", json!([document(1, "app_key", &json!({}))])),
            ("GET /services", json!([])),
            ("GET /distribution/i:latest/json", distribution()),
            ("POST /services/create", json!({"ID": services()[0].id, "Warnings": null})),
        ],
    )
    .await;
    outcome.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:?}", outcome.asked));
    assert_eq!(
        outcome.out,
        "Creating network app_default\nCreating secret app_key\nCreating service app_web\n"
    );
    assert_eq!(
        requests(&outcome)[1..],
        [
            "GET /info",
            "GET /networks",
            "POST /networks/create",
            "GET /secrets/app_key",
            "POST /secrets/create",
            "GET /services",
            "GET /secrets",
            "GET /distribution/i:latest/json",
            "POST /services/create",
        ]
    );
    let container = &body(&outcome, "POST /services/create")["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Image"], "i:latest@sha256:00");
    assert_eq!(container["Secrets"][0]["SecretID"], "document00000000000000001");
    assert_eq!(body(&outcome, "POST /secrets/create")["Data"], "aw==");
}

#[tokio::test]
async fn what_is_there_is_changed_and_keeps_what_the_file_does_not_say() {
    let mut present = services().remove(0);
    present.spec.name = "app_web".to_owned();
    present.spec.task_template.force_update = 3;
    let outcome = deploy(
        "services: {web: {image: i}}",
        vec![
            ("GET /info", info()),
            ("GET /networks", json!([{"Id": "n", "Name": "app_default"}])),
            ("GET /services", json!([present])),
            ("GET /distribution/i:latest/json", distribution()),
            ("POST /services/service000000000000000001/update", json!({"Warnings": ["careful"]})),
        ],
    )
    .await;
    outcome.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:?}", outcome.asked));
    assert_eq!(outcome.err, "careful\n");
    assert_eq!(outcome.out, format!("Updating service app_web (id: {})\n", present.id));
    let update = format!("POST /services/{}/update", present.id);
    assert_eq!(body(&outcome, &update)["TaskTemplate"]["ForceUpdate"], 3);
}

#[tokio::test]
async fn other_content_of_a_secret_is_refused_with_what_to_do() {
    let labels = json!({"com.docker.stack.namespace": "app"});
    let refusal = json!({"message": "whatever the daemon says", "reason": "labels-only"});
    let outcome = deploy(
        "{services: {}, secrets: {key: {content: new}}}",
        vec![
            ("GET /info", info()),
            ("GET /networks", json!([])),
            ("GET /secrets/app_key", document(1, "app_key", &labels)),
            ("POST /secrets/document00000000000000001/update", refusal),
        ],
    )
    .await;
    let message = outcome.result.expect_err("refused").to_string();
    assert!(message.starts_with("failed to update secret app_key: "), "{message}");
    assert!(message.contains("`name: app_key_2`"), "{message}");
}

#[tokio::test]
async fn a_stack_is_removed_from_the_top_down() {
    let mut service = services().remove(0);
    service.spec.name = "app_web".to_owned();
    let outcome = run(
        "stack rm app",
        vec![
            ("GET /services", json!([service])),
            ("GET /networks", json!([{"Id": "n1", "Name": "app_default"}])),
            ("GET /secrets", json!([document(1, "app_key", &json!({}))])),
            ("GET /configs", json!([])),
            ("DELETE /services/service000000000000000001", json!(null)),
            ("DELETE /secrets/document00000000000000001", json!(null)),
            ("DELETE /networks/n1", json!(null)),
            ("GET /tasks", json!([])),
        ],
    )
    .await;
    outcome.result.expect("removed");
    assert_eq!(
        outcome.out,
        "Removing service app_web\nRemoving secret app_key\nRemoving network app_default\n"
    );
    let nothing = ["GET /services", "GET /networks", "GET /secrets", "GET /configs"];
    let nothing = nothing.map(|request| (request, json!([])));
    let outcome = run("stack rm none", nothing.into()).await;
    outcome.result.expect("nothing to do");
    assert_eq!(outcome.err, "Nothing found in stack: none\n");
}

#[tokio::test]
async fn stacks_are_counted_by_their_label() {
    let mut labelled = services();
    for service in &mut labelled {
        service.spec.labels.insert("com.docker.stack.namespace".to_owned(), "app".to_owned());
    }
    let outcome = run("stack ls", vec![("GET /services", json!(labelled))]).await;
    outcome.result.expect("listed");
    insta::assert_snapshot!(outcome.out, @r"
    NAME      SERVICES
    app       2
    ");
    assert!(outcome.asked[1].contains("com.docker.stack.namespace"), "{:?}", outcome.asked);
}

#[tokio::test]
async fn a_stack_is_planned_without_what_it_would_make_first() {
    let mut present = services().remove(0);
    present.spec.name = "app_web".to_owned();
    present.spec.task_template.force_update = 3;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("compose.yml");
    let text = "{services: {web: {image: i, secrets: [key]}, db: {image: i}}, secrets: {key: {content: k}}}";
    std::fs::write(&file, text).expect("written");
    let outcome = run(
        &format!("stack deploy --plan -c {} app", file.display()),
        vec![
            ("GET /info", info()),
            ("GET /networks", json!([])),
            ("GET /secrets/app_key", json!({"message": "secret app_key not found"})),
            ("GET /services", json!([present])),
            ("GET /distribution/i:latest/json", distribution()),
            ("POST /swarmlite/v1/services/plan", json!({"Services": []})),
        ],
    )
    .await;
    outcome.result.as_ref().unwrap_or_else(|error| panic!("{error}: {:?}", outcome.asked));
    assert_eq!(outcome.out, "This is a plan: nothing was changed.\n");
    let posted: Vec<&str> =
        requests(&outcome).into_iter().filter(|asked| asked.starts_with("POST")).collect();
    assert_eq!(posted, ["POST /swarmlite/v1/services/plan"]);
    let body = body(&outcome, "POST /swarmlite/v1/services/plan");
    let named = |name: &str| {
        let services = body["Services"].as_array().expect("a list");
        services.iter().find(|it| it["Spec"]["Name"] == name).expect("is sent").clone()
    };
    let (web, db) = (named("app_web"), named("app_db"));
    assert_eq!((web["ID"].as_str(), db.get("ID")), (Some(present.id.as_str()), None));
    let template = &web["Spec"]["TaskTemplate"];
    assert_eq!(template["ContainerSpec"].get("Secrets"), None, "there is no such secret yet");
    assert_eq!(template.get("Networks"), None, "there is no such network yet");
    assert_eq!(template["ForceUpdate"], 4, "it would be another task with these");
}
