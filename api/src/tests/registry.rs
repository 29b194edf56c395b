//! Credentials for registries: kept with the service they came with, and shown to nobody but nodes.

use swarmlite_proto::registry;
use swarmlite_proto::registry::RegistryAuth;

use super::*;

/// Posts `body` with the credentials of `user`.
async fn post_as(lab: &Lab, user: &str, path: &str, body: &Value) -> Reply {
    let auth = RegistryAuth {
        username: user.to_owned(),
        password: format!("{user}'s password"),
        ..RegistryAuth::default()
    };
    post_with(lab, &auth.to_header(), path, body).await
}

async fn post_with(lab: &Lab, header: &str, path: &str, body: &Value) -> Reply {
    let request = Request::post(path)
        .header("Content-Type", "application/json; charset=utf-8")
        .header(registry::HEADER, header)
        .body(Body::from(body.to_string()));
    lab.send(request.expect("a request")).await
}

/// Whose credentials the service has, and had before.
fn users(lab: &Lab) -> (String, String) {
    let service = lab.store.state().service_by_name("web").expect("is there").clone();
    let user = |auth: &Option<RegistryAuth>| {
        auth.as_ref().map_or_else(String::new, |auth| auth.username.clone())
    };
    (user(&service.registry_auth), user(&service.previous_registry_auth))
}

fn pair(now: &str, before: &str) -> (String, String) {
    (now.to_owned(), before.to_owned())
}

#[tokio::test]
async fn credentials_follow_the_spec_they_came_with() {
    let lab = Lab::manager();
    assert_eq!(post_as(&lab, "ann", "/services/create", &web()).await.status, 201);
    assert_eq!(users(&lab), pair("ann", ""));
    let none = RegistryAuth::default().to_header();
    for (header, options, now, before) in [
        // Who says nothing keeps what is there, as who says so.
        (None, "", "ann", "ann"),
        (None, "&registryAuthFrom=spec", "ann", "ann"),
        (
            Some(
                RegistryAuth { username: "bob".to_owned(), ..RegistryAuth::default() }.to_header(),
            ),
            "",
            "bob",
            "ann",
        ),
        (None, "&registryAuthFrom=previous-spec", "ann", "bob"),
        (None, "&rollback=previous", "bob", "ann"),
        (Some(String::new()), "", "bob", "bob"),
        // Who says that there are none is heard.
        (Some(none), "&registryAuthFrom=spec", "", "bob"),
    ] {
        let service = lab.get("/services/web").await.body;
        let path = format!("/services/web/update?version={}{options}", service["Version"]["Index"]);
        let reply = match &header {
            Some(header) => post_with(&lab, header, &path, &service["Spec"]).await,
            None => lab.post(&path, &service["Spec"]).await,
        };
        assert_eq!(reply.status, 200, "{options}: {}", reply.message());
        assert_eq!(users(&lab), pair(now, before), "{header:?} {options}");
    }
}

#[tokio::test]
async fn no_answer_has_credentials_in_it() {
    let lab = Lab::manager();
    post_as(&lab, "ann", "/services/create", &web()).await;
    let service = lab.get("/services/web").await.body;
    let path = format!("/services/web/update?version={}", service["Version"]["Index"]);
    post_as(&lab, "bob", &path, &service["Spec"]).await;
    for path in ["/services", "/services/web", "/services/web?insertDefaults=true", "/tasks"] {
        let text = lab.get(path).await.body.to_string();
        for secret in ["ann", "bob", "password", "egistry"] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
    let logged = format!("{:?}", lab.store.state());
    assert!(!logged.contains("password\"") && !logged.contains("ann's"), "{logged}");
}

#[tokio::test]
async fn credentials_that_cannot_be_read_change_nothing() {
    let lab = Lab::manager();
    let before = lab.contents();
    let reply = post_with(&lab, "no base 64!", "/services/create", &web()).await;
    assert_eq!(
        (reply.status, reply.message()),
        (400, "invalid X-Registry-Auth header: not base 64")
    );
    assert_eq!(lab.contents(), before);
}
