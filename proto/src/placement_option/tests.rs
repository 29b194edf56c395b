//! Members that stay, members that go, and labels that stand for them.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::error::Error;
use crate::json::from_slice;
use crate::spec::ServiceSpec;

/// Every one of the members.
fn all() -> Value {
    json!({
        "Strategy": "binpack", "Filter": "node.cpus > 2", "Score": "node.free.cpus",
        "Affinity": ["service==db", "soft:service==cache"],
        "AntiAffinity": ["service.labels.tier==back over node.labels.zone"], "Volumes": "stay",
        "Rebalance": "auto",
    })
}

fn placement(json: &Value) -> Placement {
    from_slice(json.to_string().as_bytes()).expect("a placement")
}

#[test]
fn what_an_update_does_not_name_stays_and_what_it_empties_goes() {
    let old = placement(&all());
    assert!(old.has_extensions());
    let mut new = placement(&json!({"MaxReplicas": 2}));
    assert!(!new.has_extensions());
    new.keep_extensions(&old);
    assert_eq!(new, Placement { max_replicas: 2, ..old.clone() });
    let Value::Object(members) = all() else { panic!("an object") };
    for (name, value) in members {
        let empty = if value.is_array() { json!([]) } else { json!("") };
        let mut new = placement(&json!({ &name: empty }));
        new.keep_extensions(&old);
        new.drop_empty_extensions();
        let left = serde_json::to_value(&new).expect("serializes");
        assert_eq!(left.get(&name), None, "{name}");
        let kept = left.as_object().expect("an object").len();
        assert_eq!(kept, PlacementOption::ALL.len() - 1, "all others: {left}");
    }
}

fn service(labels: &[(&str, &str)], placement: &Value) -> ServiceSpec {
    let labels: serde_json::Map<String, Value> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let body = json!({"Labels": labels, "TaskTemplate": {"Placement": placement}});
    from_slice(body.to_string().as_bytes()).expect("a service")
}

#[test]
fn a_label_stands_for_every_member() {
    let labels = [
        ("swarmlite.placement.strategy", "binpack"),
        ("swarmlite.placement.filter", "node.cpus > 2"),
        ("swarmlite.placement.score", "node.free.cpus"),
        ("swarmlite.placement.affinity", "service==db, soft:service==cache"),
        ("swarmlite.placement.anti-affinity", "service.labels.tier==back over node.labels.zone"),
        ("swarmlite.placement.volumes", "stay"),
        ("swarmlite.placement.rebalance", "auto"),
        ("unrelated", "x"),
    ];
    for said in [Value::Null, json!({}), all()] {
        let task = service(&labels, &said).task().expect("a task");
        assert_eq!(task.placement, Some(placement(&all())));
    }
    let labelled = service(&labels, &Value::Null);
    assert!(PlacementOption::ALL.iter().all(|option| option.is_in(&labelled)));
    let named = service(&[], &all());
    assert!(PlacementOption::ALL.iter().all(|option| option.is_in(&named)));
    let neither = service(&labels[labels.len() - 1..], &json!({"MaxReplicas": 2}));
    assert!(!PlacementOption::ALL.iter().any(|option| option.is_in(&neither)));
    let without = service(&[("unrelated", "x")], &Value::Null).task().expect("a task");
    assert_eq!(without.placement, None);
}

#[test]
fn labels_are_refused_by_name() {
    for (label, value, placement, message) in [
        (
            "swarmlite.placement.colour",
            "red",
            json!({}),
            "label swarmlite.placement.colour: unknown placement option \"colour\": strategy, filter, score, affinity, anti-affinity, volumes, rebalance are known",
        ),
        (
            "swarmlite.placement.strategy",
            "best",
            json!({}),
            "label swarmlite.placement.strategy: unknown placement strategy \"best\": spread, binpack, random and usage are known",
        ),
        (
            "swarmlite.placement.score",
            "",
            json!({}),
            "label swarmlite.placement.score: there is no expression",
        ),
        (
            "swarmlite.placement.filter",
            "true",
            json!({"Filter": "false"}),
            "placement option filter is false, but label swarmlite.placement.filter is true",
        ),
        (
            "swarmlite.placement.strategy",
            "random",
            json!({"Strategy": "binpack"}),
            "placement option strategy is binpack, but label swarmlite.placement.strategy is random",
        ),
        (
            "swarmlite.placement.volumes",
            "leave",
            json!({}),
            "label swarmlite.placement.volumes: unknown placement of volumes \"leave\": stay is known",
        ),
        (
            "swarmlite.placement.rebalance",
            "always",
            json!({}),
            "label swarmlite.placement.rebalance: unknown mode of rebalancing \"always\": auto is known",
        ),
        (
            "swarmlite.placement.affinity",
            "service==db,cache",
            json!({}),
            "label swarmlite.placement.affinity: invalid affinity \"cache\": it is [soft:]service==NAME or [soft:]service.labels.KEY==VALUE, and may end with over node.labels.KEY, over node.hostname or over node.id",
        ),
        (
            "swarmlite.placement.anti-affinity",
            "service==db",
            json!({"AntiAffinity": ["service==cache"]}),
            "placement option anti-affinity is service==cache, but label swarmlite.placement.anti-affinity is service==db",
        ),
    ] {
        let refused = service(&[(label, value)], &placement).task().expect_err("refused");
        assert_eq!(refused, Error::invalid(message));
    }
}
