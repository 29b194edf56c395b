//! The rules about tasks of other services, as whoever looks at all tasks applies them.

use super::*;

/// A label of every service, of which there are few values.
pub(super) const fn tier(position: usize) -> &'static str {
    if position.is_multiple_of(2) { "front" } else { "back" }
}

/// Affinities and anti-affinities, mostly none.
pub(super) fn some_rules() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let who = prop_oneof![
        3 => (0..23_usize).prop_map(|position| format!("service==service{position}")),
        1 => Just("service.labels.tier==front".to_owned()),
        1 => Just("service.labels.tier==back".to_owned()),
    ];
    let over = prop_oneof![Just(""), Just(" over node.id"), Just(" over node.labels.zone")];
    let rule = (any::<bool>(), who, over).prop_map(|(is_soft, who, over)| {
        let soft = if is_soft { "soft:" } else { "" };
        format!("{soft}{who}{over}")
    });
    let rules = || {
        let some = prop::collection::vec(rule.clone(), 1..3);
        prop_oneof![3 => Just(Vec::new()), 2 => some]
    };
    (rules(), rules())
}

/// Whether the rule is soft, and what remains of it.
fn softness(rule: &str) -> (bool, &str) {
    rule.strip_prefix("soft:").map_or((false, rule), |rest| (true, rest))
}

/// Whether the rule is about the tasks of a service.
fn is_about(rule: &str, service: &ServiceSpec) -> bool {
    let who = softness(rule).1.split(" over ").next().expect("a part");
    match who.split_once("==").expect("two parts") {
        ("service", name) => service.name == name,
        (_, value) => service.labels["tier"] == value,
    }
}

/// Whether two nodes are one place for the rule.
fn are_together(rule: &str, one: &Node, other: &Node) -> bool {
    if rule.ends_with("zone") {
        let zone = |node: &Node| node.spec.labels.get("zone").cloned();
        return zone(one).is_some() && zone(one) == zone(other);
    }
    one.id == other.id
}

struct Eyes<'a> {
    state: &'a State,
    on: &'a [(ServiceId, NodeId)],
}

impl Eyes<'_> {
    fn spec(&self, service: &ServiceId) -> &ServiceSpec {
        &self.state.services()[service].spec
    }

    /// Whether a task that the rule is about is where the node is.
    fn is_near(&self, rule: &str, service: &ServiceId, node: &Node) -> bool {
        let about = |(other, _): &&(ServiceId, NodeId)| is_about(rule, self.spec(other));
        let mut tasks = self.on.iter().filter(about);
        let is_first = self.on.iter().filter(about).count() == 0;
        let has_place = !rule.ends_with("zone") || node.spec.labels.contains_key("zone");
        let is_own = is_about(rule, self.spec(service));
        tasks.any(|(_, at)| are_together(rule, &self.state.nodes()[at], node))
            || is_first && is_own && has_place
    }

    fn is_apart(&self, rule: &str, node: &Node) -> bool {
        !self.on.iter().any(|(other, at)| {
            is_about(rule, self.spec(other)) && are_together(rule, &self.state.nodes()[at], node)
        })
    }
}

fn rules(spec: &ServiceSpec) -> (Vec<String>, Vec<String>) {
    let placement = spec.task_template.placement.as_ref().expect("is set");
    let all = |rules: &Option<Vec<String>>| rules.clone().unwrap_or_default();
    (all(&placement.affinity), all(&placement.anti_affinity))
}

/// Whether a task of the service may be on the node, for all that services ask for about each other.
pub(super) fn allows(
    state: &State,
    service: &ServiceId,
    node: &Node,
    on: &[(ServiceId, NodeId)],
) -> bool {
    let eyes = Eyes { state, on };
    let (near, apart) = rules(eyes.spec(service));
    let is_hard = |rule: &&String| !softness(rule).0;
    let kept_away_by = |other: &ServiceId, at: &NodeId| {
        let (_, apart) = rules(eyes.spec(other));
        apart.iter().filter(is_hard).any(|rule| {
            is_about(rule, eyes.spec(service)) && are_together(rule, &state.nodes()[at], node)
        })
    };
    near.iter().filter(is_hard).all(|rule| eyes.is_near(rule, service, node))
        && apart.iter().filter(is_hard).all(|rule| eyes.is_apart(rule, node))
        && !on.iter().any(|(other, at)| other != service && kept_away_by(other, at))
}

/// Those of the nodes that meet the most soft rules.
pub(super) fn best<'n>(
    state: &State,
    service: &ServiceId,
    nodes: Vec<&'n Node>,
    on: &[(ServiceId, NodeId)],
) -> Vec<&'n Node> {
    let eyes = Eyes { state, on };
    let (near, apart) = rules(eyes.spec(service));
    let met = |node: &&Node| {
        let near = near.iter().filter(|rule| softness(rule).0);
        let apart = apart.iter().filter(|rule| softness(rule).0);
        near.filter(|rule| eyes.is_near(rule, service, node)).count()
            + apart.filter(|rule| eyes.is_apart(rule, node)).count()
    };
    let most = nodes.iter().map(met).max();
    nodes.into_iter().filter(|node| Some(met(node)) == most).collect()
}
