//! Every field of a service, one by one: what a client sends, and what the engine is asked for because of it.
//!
//! [`table`] has a row for each field. The fields are those of the JSON of [`full`], which names every member of every type, so that
//! none can be added without a row here. The same rows make `docs/service-spec.md`.

mod full;
mod page;
mod table;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::json::from_slice;
use swarmlite_proto::messagepack;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::validate;

use self::table::Effect;
use self::table::REFUSED;
use self::table::ROWS;
use crate::task::samples::platform;
use crate::task::samples::task;
use crate::task::translate::container_plan;

/// The spec as the state keeps it once a client has sent `body`.
fn accepted(body: &Value) -> swarmlite_proto::error::Result<ServiceSpec> {
    from_slice(body.to_string().as_bytes()).and_then(validate::service)
}

/// What the engine is asked for a task of `spec`, which gets here as it gets to every node.
fn asked_of_engine(spec: &ServiceSpec) -> Value {
    let template = spec.task().expect("a task");
    let assignment = TaskAssignment { spec: template.into(), ..task('a') };
    let sent = messagepack::encode(&assignment).expect("encodes");
    let received: TaskAssignment = messagepack::decode(&sent).expect("decodes");
    assert_eq!(received, assignment);
    let plan = container_plan(&received, &[], "host-1", &platform()).expect("everything is known");
    serde_json::to_value(plan.body).expect("serializes")
}

/// The paths of all fields in `json`, with those of the objects that they are in. Keys of user data are none.
fn fields(json: &Value, path: &str, found: &mut BTreeSet<String>) {
    let is_data = ["Labels", "Options", "Sysctls", "DriverOpts", "Headers"];
    match json {
        Value::Object(members) if !is_data.contains(&path.rsplit('.').next().unwrap_or(path)) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.insert(path.clone());
                fields(value, &path, found);
            }
        }
        Value::Array(elements) => {
            let path = format!("{path}[]");
            elements.iter().for_each(|element| fields(element, &path, found));
        }
        _ => {}
    }
}

/// What is at `path`, as `HostConfig.Mounts.0.Source`.
fn at<'a>(json: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(json, |value, name| match name.parse::<usize>() {
        Ok(index) => &value[index],
        Err(_) => &value[name],
    })
}

#[test]
fn every_field_has_a_row_and_every_row_a_field() {
    let mut known = BTreeSet::new();
    for spec in full::specs() {
        fields(&serde_json::to_value(spec).expect("serializes"), "", &mut known);
    }
    let rows: BTreeMap<&str, &Effect> = ROWS.iter().map(|row| (row.path, &row.effect)).collect();
    assert_eq!(rows.len(), ROWS.len(), "a path has two rows");
    // An object whose members have rows needs none.
    let is_object = |path: &str| {
        let inside = [format!("{path}."), format!("{path}[].")];
        known.iter().any(|other| inside.iter().any(|prefix| other.starts_with(prefix)))
    };
    let missing: Vec<_> =
        known.iter().filter(|path| !rows.contains_key(path.as_str()) && !is_object(path)).collect();
    assert!(missing.is_empty(), "without a row in table.rs: {missing:#?}");
    let unknown: Vec<_> = rows.keys().filter(|path| !known.contains(**path)).collect();
    assert!(unknown.is_empty(), "without a field in full.rs: {unknown:#?}");
}

#[test]
fn every_field_reaches_the_engine() {
    let bodies = full::specs().map(|spec| {
        let sent = serde_json::to_value(&spec).expect("serializes");
        let spec = accepted(&sent).unwrap_or_else(|error| panic!("{error}"));
        asked_of_engine(&spec)
    });
    for row in ROWS {
        let Effect::Engine(path, expected) = row.effect else { continue };
        let expected: Value = serde_json::from_str(expected).unwrap_or_else(|_| json!(expected));
        let found = bodies.iter().any(|body| *at(body, path) == expected);
        let values: Vec<_> = bodies.iter().map(|body| at(body, path)).collect();
        assert!(found, "{} is to make {path} {expected}, which is {values:?}", row.path);
    }
}

#[test]
fn nothing_is_set_that_nobody_asked_for() {
    let body = json!({ "Name": "web", "TaskTemplate": { "ContainerSpec": { "Image": "web" } } });
    let asked = asked_of_engine(&accepted(&body).expect("fine"));
    for row in ROWS {
        let Effect::Engine(path, expected) = row.effect else { continue };
        let expected: Value = serde_json::from_str(expected).unwrap_or_else(|_| json!(expected));
        assert_ne!(*at(&asked, path), expected, "{} is set by itself", row.path);
    }
}

#[test]
fn what_is_refused_is_refused_by_name() {
    for refused in REFUSED {
        let mut body = json!({
            "Name": "web",
            "TaskTemplate": { "ContainerSpec": { "Image": "web" } },
        });
        merge(&mut body, &serde_json::from_str(refused.body).expect("JSON"));
        let error = accepted(&body).expect_err(refused.path);
        assert_eq!(error.message, refused.message, "{}", refused.path);
    }
}

/// Puts `patch` over `base`, member by member.
fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

#[test]
fn the_documentation_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/service-spec.md");
    let page = page::page();
    if std::env::var_os("SWARMLITE_UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("writes");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/service-spec.md is not what the table says: run this test with SWARMLITE_UPDATE_DOCS=1"
    );
}
