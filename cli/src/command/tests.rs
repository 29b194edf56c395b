//! Whole commands, from the command line to what is printed, against a server of canned answers on a real socket.

mod stack;

use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use serde_json::Value;
use serde_json::json;
use swarmlite_proto::error::REASON_HEADER;
use swarmlite_proto::error::Reason;
use tokio::net::UnixListener;

use super::*;
use crate::fixtures::nodes;
use crate::fixtures::services;
use crate::fixtures::swarm;
use crate::fixtures::task;

/// Answers by method and path, without the version; and what was asked.
#[derive(Clone, Default)]
struct Daemon {
    answers: Arc<Vec<(&'static str, Answer)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A canned answer: status, reason of a refusal, body.
type Answer = (StatusCode, Option<[(&'static str, &'static str); 1]>, String);

async fn answer(State(daemon): State<Daemon>, method: Method, uri: Uri, body: Bytes) -> Answer {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let path = path.strip_prefix("/v1.41").unwrap_or(&path);
    let request = format!("{method} {path}");
    daemon
        .asked
        .lock()
        .expect("not poisoned")
        .push(format!("{request} {}", String::from_utf8_lossy(&body)));
    let found = daemon
        .answers
        .iter()
        .find(|(known, _)| request == *known || request.split('?').next() == Some(known));
    match found {
        Some((_, answer)) => answer.clone(),
        None if request == "HEAD /_ping" => (StatusCode::OK, None, String::new()),
        None => (
            StatusCode::NOT_FOUND,
            None,
            json!({"message": format!("{request} is not canned")}).to_string(),
        ),
    }
}

/// What a command printed, and how it ended.
struct Outcome {
    out: String,
    err: String,
    result: Result<()>,
    asked: Vec<String>,
}

async fn run(line: &str, answers: Vec<(&'static str, Value)>) -> Outcome {
    let answers = answers.into_iter().map(|(request, body)| {
        let refused = body.get("message").is_some();
        let status = if refused { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let reason = body.get("reason").and_then(Value::as_str).and_then(|word| word.parse().ok());
        let reason = reason.map(|reason: Reason| [(REASON_HEADER, reason.as_str())]);
        (request, (status, reason, if body.is_null() { String::new() } else { body.to_string() }))
    });
    let daemon = Daemon { answers: Arc::new(answers.collect()), ..Daemon::default() };
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("s.sock");
    let listener = UnixListener::bind(&socket).expect("binds");
    let router = Router::new().fallback(answer).with_state(daemon.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let line = shlex::split(&format!("swarmlite -H {} {line}", socket.display())).expect("a line");
    let line: Vec<OsString> = line.into_iter().map(OsString::from).collect();
    let cli = args::parse(&line).expect("parses");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console { out: &mut out, err: &mut err, interactive: false };
    let client = Client::connect(&connection(&cli).expect("a connection")).await;
    let client = client.expect("connects");
    let result = dispatch(cli.command, &client, &mut console).await;
    server.abort();
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let asked = daemon.asked.lock().expect("not poisoned").clone();
    Outcome { out: text(out), err: text(err), result, asked }
}

fn info() -> Value {
    json!({"Swarm": {"NodeID": nodes()[0].id, "ControlAvailable": true, "LocalNodeState": "active"}})
}

#[tokio::test]
async fn init_says_how_to_join() {
    let node = &nodes()[0];
    let outcome = run(
        "init --advertise-addr 10.0.0.1 --default-addr-pool 10.9.0.0/16 --cert-expiry 48h",
        vec![
            ("POST /swarm/init", json!(node.id)),
            ("GET /nodes/node000000000000000000001", json!(node)),
            ("GET /swarm", swarm()),
        ],
    )
    .await;
    outcome.result.expect("made");
    insta::assert_snapshot!(outcome.out, @r"
    Swarm initialized: current node (node000000000000000000001) is now a manager.

    To add a worker to this swarm, run the following command:

        swarmlite join --token SWMTKN-1-d-worker 10.0.0.1:2377

    To add a manager to this swarm, run 'swarmlite join-token manager' and follow the instructions.
    ");
    let body: Value = serde_json::from_str(outcome.asked[1].split_once("init ").expect("a body").1)
        .expect("JSON");
    assert_eq!(body["ListenAddr"], "0.0.0.0:2377");
    assert_eq!(body["AdvertiseAddr"], "10.0.0.1");
    assert_eq!(body["DefaultAddrPool"], json!(["10.9.0.0/16"]));
    assert_eq!(body["Spec"]["CAConfig"]["NodeCertExpiry"], json!(172_800_000_000_000_u64));
}

#[tokio::test]
async fn init_names_the_option_that_helps() {
    let message = "whatever the daemon says of its many addresses";
    let outcome = run(
        "init",
        vec![("POST /swarm/init", json!({"message": message, "reason": "no-address-chosen"}))],
    )
    .await;
    assert_eq!(
        outcome.result.expect_err("refused").to_string(),
        format!("Error response from daemon: {message} - specify one with --advertise-addr")
    );
}

#[tokio::test]
async fn a_backup_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, passphrase) = (folder.path().join("swarm.age"), folder.path().join("passphrase"));
    let line = format!("backup {} --passphrase-file {}", file.display(), passphrase.display());
    let refused = run(&line, Vec::new()).await.result.expect_err("there is no passphrase");
    assert!(refused.to_string().starts_with("cannot read the passphrase in "), "{refused}");
    std::fs::write(&passphrase, "correct horse\n").expect("writes");
    std::fs::write(&file, "dear to somebody").expect("writes");
    let outcome = run(&line, Vec::new()).await;
    assert_eq!(
        outcome.result.expect_err("is there").to_string(),
        format!("{} is there already: --force overwrites it", file.display())
    );
    assert_eq!(outcome.asked.len(), 1, "{:?}", outcome.asked);
    assert_eq!(std::fs::read_to_string(&file).expect("reads"), "dear to somebody");
    // What the daemon answers is written as it is.
    let answers = vec![("POST /swarmlite/v1/backup", json!("sealed"))];
    let outcome = run(&format!("{line} --force"), answers).await;
    outcome.result.expect("is written");
    assert_eq!(std::fs::read_to_string(&file).expect("reads"), "\"sealed\"");
    assert!(outcome.asked[1].ends_with(r#"{"Passphrase":"correct horse"}"#), "{:?}", outcome.asked);
}

#[tokio::test]
async fn join_says_as_what() {
    let answers = vec![("POST /swarm/join", json!(null)), ("GET /info", info())];
    let outcome = run("join --token SWMTKN-1-x 10.0.0.1:2377", answers).await;
    outcome.result.expect("joined");
    assert_eq!(outcome.out, "This node joined a swarm as a manager.\n");
    assert!(
        outcome.asked[1].contains(r#""RemoteAddrs":["10.0.0.1:2377"],"JoinToken":"SWMTKN-1-x""#),
        "{:?}",
        outcome.asked
    );
}

#[tokio::test]
async fn join_token_rotates_before_it_prints() {
    let answers = vec![("GET /swarm", swarm()), ("POST /swarm/update", json!(null))];
    let outcome = run("join-token -q --rotate manager", answers).await;
    outcome.result.expect("printed");
    assert_eq!(outcome.out, "SWMTKN-1-d-manager\n");
    assert!(
        outcome.asked[2].starts_with("POST /swarm/update?version=7&rotateManagerToken=true"),
        "{:?}",
        outcome.asked
    );
}

#[tokio::test]
async fn create_waits_until_the_service_runs() {
    let mut service = services().remove(0);
    service.spec.update_config = Some(swarmlite_proto::spec::UpdateConfig {
        monitor: swarmlite_proto::time::Nanoseconds(1),
        ..Default::default()
    });
    let tasks = [task(1, 1, "running", "running"), task(2, 2, "running", "running")];
    let outcome = run(
        "service create --name web --replicas 2 --network front whoami",
        vec![
            ("GET /networks/front?scope=swarm", json!({"Id": "net1", "Name": "front"})),
            ("GET /distribution/whoami:latest/json", distribution()),
            ("POST /services/create", json!({"ID": service.id, "Warnings": ["mind the gap"]})),
            ("GET /services/service000000000000000001", json!(service)),
            ("GET /tasks", json!(tasks)),
            ("GET /nodes", json!(nodes())),
        ],
    )
    .await;
    outcome.result.unwrap_or_else(|error| panic!("{error}: {:?}", outcome.asked));
    assert_eq!(outcome.err, "mind the gap\n");
    let out = outcome.out.replace(service.id.as_str(), "ID");
    insta::assert_snapshot!(out, @r"
    ID
    overall progress: 0 out of 2 tasks 
    1/2:   
    2/2:   
    overall progress: 2 out of 2 tasks 
    verify: Waiting 1 seconds to verify that tasks are stable... 
    verify: Service ID converged
    ");
    let sent = &outcome.asked[3];
    assert!(sent.contains(r#""Networks":[{"Target":"net1"}]"#), "{sent}");
    assert!(sent.contains(r#""Image":"whoami:latest@sha256:00""#), "{sent}");
    assert!(sent.contains(r#""Platforms":[{"Architecture":"amd64","OS":"linux"}]"#), "{sent}");
}

/// What a registry says about an image.
fn distribution() -> Value {
    json!({"Descriptor": {"digest": "sha256:00"},
        "Platforms": [{"architecture": "amd64", "os": "linux"}]})
}

#[tokio::test]
async fn an_image_that_no_registry_knows_goes_by_its_name_with_a_warning() {
    let service = services().remove(0);
    let answers = || {
        vec![
            ("POST /services/create", json!({"ID": service.id, "Warnings": null})),
            ("GET /services/web", json!(service)),
            ("POST /services/service000000000000000001/update", json!({"Warnings": null})),
        ]
    };
    for (line, resolves) in [
        ("service create -d private", true),
        ("service create -d --no-resolve-image private", false),
        ("service update -d --image private web", true),
        ("service update -d --image private --no-resolve-image web", false),
        ("service update -d --force web", false),
    ] {
        let outcome = run(line, answers()).await;
        outcome.result.expect("done");
        let asked = outcome.asked.iter().any(|request| request.contains("/distribution/"));
        assert_eq!(asked, resolves, "{line}: {:?}", outcome.asked);
        let warning = "image private:latest could not be accessed on a registry to record\nits digest. Each node will access private:latest independently,\npossibly leading to different nodes running different\nversions of the image.\n\n";
        assert_eq!(outcome.err, if resolves { warning } else { "" }, "{line}");
    }
}

#[tokio::test]
async fn scale_goes_on_after_a_failure() {
    let global = services().remove(1);
    let replicated = services().remove(0);
    let outcome = run(
        "service scale -d agent=2 nope=3 web=4",
        vec![
            ("GET /services/agent", json!(global)),
            ("GET /services/nope", json!({"message": "service nope not found"})),
            ("GET /services/web", json!(replicated)),
            ("POST /services/service000000000000000001/update", json!({"Warnings": null})),
        ],
    )
    .await;
    assert_eq!(
        outcome.result.expect_err("two failed").to_string(),
        "agent: scale can only be used with replicated or replicated-job mode\n\
         nope: Error response from daemon: service nope not found"
    );
    assert_eq!(outcome.out, "web scaled to 4\n", "{:?}", outcome.asked);
}

#[tokio::test]
async fn inspect_prints_what_is_there_and_names_what_is_not() {
    let answers = vec![
        ("GET /services/web", json!({"ID": "x"})),
        ("GET /services/nope", json!({"message": "service nope not found"})),
    ];
    let outcome = run("service inspect web nope", answers).await;
    assert_eq!(outcome.out, "[\n    {\n        \"ID\": \"x\"\n    }\n]\n");
    assert_eq!(
        outcome.result.expect_err("one is missing").to_string(),
        "Error: no such service: nope"
    );
}

#[tokio::test]
async fn a_worker_answers_in_its_own_words() {
    let message = "This node is not a swarm manager.";
    let outcome = run("node ls", vec![("GET /nodes", json!({"message": message}))]).await;
    assert_eq!(outcome.out, "");
    assert_eq!(
        outcome.result.expect_err("refused").to_string(),
        format!("Error response from daemon: {message}")
    );
}

#[tokio::test]
async fn rollback_asks_for_the_previous_spec() {
    let service = services().remove(0);
    for line in ["service rollback -d web", "service update --rollback -d web"] {
        let answers = vec![
            ("GET /services/web", json!(service)),
            ("POST /services/service000000000000000001/update", json!({"Warnings": ["mind"]})),
        ];
        let outcome = run(line, answers).await;
        outcome.result.expect("asked");
        assert_eq!((&*outcome.out, &*outcome.err), ("web\n", "mind\n"));
        let asked = outcome.asked.last().expect("asked");
        assert!(asked.contains("/update?version=1&rollback=previous "), "{asked}");
    }
}

#[tokio::test]
async fn a_failed_update_names_the_task_its_node_and_its_error() {
    let mut service = services().remove(0);
    let failed = crate::fixtures::tasks().remove(1);
    service.update_status = Some(swarmlite_proto::api::UpdateStatus {
        state: swarmlite_proto::api::UpdateState::Paused,
        message: format!("update paused due to failure or early termination of task {}", failed.id),
        ..Default::default()
    });
    let answers = vec![
        ("GET /services/web", json!(service)),
        ("GET /services/service000000000000000001", json!(service)),
        ("POST /services/service000000000000000001/update", json!({"Warnings": null})),
        ("GET /tasks", json!([])),
        ("GET /nodes", json!(nodes())),
        ("GET /tasks/task000000000000000000002", json!(failed)),
        ("GET /nodes/node000000000000000000002", json!(nodes()[1])),
    ];
    let outcome = run("service scale web=3", answers).await;
    insta::assert_snapshot!(outcome.result.expect_err("it failed"), @r"
    web: service update paused: update paused due to failure or early termination of task task000000000000000000002
    task web.2 (task000000000000000000002) failed on node2: task: non-zero exit (1): a long story about it
    ");
}

/// The answers of a cluster on which node2 is drained, which has run web.1: the tasks on it, and those of the service.
fn drained(on_node: Value, tasks: Value) -> Vec<(&'static str, Value)> {
    let node = &nodes()[1];
    vec![
        ("GET /nodes/node2", json!(node)),
        ("GET /nodes/node000000000000000000002", json!(node)),
        ("POST /nodes/node000000000000000000002/update", json!(null)),
        (
            "GET /tasks?filters=%7B%22node%22%3A%7B%22node000000000000000000002%22%3Atrue%7D%7D",
            on_node,
        ),
        ("GET /services", json!([services()[0]])),
        ("GET /tasks", tasks),
        ("GET /nodes", json!(nodes())),
    ]
}

#[tokio::test]
async fn a_drain_is_waited_for() {
    let (old, new) = (task(1, 2, "running", "running"), task(1, 1, "running", "running"));
    let outcome = run("node drain node2", drained(json!([old]), json!([old]))).await;
    outcome.result.expect("asked");
    assert_eq!(outcome.out, "Node node2 is being drained.\n", "{:?}", outcome.asked);

    let line = "node drain --wait --deadline 1ms node2";
    let late = run(line, drained(json!([old]), json!([old, new]))).await;
    let error = late.result.expect_err("the task still runs").to_string();
    insta::assert_snapshot!(error, @r"
    node node2 is not drained after less than a second:
        web.1: running on node2; replacement: running on node1
    ");
    let nothing = run("node drain --wait node2", drained(json!([]), json!([]))).await;
    nothing.result.expect("drained");
    insta::assert_snapshot!(nothing.out, @r"
    overall progress: 0 tasks left, 0 of 0 replicas moved 
    Node node2 is drained.
    ");
}

#[tokio::test]
async fn what_is_asked_of_a_node_is_its_availability() {
    for (line, availability, said) in [
        ("node activate node2", "active", "Node node2 is active.\n"),
        ("node pause node2", "pause", "Node node2 is paused.\n"),
    ] {
        let outcome = run(line, drained(json!([]), json!([]))).await;
        outcome.result.expect("asked");
        assert_eq!(outcome.out, said);
        let asked = outcome.asked.last().expect("asked");
        assert!(asked.contains(&format!(r#""Availability":"{availability}""#)), "{asked}");
    }
}

#[tokio::test]
async fn explanations_are_pictures_or_what_the_daemon_wrote() {
    let explained = json!(crate::fixtures::explanation());
    let answers = || {
        vec![
            ("GET /swarmlite/v1/services/web/explain", explained.clone()),
            ("GET /swarmlite/v1/tasks/task0/explain", explained.clone()),
        ]
    };
    for line in ["service explain web", "task explain task0"] {
        let outcome = run(line, answers()).await;
        outcome.result.expect("explained");
        assert!(
            outcome.out.contains("\nNODE    RANK   RESOURCES   CONSTRAINT\n"),
            "{}",
            outcome.out
        );
        assert!(
            outcome.out.ends_with("or drop constraint node.labels.zone==b\n"),
            "{}",
            outcome.out
        );
    }
    let outcome = run("service explain --format json web", answers()).await;
    outcome.result.expect("explained");
    assert_eq!(serde_json::from_str::<Value>(&outcome.out).expect("JSON"), explained);
    let outcome = run("service explain --format {{.Error}} web", answers()).await;
    outcome.result.expect("explained");
    assert!(outcome.out.starts_with("no suitable node ("), "{}", outcome.out);
}

#[tokio::test]
async fn a_simulation_asks_what_was_asked() {
    let simulated = json!({"Moves": [], "Waiting": [], "Nodes": [], "Quorum": true});
    let outcome = run(
        "simulate --lose node1 --lose node2 --add 2x4cpu,8g,zone=b",
        vec![("POST /swarmlite/v1/simulate", simulated.clone())],
    )
    .await;
    outcome.result.expect("simulated");
    assert!(outcome.out.starts_with("No task would move.\n"), "{}", outcome.out);
    let (_, body) = outcome.asked.last().expect("asked").split_once("simulate ").expect("a body");
    let new = json!({"Count": 2, "NanoCPUs": 4_000_000_000_i64, "MemoryBytes": 8_i64 << 30, "Labels": {"zone": "b"}});
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body, json!({"Lose": ["node1", "node2"], "Add": [new], "Rebalance": false}));
    let answers = vec![("POST /swarmlite/v1/simulate", simulated.clone())];
    let outcome = run("simulate --lose node1 --format json", answers).await;
    outcome.result.expect("simulated");
    assert_eq!(serde_json::from_str::<Value>(&outcome.out).expect("JSON"), simulated);
}

#[tokio::test]
async fn a_rebalance_waits_until_all_have_moved_or_stay() {
    let [task, ..] = &crate::fixtures::tasks()[..] else { panic!("no tasks") };
    let moves = json!({"Moves": [{
        "TaskID": task.id, "ServiceID": task.service_id, "ServiceName": "web", "Slot": 1,
        "FromID": nodes()[0].id, "From": "node1", "ToID": nodes()[1].id, "To": "node2",
    }]});
    let seen = |state: &str, migrate: bool| {
        let mut seen = json!(task);
        seen["Status"]["State"] = json!(state);
        seen["Migrate"] = json!(migrate);
        json!([seen])
    };
    let listed = "1 task moves:\n  web.1   node1 -> node2\n";
    let answers = vec![
        ("POST /swarmlite/v1/rebalance", moves.clone()),
        ("GET /tasks", seen("shutdown", true)),
    ];
    let outcome = run("rebalance web", answers).await;
    outcome.result.expect("it has moved");
    assert_eq!(outcome.out, format!("{listed}All have moved.\n"));
    let asked = outcome.asked.iter().find(|asked| asked.starts_with("POST")).expect("asked");
    assert!(asked.ends_with(r#"{"Services":["web"],"MaxMoves":0,"Plan":false}"#), "{asked}");

    let answers =
        vec![("POST /swarmlite/v1/rebalance", moves), ("GET /tasks", seen("running", false))];
    let outcome = run("rebalance", answers).await;
    let error = outcome.result.expect_err("it stays").to_string();
    assert_eq!(
        error,
        "these stay where they are, as no node took the new task or it has failed: web.1"
    );
}

#[tokio::test]
async fn a_plan_makes_nothing() {
    let mut explanation = crate::fixtures::explanation();
    explanation.waiting = 0;
    let planned = json!({"Services": [{
        "Name": "web", "New": true, "Stay": 0, "End": 0, "Explanation": explanation,
        "Tasks": [{"Slot": 1, "NodeID": nodes()[0].id, "Hostname": "node1"}],
    }]});
    let outcome = run(
        "service create --plan --name web --reserve-memory 1g whoami",
        vec![
            ("GET /distribution/whoami:latest/json", distribution()),
            ("POST /swarmlite/v1/services/plan", planned),
        ],
    )
    .await;
    outcome.result.unwrap_or_else(|error| panic!("{error}: {:?}", outcome.asked));
    let said = "web would be created: 1 task new\n  node1: web.1\n\nThis is a plan: nothing was changed.\n";
    assert_eq!(outcome.out, said);
    let (_, body) = outcome.asked.last().expect("asked").split_once("plan ").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["Services"][0].get("ID"), None);
    assert_eq!(body["Services"][0]["Spec"]["Name"], "web");
    assert!(!outcome.asked.iter().any(|asked| asked.starts_with("POST /services")));
}

#[tokio::test]
async fn doctor_says_what_is_wrong_and_fails() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("s.sock");
    let check = async |options: &str| {
        let line = format!("swarmlite -H {} doctor {options}", socket.display());
        let line: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let cli = args::parse(&line).expect("parses");
        let connection = connection(&cli).expect("a connection");
        let Command::Doctor(args) = cli.command else { panic!("{:?}", cli.command) };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console { out: &mut out, err: &mut err, interactive: false };
        let result = doctor::doctor(&args, &connection, &mut console).await;
        let out = String::from_utf8(out).expect("text");
        (out.replace(&socket.display().to_string(), "SOCKET"), result.map_err(|it| it.to_string()))
    };
    let (out, result) = check("").await;
    assert_eq!(result, Err("1 check has failed".to_owned()));
    insta::assert_snapshot!(out, @r"
    CHECK     RESULT    MESSAGE
    daemon    failed    Cannot connect to swarmlite at unix://SOCKET. Start it with: sudo systemctl start swarmlite (or: sudo swarmlite daemon)
                        -> its log says why it has ended or does not start: journalctl -u swarmlite
    ");
    let diagnosis = json!({"Checks": [
        {"Name": "engine", "Result": "ok", "Message": "Docker Engine 20.10.24, API 1.41"},
        {"Name": "quorum", "Result": "warning", "Message": "2 of 2", "Advice": "add a third"},
    ]});
    let answers = vec![("GET /swarmlite/v1/doctor", (StatusCode::OK, None, diagnosis.to_string()))];
    let daemon = Daemon { answers: Arc::new(answers), ..Daemon::default() };
    let listener = UnixListener::bind(&socket).expect("binds");
    let router = Router::new().fallback(answer).with_state(daemon);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (out, result) = check("").await;
    assert_eq!(result, Ok(()), "a warning is no failure");
    insta::assert_snapshot!(out, @r"
    CHECK     RESULT    MESSAGE
    daemon    ok        answers at unix://SOCKET
    engine    ok        Docker Engine 20.10.24, API 1.41
    quorum    warning   2 of 2
                        -> add a third
    ");
    let (out, _) = check("--format json").await;
    let printed: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(printed["Checks"][2]["Advice"], "add a third");
    server.abort();
}
