//! Several files as one: what a later file says goes before what an earlier one says.
//!
//! The rules are those of docker (`cli/compose/loader/merge.go` in docker/cli): mappings of a service are merged, lists appended, lists of
//! things with a key merged by it; a network, volume, secret or config of a later file takes the place of the earlier one. Other
//! than in docker, the test of a health check is replaced (appended it would be another command), a `false` counts as
//! said, and ports that differ in their protocol are two.

use serde_json::Value;

use super::yaml;
use super::yaml::Tree;

/// Puts `later` over `tree`.
pub(super) fn files(tree: &mut Tree, later: Tree) {
    for (key, value) in later {
        match (tree.get_mut(&key), value) {
            (Some(Value::Object(services)), Value::Object(later)) if key == "services" => {
                for (name, service) in later {
                    match (services.get_mut(&name), service) {
                        (Some(Value::Object(service)), Value::Object(later)) => {
                            self::service(service, later);
                        }
                        (_, service) => drop(services.insert(name, service)),
                    }
                }
            }
            (Some(Value::Object(section)), Value::Object(later)) => section.extend(later),
            (_, Value::Null) => {}
            (_, value) => drop(tree.insert(key, value)),
        }
    }
}

/// Puts what a later file says of a service over what an earlier one says.
pub(super) fn service(service: &mut Tree, later: Tree) {
    for (key, value) in later {
        let Some(earlier) = service.get_mut(&key) else {
            service.insert(key, value);
            continue;
        };
        match key.as_str() {
            _ if value.is_null() => {}
            "command" | "entrypoint" => *earlier = value,
            "ports" => by_key(earlier, value, port_key),
            "volumes" => by_key(earlier, value, |item| text(item, "target")),
            "secrets" | "configs" => by_key(earlier, value, |item| text(item, "source")),
            "healthcheck" => {
                if let (Value::Object(earlier), Some(_)) = (&mut *earlier, value.get("test")) {
                    earlier.remove("test");
                }
                any(earlier, value);
            }
            "logging" => logging(earlier, value),
            "ulimits" => match (earlier, value) {
                (Value::Object(earlier), Value::Object(later)) => earlier.extend(later),
                (earlier, later) => *earlier = later,
            },
            "networks" => networks(earlier, value),
            _ => any(earlier, value),
        }
    }
}

/// Mappings are merged, lists appended, and anything else replaced, but not by nothing.
fn any(earlier: &mut Value, later: Value) {
    match (earlier, later) {
        (Value::Object(earlier), Value::Object(later)) => {
            for (key, value) in later {
                match earlier.get_mut(&key) {
                    // A variable without value is said: it has the user's.
                    Some(earlier) => any(earlier, value),
                    None => drop(earlier.insert(key, value)),
                }
            }
        }
        (Value::Array(earlier), Value::Array(later)) => earlier.extend(later),
        (_, Value::Null) => {}
        (earlier, later) => *earlier = later,
    }
}

/// Options of the same driver are merged, those of another one replaced.
fn logging(earlier: &mut Value, later: Value) {
    let driver = |logging: &Value| logging.get("driver").cloned();
    match (driver(earlier), driver(&later)) {
        (Some(driver), Some(other)) if driver != other => *earlier = later,
        _ => any(earlier, later),
    }
}

/// The aliases of a later file replace the earlier ones.
fn networks(earlier: &mut Value, later: Value) {
    if let (Value::Object(earlier), Value::Object(later)) = (&mut *earlier, &later) {
        for (name, network) in later {
            if network.get("aliases").is_some()
                && let Some(Value::Object(earlier)) = earlier.get_mut(name)
            {
                earlier.remove("aliases");
            }
        }
    }
    any(earlier, later);
}

/// Items of a later file take the places of those with the same key.
fn by_key(earlier: &mut Value, later: Value, key: impl Fn(&Value) -> Option<String>) {
    let (Value::Array(items), Value::Array(later)) = (&mut *earlier, &later) else {
        *earlier = later;
        return;
    };
    for item in later {
        let place = key(item).and_then(|wanted| {
            items.iter().position(|item| key(item).as_deref() == Some(&*wanted))
        });
        match place {
            Some(at) => items[at] = item.clone(),
            None => items.push(item.clone()),
        }
    }
}

fn text(item: &Value, key: &str) -> Option<String> {
    item.get(key).and_then(yaml::scalar)
}

/// The published port, and without one the port in the container, with the protocol.
fn port_key(port: &Value) -> Option<String> {
    let protocol = text(port, "protocol").unwrap_or_else(|| "tcp".to_owned());
    let number = text(port, "published").filter(|published| published != "0");
    let number = number.or_else(|| text(port, "target").map(|target| format!(":{target}")))?;
    Some(format!("{number}/{protocol}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The service that two files make.
    fn merged(earlier: Value, later: Value) -> Value {
        let (Value::Object(mut earlier), Value::Object(later)) = (earlier, later) else {
            panic!("mappings");
        };
        service(&mut earlier, later);
        Value::Object(earlier)
    }

    #[test]
    fn mappings_are_merged_and_lists_appended() {
        let earlier = json!({
            "image": "a", "environment": {"A": "1", "B": "2"}, "cap_add": ["X"], "read_only": true,
            "deploy": {"replicas": 3, "labels": {"a": "b"}, "placement": {"constraints": ["one"]}},
        });
        let later = json!({
            "image": "b", "environment": {"B": "3", "C": null}, "cap_add": ["Y"], "read_only": false, "user": "u",
            "deploy": {"replicas": 0, "labels": {"c": "d"}, "placement": {"constraints": ["two"]}},
        });
        let expected = json!({
            "image": "b", "environment": {"A": "1", "B": "3", "C": null}, "cap_add": ["X", "Y"], "read_only": false,
            "user": "u", "deploy": {
                "replicas": 0, "labels": {"a": "b", "c": "d"}, "placement": {"constraints": ["one", "two"]},
            },
        });
        assert_eq!(merged(earlier, later), expected);
    }

    #[test]
    fn commands_and_tests_are_replaced() {
        let earlier =
            json!({"command": ["a", "b"], "healthcheck": {"test": ["CMD", "a"], "interval": "5s"}});
        let later = json!({"command": ["c"], "healthcheck": {"test": ["CMD", "b"]}});
        let expected =
            json!({"command": ["c"], "healthcheck": {"test": ["CMD", "b"], "interval": "5s"}});
        assert_eq!(merged(earlier, later), expected);
    }

    #[test]
    fn items_with_a_key_are_merged_by_it() {
        let port = |published: u16, target: u16, protocol: &str| json!({"published": published, "target": target, "protocol": protocol});
        let earlier = json!({
            "ports": [port(53, 53, "tcp"), port(53, 53, "udp"), {"target": 80}, {"target": 81}],
            "volumes": [{"target": "/a", "source": "x"}, {"target": "/b"}],
            "secrets": [{"source": "s"}],
        });
        let later = json!({
            "ports": [port(53, 54, "tcp"), {"target": 81, "mode": "host"}],
            "volumes": [{"target": "/a", "source": "y"}],
            "secrets": [{"source": "s", "target": "t"}, {"source": "u"}],
        });
        let expected = json!({
            "ports": [port(53, 54, "tcp"), port(53, 53, "udp"), {"target": 80}, {"target": 81, "mode": "host"}],
            "volumes": [{"target": "/a", "source": "y"}, {"target": "/b"}],
            "secrets": [{"source": "s", "target": "t"}, {"source": "u"}],
        });
        assert_eq!(merged(earlier, later), expected);
    }

    #[test]
    fn log_options_belong_to_their_driver() {
        let earlier = json!({"logging": {"driver": "x", "options": {"a": "1"}}});
        let same = json!({"logging": {"options": {"b": "2"}}});
        let expected = json!({"logging": {"driver": "x", "options": {"a": "1", "b": "2"}}});
        assert_eq!(merged(earlier.clone(), same), expected);
        let other = json!({"logging": {"driver": "y"}});
        assert_eq!(merged(earlier, other.clone()), other);
    }

    #[test]
    fn aliases_and_limits_are_replaced() {
        let earlier = json!({"networks": {"n": {"aliases": ["a"], "driver_opts": {"o": "1"}}}, "ulimits": {"nofile": {"soft": 1, "hard": 2}}});
        let later =
            json!({"networks": {"n": {"aliases": ["b"]}, "m": null}, "ulimits": {"nofile": 5}});
        let expected = json!({"networks": {"n": {"aliases": ["b"], "driver_opts": {"o": "1"}}, "m": null}, "ulimits": {"nofile": 5}});
        assert_eq!(merged(earlier, later), expected);
    }

    #[test]
    fn definitions_of_a_later_file_take_the_places_of_earlier_ones() {
        let (Value::Object(mut tree), Value::Object(later)) = (
            json!({"services": {"a": {"image": "1"}}, "networks": {"n": {"driver": "x"}}, "name": "p"}),
            json!({"services": {"a": {"user": "u"}, "b": {}}, "networks": {"n": {"attachable": true}}, "volumes": {"v": null}}),
        ) else {
            panic!("mappings");
        };
        files(&mut tree, later);
        let expected = json!({
            "services": {"a": {"image": "1", "user": "u"}, "b": {}}, "networks": {"n": {"attachable": true}},
            "volumes": {"v": null}, "name": "p",
        });
        assert_eq!(Value::Object(tree), expected);
    }
}
