//! Which nodes meet which constraints.

use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::Platform;

use super::*;
use crate::state::fixture::node;

fn a_node() -> Node {
    let mut node = node(1, 1);
    node.spec.labels = [("disk".to_owned(), "SSD".to_owned())].into();
    node.role = NodeRole::Manager;
    node.status.addr = "192.0.2.7".to_owned();
    let mut description = NodeDescription {
        hostname: "alpha".to_owned(),
        platform: Platform { architecture: "x86_64".to_owned(), os: "linux".to_owned() },
        ..NodeDescription::default()
    };
    description.engine.labels = [("zone".to_owned(), "east".to_owned())].into();
    node.description = Some(description);
    node
}

#[test]
fn constraints_are_met_or_not() {
    let node = a_node();
    let id = format!("node.id == {}", node.id);
    let table = [
        (id.as_str(), true),
        ("node.id != other", true),
        ("node.hostname==ALPHA", true),
        ("node.hostname!=alpha", false),
        ("NODE.ROLE==manager", true),
        ("node.role==worker", false),
        ("node.ip==192.0.2.7", true),
        ("node.ip==192.0.2.0/24", true),
        ("node.ip!=192.0.2.0/24", false),
        ("node.ip==198.51.100.0/24", false),
        ("node.ip==nonsense", false),
        ("node.ip!=nonsense", false),
        ("node.platform.os==linux", true),
        ("node.platform.arch==x86_64", true),
        ("node.labels.disk==ssd", true),
        ("node.labels.DISK==ssd", false),
        ("node.labels.missing==x", false),
        ("node.labels.missing!=x", true),
        ("engine.labels.zone==east", true),
        ("engine.labels.zone!=east", false),
        ("no.such.key==x", false),
        ("no.such.key!=x", false),
    ];
    for (text, met) in table {
        let placement = Placement { constraints: vec![text.to_owned()], ..Placement::default() };
        assert_eq!(all_match(Some(&placement), &node), met, "{text}");
    }
}

#[test]
fn all_have_to_be_met_and_what_cannot_be_read_is_not() {
    let node = a_node();
    let check = |texts: &[&str]| {
        let constraints = texts.iter().map(|text| (*text).to_owned()).collect();
        all_match(Some(&Placement { constraints, ..Placement::default() }), &node)
    };
    assert!(check(&[]));
    assert!(check(&["node.role==manager", "node.hostname==alpha"]));
    assert!(!check(&["node.role==manager", "node.hostname==beta"]));
    assert!(!check(&["node.role"]));
    assert!(all_match(None, &node));
}
