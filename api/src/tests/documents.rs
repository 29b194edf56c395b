//! Secrets and configs, and the services that have them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::engine::segment;

/// A secret that must be seen nowhere.
const VALUE: &str = "correct horse battery staple";

fn spec(name: &str, data: &[u8]) -> Value {
    json!({"Name": name, "Labels": {"tier": "front"}, "Data": STANDARD.encode(data)})
}

/// Makes one, and gives back its id.
async fn made(lab: &Lab, kind: &str, name: &str) -> String {
    let body = spec(name, VALUE.as_bytes());
    let created = lab.post(&format!("/{kind}s/create"), &body).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    created.body["ID"].as_str().expect("an id").to_owned()
}

/// A service with one secret of this id and name.
fn using(name: &str, id: &str, secret: &str) -> Value {
    let file = json!({"Name": secret, "UID": "0", "GID": "0", "Mode": 292});
    let mut body = web();
    body["Name"] = json!(name);
    body["TaskTemplate"]["ContainerSpec"]["Secrets"] =
        json!([{"File": file, "SecretID": id, "SecretName": secret}]);
    body
}

#[tokio::test]
async fn they_are_made_found_and_removed() {
    let lab = Lab::manager();
    for (kind, data) in [("secret", Value::Null), ("config", json!(STANDARD.encode(VALUE)))] {
        let id = made(&lab, kind, "tls").await;
        let found = lab.get(&format!("/{kind}s/TLS")).await.body;
        assert_eq!((&found["ID"], &found["Spec"]["Name"]), (&json!(id), &json!("tls")));
        assert_eq!(found["Spec"]["Labels"], json!({"tier": "front"}));
        assert_eq!(found["Spec"]["Data"], data, "only configs show their content");
        for reference in [&id, &id[..6]] {
            assert_eq!(lab.get(&format!("/{kind}s/{reference}")).await.body, found);
        }
        assert_eq!(lab.get(&format!("/{kind}s")).await.body, json!([found]));
        let twice = lab.post(&format!("/{kind}s/create"), &spec("tls", b"x")).await;
        let text = format!("{kind} tls already exists");
        assert_eq!((twice.status, twice.message()), (409, text.as_str()));
        let removed = lab.delete(&format!("/{kind}s/tls")).await;
        assert_eq!((removed.status, removed.body), (204, json!("")));
        let gone = lab.delete(&format!("/{kind}s/tls")).await;
        let text = format!("{kind} tls not found");
        assert_eq!((gone.status, gone.message()), (404, text.as_str()));
    }
}

#[tokio::test]
async fn what_makes_no_sense_changes_nothing() {
    let lab = Lab::manager();
    let before = lab.contents();
    let driver = json!({"Name": "a", "Driver": {"Name": "vault"}});
    for (kind, body, text) in [
        ("secret", spec("a", b""), "secret data must be larger than 0 and less than 512000 bytes"),
        (
            "config",
            spec("a", &[0; 1_024_000]),
            "config data must be larger than 0 and less than 1024000 bytes",
        ),
        ("secret", driver, "unsupported field: Driver"),
        (
            "secret",
            spec("-a", b"x"),
            "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]",
        ),
        ("config", json!({"Name": "a", "Data": "hunter2!"}), "Data: illegal base64 data"),
        (
            "config",
            json!({"Name": "a", "Data": "eA==", "Colour": "red"}),
            "unsupported field: Colour",
        ),
    ] {
        let refused = lab.post(&format!("/{kind}s/create"), &body).await;
        assert_eq!((refused.status, refused.message()), (400, text));
    }
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn only_labels_change_and_with_their_version() {
    let lab = Lab::manager();
    for kind in ["secret", "config"] {
        let id = made(&lab, kind, "tls").await;
        let found = lab.get(&format!("/{kind}s/{id}")).await.body;
        let version = found["Version"]["Index"].clone();
        let path = format!("/{kind}s/{id}/update?version={version}");
        for other in [
            json!({"Name": "ssl", "Labels": {}}),
            spec("tls", b"another"),
            json!({"Name": "tls", "Templating": {"Name": "golang"}}),
        ] {
            let refused = lab.post(&path, &other).await;
            let text = "only updates to Labels are allowed";
            assert_eq!((refused.status, refused.message()), (400, text));
        }
        // With the content or without it, as clients have it.
        let mut body = spec("tls", VALUE.as_bytes());
        body["Labels"] = json!({"tier": "back"});
        assert_eq!(lab.post(&path, &body).await.status, 200);
        let late = lab.post(&path, &body).await;
        assert_eq!(late.status, 500);
        assert!(late.message().ends_with("update out of sequence"), "{}", late.message());
        assert_eq!(late.header("swarmlite-reason"), "out-of-sequence");
        let changed = lab.get(&format!("/{kind}s/{id}")).await.body;
        assert_eq!(changed["Spec"]["Labels"], json!({"tier": "back"}));
        assert_eq!(changed["Spec"]["Data"], found["Spec"]["Data"]);
        let path = format!("/{kind}s/{id}/update?version={}", changed["Version"]["Index"]);
        let body = json!({"Name": "tls", "Labels": null});
        assert_eq!(lab.post(&path, &body).await.status, 200);
        let refused = lab.post(&format!("/{kind}s/{id}/update?version=x"), &body).await;
        assert!(refused.message().starts_with(&format!("invalid {kind} version 'x': ")));
    }
    let state = lab.store.state();
    let secret = state.document_by_name::<SecretKind>("tls").expect("is there");
    assert_eq!(secret.spec.data.as_bytes(), VALUE.as_bytes(), "the content outlives its labels");
}

#[tokio::test]
async fn lists_have_filters_in_both_encodings() {
    let lab = Lab::manager();
    for kind in ["secret", "config"] {
        let id = made(&lab, kind, "tls").await;
        made(&lab, kind, "tls-old").await;
        let count = async |filters: &str| {
            let path = format!("/{kind}s?filters={}", segment(filters));
            lab.get(&path).await.body.as_array().map(Vec::len)
        };
        assert_eq!(count(r#"{"name":{"tls":true}}"#).await, Some(2), "names by their beginning");
        assert_eq!(count(r#"{"name":["tls-"]}"#).await, Some(1));
        assert_eq!(count(&format!(r#"{{"id":["{}"]}}"#, &id[..10])).await, Some(1));
        assert_eq!(count(r#"{"label":["tier=front"]}"#).await, Some(2));
        assert_eq!(count(r#"{"label":{"tier=back":true}}"#).await, Some(0));
        let names = count(r#"{"names":["tls"]}"#).await;
        assert_eq!(names, if kind == "secret" { Some(1) } else { None });
        assert_eq!(count(r#"{"colour":["red"]}"#).await, None);
    }
}

#[tokio::test]
async fn services_hold_what_they_have() {
    let lab = Lab::manager();
    let id = made(&lab, "secret", "tls").await;
    let before = lab.contents();
    for (body, text) in [
        (using("web", &"x".repeat(25), "tls"), "secret not found: tls"),
        (using("web", &id, "ssl"), "secret not found: ssl"),
        (using("web", "", "tls"), "malformed secret reference"),
    ] {
        let refused = lab.post("/services/create", &body).await;
        assert_eq!((refused.status, refused.message()), (400, text));
    }
    assert_eq!(lab.contents(), before);

    assert_eq!(lab.post("/services/create", &using("web", &id, "tls")).await.status, 201);
    let refused = lab.delete("/secrets/tls").await;
    let text = "secret 'tls' is in use by the following service: web";
    assert_eq!((refused.status, refused.message()), (400, text));
    assert_eq!(lab.post("/services/create", &using("api", &id, "tls")).await.status, 201);
    let refused = lab.delete("/secrets/tls").await.message().to_owned();
    assert!(refused.starts_with("secret 'tls' is in use by the following services: "), "{refused}");

    // An update lets go of it, and from then on cannot be taken back.
    for name in ["web", "api"] {
        let service = lab.get(&format!("/services/{name}")).await.body;
        let reference = &service["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"][0];
        assert_eq!(reference["SecretID"], id);
        let mut body = web();
        body["Name"] = json!(name);
        let path = format!("/services/{name}/update?version={}", service["Version"]["Index"]);
        assert_eq!(lab.post(&path, &body).await.status, 200);
    }
    assert_eq!(lab.delete("/secrets/tls").await.status, 204);
    let service = lab.get("/services/web").await.body;
    let version = &service["Version"]["Index"];
    let path = format!("/services/web/update?rollback=previous&version={version}");
    let refused = lab.post(&path, &service["Spec"]).await;
    assert_eq!((refused.status, refused.message()), (400, "secret not found: tls"));
}

#[tokio::test]
async fn no_answer_has_the_content_of_a_secret() {
    let lab = Lab::manager();
    let id = made(&lab, "secret", "tls").await;
    lab.post("/services/create", &using("web", &id, "tls")).await;
    let encoded = STANDARD.encode(VALUE);
    for path in ["/secrets", "/secrets/tls", "/services", "/services/web", "/tasks", "/swarm"] {
        let text = lab.get(path).await.body.to_string();
        assert!(!text.contains(VALUE) && !text.contains(&encoded), "{path}: {text}");
    }
}
