//! The document, held against every request and every answer of the tests in this folder ([`checked`]).

mod table;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::middleware;
use axum::middleware::Next;
use axum::response::Response;
use jsonschema::Validator;

use super::*;
use crate::document;

/// The document, in which an object has no other members than those that are described.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = document();
    close(&mut document);
    document
});

/// A header of requests that do not write members as the document does, which is allowed.
pub(super) const AS_GO_READS_IT: &str = "x-as-go-reads-it";

/// Operations whose requests and answers are the engine's in form. They are described, but the engine's document says how they look.
const OF_THE_ENGINE: [&str; 4] =
    ["ContainerCreate", "NetworkConnect", "NetworkDisconnect", "SystemEvents"];

/// What was compiled of it, by where it stands.
static VALIDATORS: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

/// Refuses members that are not described, but where the document says that there are others.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        _ => {}
    }
}

/// The part of the document at `pointer`, ready to check values.
fn validator(pointer: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let compile = || {
        let mut root = DOCUMENT.clone();
        // As a fragment of a URI (RFC 6901, section 6).
        let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
        root["$ref"] = json!(format!("#{fragment}"));
        Arc::new(jsonschema::draft202012::new(&root).expect("is a schema"))
    };
    Arc::clone(validators.entry(pointer.to_owned()).or_insert_with(compile))
}

/// What is wrong with `value` by the schema at `pointer`.
fn faults(pointer: &str, value: &Value) -> Vec<String> {
    let validator = validator(pointer);
    let fault =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(value).map(fault).collect()
}

/// One operation of the document.
struct Operation {
    /// Where it stands, as a JSON pointer.
    pointer: String,
    description: &'static Value,
}

impl Operation {
    /// The one that a request is for, if it is described.
    fn find(method: &Method, path: &str) -> Option<Self> {
        let path = unversioned(path);
        let method = method.as_str().to_lowercase();
        let paths = DOCUMENT["paths"].as_object().expect("has paths");
        let fitting = paths
            .iter()
            .filter(|(template, item)| fits(template, path) && item.get(&method).is_some());
        // `/services/create` is not the service of that name.
        let (template, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        let pointer = format!("/paths/{}/{method}", template.replace('/', "~1"));
        Some(Self { pointer, description: &item[&method] })
    }

    fn name(&self) -> &str {
        self.description["operationId"].as_str().expect("has a name")
    }

    /// Whatever is accepted is described: its parameters and its body.
    fn check_request(&self, parts: &Parts, body: &[u8]) {
        let described = self.description["parameters"].as_array().cloned().unwrap_or_default();
        for pair in parts.uri.query().unwrap_or_default().split('&').filter(|it| !it.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            let known = described.iter().any(|it| it["in"] == "query" && it["name"] == name);
            assert!(known, "{} was asked with {name}, which is not described", self.name());
        }
        let content = &self.description["requestBody"]["content"];
        if content.is_null() {
            let text = String::from_utf8_lossy(body);
            assert!(body.is_empty(), "{} has no body, but got {text}", self.name());
            return;
        }
        let mut json: Value = serde_json::from_slice(body).expect("was accepted");
        drop_nulls(&mut json);
        let pointer = format!("{}/requestBody/content/application~1json/schema", self.pointer);
        let faults = faults(&pointer, &json);
        assert!(faults.is_empty(), "{} has accepted {json}, but {faults:#?}", self.name());
    }

    /// Every answer is described: its status, its type, and its body if it is JSON.
    async fn check_answer(&self, response: Response) -> Response {
        let status = response.status();
        let described = &self.description["responses"][status.as_str()];
        assert!(!described.is_null(), "{} has answered {status}", self.name());
        let content_type =
            response.headers().get(CONTENT_TYPE).map(|it| it.to_str().expect("is text"));
        let media =
            content_type.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
        let content = described["content"].as_object();
        match content {
            None => assert_eq!(media, "", "{} {status} has no body", self.name()),
            Some(content) => {
                assert!(content.contains_key(&media), "{} has answered in {media}", self.name());
            }
        }
        if media != "application/json" {
            return response;
        }
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let json: Value = serde_json::from_slice(&bytes).expect("is JSON");
        let pointer = format!(
            "{}/responses/{}/content/application~1json/schema",
            self.pointer,
            status.as_str()
        );
        let faults = faults(&pointer, &json);
        assert!(faults.is_empty(), "{} has answered {json}, but {faults:#?}", self.name());
        Response::from_parts(parts, Body::from(bytes))
    }
}

/// A path without its version.
fn unversioned(path: &str) -> &str {
    let after = path
        .strip_prefix("/v1.")
        .map(|rest| rest.trim_start_matches(|it: char| it.is_ascii_digit()));
    after.unwrap_or(path)
}

fn fits(template: &str, path: &str) -> bool {
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| {
            wanted == given || (wanted.starts_with('{') && !given.is_empty())
        })
}

/// A member that is `null` is as good as absent in requests.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The API, every request to which and every answer of which is held against the document. What goes to the engine is not described.
pub(super) fn checked(router: Router) -> Router {
    router.layer(middleware::from_fn(check))
}

async fn check(request: Request, next: Next) -> Response {
    let operation = Operation::find(request.method(), request.uri().path())
        .filter(|operation| !OF_THE_ENGINE.contains(&operation.name()));
    let Some(operation) = operation else { return next.run(request).await };
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let response = operation.check_answer(next.run(again).await).await;
    if response.status().is_success() && !parts.headers.contains_key(AS_GO_READS_IT) {
        operation.check_request(&parts, &body);
    }
    response
}

/// A manager with a service of one task, and an engine that has networks of its own.
async fn furnished(folder: &Path) -> Lab {
    let lab = Lab::manager_with_engine(&engine::fake_engine(folder));
    lab.post("/services/create", &web()).await;
    for path in ["/secrets/create", "/configs/create"] {
        lab.post(path, &json!({"Name": "tls", "Data": "dGxz"})).await;
    }
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    lab.commit(Op::PutTask(Box::new(fixture::task(120, &service, 1)))).await;
    lab
}

/// `path` with what `{task}` and `{version}` stand for in it: the one task, and the version of the object that the path names.
async fn filled_in(lab: &Lab, path: &str) -> String {
    let task = lab.store.state().tasks().keys().next().map(ToString::to_string);
    let path = path.replace("{task}", &task.unwrap_or_default());
    let Some((object, _)) = path.split_once("/update?") else { return path };
    let version = lab.get(object).await.body["Version"]["Index"].to_string();
    path.replace("{version}", &version)
}

/// One request for every operation that is not refused: its name, method, path, and body.
const CALLS: &str = r#"
OpenApi GET /swarmlite/v1/openapi.json
Metrics GET /swarmlite/v1/metrics
Doctor GET /swarmlite/v1/doctor
HttpRouting GET /swarmlite/v1/http
ServiceExplain GET /swarmlite/v1/services/web/explain
Rebalance POST /swarmlite/v1/rebalance {"Services": ["web"], "Plan": true}
BackupCreate POST /swarmlite/v1/backup {"Passphrase": "correct horse"}
BackupRestore POST /swarmlite/v1/restore {"Backup": "{backup}", "Passphrase": "correct horse"}
Simulate POST /swarmlite/v1/simulate {"Lose": ["worker"]}
ServicePlan POST /swarmlite/v1/services/plan {"Services": [{"Spec": {"Name": "db", "TaskTemplate": {"ContainerSpec": {"Image": "db"}}}}]}
TaskExplain GET /swarmlite/v1/tasks/{task}/explain
SystemPing GET /_ping
SystemPingHead HEAD /_ping
SystemVersion GET /version
SystemInfo GET /info
SwarmInspect GET /swarm
SwarmInit POST /swarm/init {"ListenAddr": "0.0.0.0:2377"}
SwarmJoin POST /swarm/join {"ListenAddr": "0.0.0.0:2377", "RemoteAddrs": ["10.9.0.1:2377"]}
SwarmLeave POST /swarm/leave?force=1
SwarmUpdate POST /swarm/update?version={version} {"Labels": {"a": "b"}}
SwarmUnlockkey GET /swarm/unlockkey
SwarmUnlock POST /swarm/unlock {"UnlockKey": "SWMKEY-1-x"}
NodeList GET /nodes
NodeInspect GET /nodes/boss
NodeUpdate POST /nodes/worker/update?version={version} {"Role": "worker"}
NodeDelete DELETE /nodes/worker?force=1
ServiceList GET /services?status=1
ServiceInspect GET /services/web?insertDefaults=1
ServiceCreate POST /services/create {"Name": "db", "TaskTemplate": {"ContainerSpec": {"Image": "db"}}}
ServiceUpdate POST /services/web/update?version={version} {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "web"}}}
ServiceDelete DELETE /services/web
ServiceLogs GET /services/web/logs?stdout=1
TaskList GET /tasks
TaskInspect GET /tasks/{task}
TaskLogs GET /tasks/{task}/logs?stderr=1
SecretList GET /secrets
SecretInspect GET /secrets/tls
SecretCreate POST /secrets/create {"Name": "key", "Data": "a2V5"}
SecretUpdate POST /secrets/tls/update?version={version} {"Name": "tls", "Labels": {"a": "b"}}
SecretDelete DELETE /secrets/tls
ConfigList GET /configs
ConfigInspect GET /configs/tls
ConfigCreate POST /configs/create {"Name": "key", "Data": "a2V5"}
ConfigUpdate POST /configs/tls/update?version={version} {"Name": "tls", "Labels": {"a": "b"}}
ConfigDelete DELETE /configs/tls
NetworkList GET /networks
NetworkInspect GET /networks/ingress
NetworkCreate POST /networks/create {"Name": "back", "Driver": "overlay"}
NetworkDelete DELETE /networks/ingress
NetworkPrune POST /networks/prune
"#;

/// [`CALLS`], each on a node of its own. `checked` does the rest.
#[tokio::test]
async fn every_operation_answers_as_it_is_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = operations().into_iter();
    for (name, operation) in all.filter(|(name, _)| !OF_THE_ENGINE.contains(&&**name)) {
        let call = CALLS.lines().find(|line| line.split(' ').next() == Some(&*name));
        let call = call.unwrap_or_else(|| panic!("{name} is not among CALLS"));
        let parts: Vec<&str> = call.splitn(4, ' ').collect();
        let folder = folder.path().join(&name);
        std::fs::create_dir(&folder).expect("is made");
        let lab = match name.as_str() {
            "BackupCreate" => backup::manager().await,
            "SwarmInit" | "SwarmJoin" | "BackupRestore" => {
                Lab::not_manager(LocalNodeState::Inactive, Path::new(NO_ENGINE))
            }
            "SwarmUnlock" => Lab::not_manager(LocalNodeState::Locked, Path::new(NO_ENGINE)),
            _ => furnished(&folder).await,
        };
        let path = filled_in(&lab, parts[2]).await;
        let method: Method = parts[1].parse().expect("a method");
        let found = Operation::find(&method, path.split('?').next().expect("has a path"));
        assert_eq!(found.expect("is described").pointer, operation, "{path}");
        let mut body = parts.get(3).copied().unwrap_or("null").to_owned();
        if body.contains("{backup}") {
            body = body.replace("{backup}", &backup::encoded().await);
        }
        let body: Value = serde_json::from_str(&body).expect("is JSON");
        let reply = lab.call(method, &path, &body).await;
        assert!((200..300).contains(&reply.status), "{name} {path}: {reply:?}");
    }
}

/// The names of the operations, and where they stand.
fn operations() -> BTreeMap<String, String> {
    let mut operations = BTreeMap::new();
    for (path, item) in DOCUMENT["paths"].as_object().expect("has paths") {
        for (method, operation) in item.as_object().expect("has operations") {
            let name = operation["operationId"].as_str().expect("has a name").to_owned();
            let pointer = format!("/paths/{}/{method}", path.replace('/', "~1"));
            let other = operations.insert(name, pointer);
            assert_eq!(other, None, "two operations have this name");
        }
    }
    operations
}

/// A handler is not only described, but described in words.
#[test]
fn everything_has_a_description_that_needs_no_code() {
    let text = DOCUMENT.to_string();
    for word in ["[`", "Self::", "`None`", "`Some"] {
        assert!(!text.contains(word), "{word} is in the document");
    }
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().expect("has schemas") {
        assert!(schema["description"].is_string(), "{name} has no description");
    }
    for (name, pointer) in operations() {
        let operation = DOCUMENT.pointer(&pointer).expect("is there");
        assert!(operation["summary"].is_string(), "{name} has no summary");
    }
}

/// Objects of answers that may have no members.
const MAY_BE_EMPTY: [&str; 2] = ["PortStatus", "TlsInfo"];

/// What stands in answers only, names what is always there.
#[test]
fn answers_name_what_they_always_have() {
    let reach = |of: &str| {
        let parts = operations()
            .into_values()
            .map(|pointer| DOCUMENT.pointer(&pointer).expect("is there")[of].clone());
        reachable(&parts.collect())
    };
    let (asked, answered) = (reach("requestBody"), reach("responses"));
    for name in answered.difference(&asked) {
        let schema = &DOCUMENT["components"]["schemas"][name];
        let has_members = schema["properties"].as_object().is_some_and(|it| !it.is_empty());
        let may_be_empty = MAY_BE_EMPTY.contains(&name.as_str());
        let requires = schema["required"].is_array();
        assert_eq!(requires, has_members && !may_be_empty, "{name}: see openapi::require_printed");
    }
}

/// The names of the schemas that `value` refers to, and those that they refer to.
fn reachable(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                let name = members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|it| it.rsplit('/').next());
                if let Some(name) = name
                    && found.insert(name.to_owned())
                {
                    rest.push(&DOCUMENT["components"]["schemas"][name]);
                }
                rest.extend(members.values());
            }
            Value::Array(elements) => rest.extend(elements),
            _ => {}
        }
    }
    found
}
