use serde_json::json;

use super::*;

/// The form of one service.
fn form(service: Value) -> Result<Value> {
    let mut notes = Notes::default();
    let directory = Path::new("/project");
    let mut origin = Origin { directory, home: Some("/home/me"), notes: &mut notes };
    let Value::Object(mut tree) = json!({"services": {"web": service}}) else {
        panic!("a mapping");
    };
    file(&mut tree, &mut origin)?;
    Ok(tree["services"]["web"].take())
}

#[test]
fn lists_and_mappings_become_the_same() {
    for (key, list, mapping) in [
        ("environment", json!(["A=1", "B", "C="]), json!({"A": "1", "B": null, "C": ""})),
        ("labels", json!(["a=b=c", "d"]), json!({"a": "b=c", "d": ""})),
        ("networks", json!(["front", "back"]), json!({"front": null, "back": null})),
    ] {
        assert_eq!(form(json!({key: list})).expect("a form"), json!({key: mapping}));
        assert_eq!(form(json!({key: mapping})).expect("a form"), json!({key: mapping}));
    }
}

#[test]
fn texts_become_lists() {
    let service = json!({
        "command": "sh -c 'a b'", "entrypoint": ["x y"], "dns": "1.1.1.1",
        "healthcheck": {"test": "true"}, "secrets": ["s", {"source": "t"}],
    });
    let expected = json!({
        "command": ["sh", "-c", "a b"], "entrypoint": ["x y"], "dns": ["1.1.1.1"],
        "healthcheck": {"test": ["CMD-SHELL", "true"]}, "secrets": [{"source": "s"}, {"source": "t"}],
    });
    assert_eq!(form(service).expect("a form"), expected);
    let quotes = form(json!({"command": "a 'b"})).expect_err("unbalanced");
    assert_eq!(quotes.to_string(), "services.web.command has unbalanced quotes");
}

#[test]
fn hosts_have_one_form() {
    let lines = json!({"extra_hosts": ["db:10.0.0.1", "v6=[::1]", "api:::2"]});
    let expected = json!({"extra_hosts": ["db:10.0.0.1", "v6:::1", "api:::2"]});
    assert_eq!(form(lines).expect("a form"), expected);
    let mapping = json!({"extra_hosts": {"a": "::1", "b": ["1.1.1.1", "1.1.1.2"]}});
    let expected = json!({"extra_hosts": ["a:::1", "b:1.1.1.1", "b:1.1.1.2"]});
    assert_eq!(form(mapping).expect("a form"), expected);
}

#[test]
fn paths_become_absolute() {
    let service = json!({"env_file": ["./a/../b.env", {"path": "c.env", "required": false}]});
    let expected = json!({
        "env_file": [{"path": "/project/b.env"}, {"path": "/project/c.env", "required": false}],
    });
    assert_eq!(form(service).expect("a form"), expected);
    let service = json!({"volumes": ["./data:/a", "~/x:/b:ro", "../up:/c", "named:/d"]});
    let expected = json!({"volumes": [
        {"type": "bind", "source": "/project/data", "target": "/a"},
        {"type": "bind", "source": "/home/me/x", "target": "/b", "read_only": true},
        {"type": "bind", "source": "/up", "target": "/c"},
        {"type": "volume", "source": "named", "target": "/d"},
    ]});
    assert_eq!(form(service).expect("a form"), expected);
}

#[test]
fn an_external_name_is_the_name() {
    let mut notes = Notes::default();
    let mut origin = Origin { directory: Path::new("/"), home: None, notes: &mut notes };
    let Value::Object(mut tree) = json!({"networks": {"n": {"external": {"name": "real"}}}}) else {
        panic!("a mapping");
    };
    file(&mut tree, &mut origin).expect("a form");
    assert_eq!(tree["networks"]["n"], json!({"external": true, "name": "real"}));
    tree["networks"]["n"]["external"] = json!({"name": "other"});
    let refused = file(&mut tree, &mut origin).expect_err("a conflict").to_string();
    assert_eq!(refused, "networks.n external.name and name conflict; only use name");
}
