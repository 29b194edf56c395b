//! The table against a model that compares every rule with every request.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::sample::subsequence;

use super::*;

/// A rule in the words of its documentation: how exact its host is, and the rest of what decides. Greater takes precedence.
fn precedence(route: &HttpRoute) -> (usize, usize, bool, usize) {
    let host = match route.host.strip_prefix("*.") {
        None if route.host.is_empty() => 0,
        None => usize::MAX,
        Some(parent) => parent.len(),
    };
    let path = route.path.trim_end_matches('/').len();
    (host, path, !route.methods.is_empty(), route.headers.len())
}

fn asks_for(route: &HttpRoute, host: &str, path: &str, method: &str, headers: &HeaderMap) -> bool {
    let host = match route.host.strip_prefix('*') {
        None => route.host.is_empty() || route.host == host,
        Some(parent) => host.ends_with(parent),
    };
    let segments = |path: &str| -> Vec<String> {
        path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    };
    let named = |(name, value): (&String, &String)| {
        headers.get(name.as_str()).is_some_and(|one| one == value.as_str())
    };
    host && segments(path).starts_with(&segments(&route.path))
        && (route.methods.is_empty() || route.methods.iter().any(|one| one == method))
        && route.headers.iter().all(named)
}

fn route() -> impl Strategy<Value = HttpRoute> {
    let host = select(vec!["", "a.example", "b.a.example", "*.example", "*.a.example"]);
    let path = select(vec!["/", "/a", "/a/", "/a/b", "/ab"]);
    let methods = subsequence(vec!["GET", "POST"], 0..=2);
    let headers = subsequence(vec![("x-one", "1"), ("x-one", "2"), ("x-two", "1")], 0..=2);
    let own = |text: &str| text.to_owned();
    (host, path, methods, headers).prop_map(move |(host, path, methods, headers)| HttpRoute {
        host: own(host),
        path: own(path),
        methods: methods.into_iter().map(own).collect(),
        headers: headers.into_iter().map(|(name, value)| (own(name), own(value))).collect(),
        ..HttpRoute::default()
    })
}

fn service(number: u8, routes: Vec<HttpRoute>, tasks: Vec<Task>) -> Service {
    let id = format!("{number:0>25}").parse().expect("an id");
    Service { id, name: format!("service{number}"), routes, tasks }
}

fn task(number: u8, serving: bool) -> Task {
    let id = format!("{number:0>25}").parse().expect("an id");
    Task { id, address: Ipv4Addr::new(10, 0, 0, number), serving, lost: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_rule_that_takes_precedence_takes_the_request(
        routes in prop::collection::vec(prop::collection::vec(route(), 0..4), 0..4),
        host in select(vec!["a.example", "b.a.example", "c.b.a.example", "example", "other"]),
        path in select(vec!["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/abc", "/b"]),
        method in select(vec!["GET", "POST", "PUT"]),
        sent in subsequence(vec![("x-one", "1"), ("x-two", "1")], 0..=2),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(name, value.parse().expect("a value"));
        }
        let all = routes.iter().flatten();
        let matching: Vec<&HttpRoute> =
            all.filter(|route| asks_for(route, host, path, method, &headers)).collect();
        let services = routes.iter().zip(0..).map(|(routes, number)| service(number, routes.clone(), vec![]));
        let table = Table::new(services.collect(), BTreeMap::new());
        let found = table.find(host, path, method, &headers);
        prop_assert_eq!(found.is_some(), !matching.is_empty());
        if let Some(found) = found {
            let taken = &found.rules()[0].route;
            let best = matching.iter().map(|route| precedence(route)).max();
            prop_assert_eq!(Some(precedence(taken)), best);
            // All that ask for the same are found, and nobody else.
            let same = |route: &HttpRoute| {
                let methods = |route: &HttpRoute| route.methods.iter().cloned().collect::<HashSet<_>>();
                route.host == taken.host
                    && route.path.trim_end_matches('/') == taken.path.trim_end_matches('/')
                    && methods(route) == methods(taken)
                    && route.headers == taken.headers
            };
            let expected = matching.iter().filter(|route| same(route)).count();
            prop_assert!(found.rules().iter().all(|rule| same(&rule.route)));
            prop_assert_eq!(found.rules().len(), expected);
        }
    }

    #[test]
    fn each_rule_takes_its_share(weights in prop::collection::vec(0_u16..200, 1..5), from in any::<u32>()) {
        let weighted = |weight: &u16| HttpRoute { weight: Some(*weight), ..HttpRoute::default() };
        let services = weights.iter().zip(0..).map(|(weight, number)| {
            service(number, vec![weighted(weight)], vec![task(number, true)])
        });
        let table = Table::new(services.collect(), BTreeMap::new());
        let found = table.find("a.example", "/", "GET", &HeaderMap::new()).expect("a rule");
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let mut taken = vec![0_u64; weights.len()];
        let from = u64::from(from);
        for number in from..from + total {
            let rule = found.pick(number).expect("a rule with a weight");
            let position = found.rules().iter().position(|one| one.service.id == rule.service.id);
            taken[position.expect("one of them")] += 1;
        }
        prop_assert_eq!(taken, weights.iter().copied().map(u64::from).collect::<Vec<_>>());
        prop_assert!(total > 0 || found.pick(from).is_none());
    }
}

#[test]
fn a_service_without_tasks_that_serve_has_no_share() {
    let weighted = |weight| HttpRoute { weight: Some(weight), ..HttpRoute::default() };
    let table = |serving: [bool; 2]| {
        let of = |number: u8, serving, weight| {
            service(number, vec![weighted(weight)], vec![task(number, serving)])
        };
        Table::new(vec![of(0, serving[0], 1), of(1, serving[1], 9)], BTreeMap::new())
    };
    let names = |table: &Table| -> HashSet<String> {
        let found = table.find("", "/", "GET", &HeaderMap::new()).expect("a rule");
        (0..10)
            .filter_map(|number| found.pick(number))
            .map(|rule| rule.service.name.clone())
            .collect()
    };
    assert_eq!(names(&table([true, false])), HashSet::from(["service0".to_owned()]));
    assert_eq!(names(&table([true, true])).len(), 2);
    assert_eq!(names(&table([false, false])).len(), 2, "who answers that nobody serves");
}

#[test]
fn shares_are_spread_over_the_requests() {
    let weighted = |weight| HttpRoute { weight: Some(weight), ..HttpRoute::default() };
    let services = [50, 50]
        .iter()
        .zip(0..)
        .map(|(weight, number)| service(number, vec![weighted(*weight)], vec![task(number, true)]));
    let table = Table::new(services.collect(), BTreeMap::new());
    let found = table.find("", "/", "GET", &HeaderMap::new()).expect("a rule");
    let name = |number| found.pick(number).map(|rule| rule.service.name.clone());
    for window in (0..200).collect::<Vec<_>>().windows(4) {
        let names: HashSet<_> = window.iter().map(|number| name(*number)).collect();
        assert_eq!(names.len(), 2, "{window:?}");
    }
}

#[test]
fn the_whole_server_is_asked_for_by_who_takes_all_paths() {
    let route = |path: &str| HttpRoute { path: path.to_owned(), ..HttpRoute::default() };
    let table =
        Table::new(vec![service(0, vec![route("/"), route("/a")], vec![])], BTreeMap::new());
    let found = table.find("a.example", "*", "OPTIONS", &HeaderMap::new()).expect("a rule");
    assert_eq!(found.rules()[0].route.path, "/");
}
