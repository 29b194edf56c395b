//! Rules of HTTP routing, and the ports for them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::traffic::Rates;
use swarmlite_proto::traffic::RuleTraffic;

use super::*;

/// A cluster whose managers have all been upgraded.
async fn upgraded() -> Lab {
    let lab = Lab::manager();
    let cluster = Cluster::clone(lab.store.state().cluster().expect("a cluster"));
    let raised = Cluster { format: Format::newest(), ..cluster };
    lab.commit(Op::PutCluster(Box::new(raised))).await;
    lab
}

fn with_rules(rules: Value) -> Value {
    let mut body = web();
    body["EndpointSpec"] = json!({"Http": rules});
    body
}

async fn update(lab: &Lab, change: impl FnOnce(&mut Value)) -> Reply {
    let shown = lab.get("/services/web").await.body;
    let path = format!("/services/web/update?version={}", shown["Version"]["Index"]);
    let mut spec = shown["Spec"].clone();
    change(&mut spec);
    lab.post(&path, &spec).await
}

/// Changes the settings of the cluster.
async fn configure(lab: &Lab, change: impl FnOnce(&mut Value)) -> Reply {
    let shown = lab.get("/swarm").await.body;
    let path = format!("/swarm/update?version={}", shown["Version"]["Index"]);
    let mut spec = shown["Spec"].clone();
    change(&mut spec);
    lab.post(&path, &spec).await
}

#[tokio::test]
async fn an_update_that_says_nothing_about_rules_leaves_them() {
    let lab = upgraded().await;
    let rule =
        json!({"Host": "Shop", "TargetPort": 80, "Sticky": "1h", "Timeout": 5_000_000_000_i64});
    assert_eq!(lab.post("/services/create", &with_rules(json!([rule]))).await.status, 201);
    let kept = json!([{"Host": "shop", "Path": "/", "TargetPort": 80, "Sticky": "1h", "Timeout": 5_000_000_000_i64}]);
    let shown = || async { lab.get("/services/web").await.body };
    assert_eq!(shown().await["Spec"]["EndpointSpec"]["Http"], kept);
    for endpoint in [json!({"Mode": "vip"}), Value::Null] {
        assert_eq!(update(&lab, |spec| spec["EndpointSpec"] = endpoint).await.status, 200);
        assert_eq!(shown().await["Spec"]["EndpointSpec"]["Http"], kept);
    }
    assert_eq!(update(&lab, |spec| spec["EndpointSpec"]["Http"] = json!([])).await.status, 200);
    assert_eq!(shown().await["Spec"]["EndpointSpec"], json!({"Mode": "vip"}));
}

#[tokio::test]
async fn the_ports_of_the_cluster_stay_until_they_are_taken_back() {
    let lab = upgraded().await;
    let config = || lab.store.state().cluster().expect("a cluster").spec.http;
    assert_eq!(config(), None);
    let ports = json!({"Port": 80, "TLSPort": 443});
    assert_eq!(configure(&lab, |spec| spec["Http"] = ports.clone()).await.status, 200);
    assert_eq!(config(), Some(HttpConfig::STANDARD));
    assert_eq!(lab.get("/swarm").await.body["Spec"]["Http"], ports);
    let dropped = |spec: &mut Value| drop(spec.as_object_mut().expect("a spec").remove("Http"));
    assert_eq!(configure(&lab, dropped).await.status, 200);
    assert_eq!(config(), Some(HttpConfig::STANDARD), "a client that does not know it");
    assert_eq!(configure(&lab, |spec| spec["Http"] = json!({})).await.status, 200);
    assert_eq!(config(), None);
}

#[tokio::test]
async fn options_of_the_cluster_stay_until_they_are_taken_back() {
    let lab = upgraded().await;
    let options = || lab.store.state().cluster().expect("a cluster").spec.http_options.clone();
    let asked = json!({"AccessLog": "json"});
    assert_eq!(configure(&lab, |spec| spec["HttpOptions"] = asked.clone()).await.status, 200);
    assert_eq!(options().expect("is set").access_log, AccessLogFormat::Json);
    assert_eq!(lab.get("/swarm").await.body["Spec"]["HttpOptions"], asked);
    let dropped =
        |spec: &mut Value| drop(spec.as_object_mut().expect("a spec").remove("HttpOptions"));
    assert_eq!(configure(&lab, dropped).await.status, 200);
    assert!(options().is_some(), "a client that does not know it");
    assert_eq!(configure(&lab, |spec| spec["HttpOptions"] = json!({})).await.status, 200);
    assert_eq!(options(), None);
    let peers = json!({"TrustedPeers": ["192.0.2.0/24", "lb"]});
    let alone = json!({"ProxyProtocol": true});
    let reply = configure(&lab, |spec| spec["HttpOptions"] = alone).await;
    let message = "the PROXY protocol is taken from trusted peers only, and there are none";
    assert_eq!((reply.status, reply.message()), (400, message));
    let reply = configure(&lab, |spec| spec["HttpOptions"] = peers).await;
    let message =
        "trusted peer \"lb\" is no network, such as 192.0.2.0/24 or 2001:db8::/32, and no address";
    assert_eq!((reply.status, reply.message()), (400, message));
}

#[tokio::test]
async fn nobody_has_options_before_all_managers_know_of_them() {
    let lab = Lab::manager();
    let before = lab.contents();
    let asked = json!({"AccessLog": "json"});
    let reply = configure(&lab, |spec| spec["HttpOptions"] = asked).await;
    let message = "options of HTTP routing need all managers to keep records of format 4, and the cluster is at 0: upgrade all managers first";
    assert_eq!((reply.status, reply.message()), (400, message));
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn nobody_has_rules_before_all_managers_know_of_them() {
    let lab = Lab::manager();
    let before = lab.contents();
    let mut labelled = web();
    labelled["Labels"] = json!({"swarmlite.http.x": "shop,port=80"});
    let by_rule = with_rules(json!([{"Host": "shop", "TargetPort": 80}]));
    let message = "HTTP routing needs all managers to keep records of format 2, and the cluster is at 0: upgrade all managers first";
    for body in [by_rule, labelled] {
        let reply = lab.post("/services/create", &body).await;
        assert_eq!((reply.status, reply.message()), (400, message));
    }
    let reply = configure(&lab, |spec| spec["Http"] = json!({"Port": 80})).await;
    assert_eq!((reply.status, reply.message()), (400, message));
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn what_another_has_is_refused_with_its_name() {
    let lab = upgraded().await;
    let rule = json!([{"Host": "shop", "TargetPort": 80}]);
    let created = lab.post("/services/create", &with_rules(rule.clone())).await;
    let id = created.body["ID"].as_str().expect("an id").to_owned();
    let before = lab.contents();
    let mut other = with_rules(rule);
    other["Name"] = json!("other");
    let reply = lab.post("/services/create", &other).await;
    let message = format!(
        "HTTP requests for shop/ are answered by service 'web' ({id}) already: to share them, both rules have to state a weight"
    );
    assert_eq!((reply.status, reply.message()), (400, message.as_str()));
    other["EndpointSpec"] = json!({"Http": [
        {"Host": "x", "TargetPort": 80, "Certificate": {"SecretName": "none"}},
    ]});
    let reply = lab.post("/services/create", &other).await;
    assert_eq!((reply.status, reply.message()), (400, "secret not found: none"));
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn a_certificate_is_found_by_its_name_and_has_to_be_one() {
    let lab = upgraded().await;
    let made = rcgen::generate_simple_self_signed(["shop".to_owned()]).expect("a certificate");
    let both = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    let mut ids = Vec::new();
    for (name, content) in [("cert", both), ("key", made.signing_key.serialize_pem())] {
        let body = json!({"Name": name, "Data": STANDARD.encode(content)});
        let created = lab.post("/secrets/create", &body).await;
        ids.push(created.body["ID"].clone());
    }
    let rule = |secret: &str| json!([{"Host": "shop", "TargetPort": 80, "Certificate": {"SecretName": secret}}]);
    let mut labelled = web();
    labelled["Labels"] = json!({"swarmlite.http.x": "shop,port=80,tls=key"});
    for body in [with_rules(rule("key")), labelled] {
        let refused = lab.post("/services/create", &body).await;
        let message = "secret key is no certificate: there is no certificate in the PEM";
        assert_eq!((refused.status, refused.message()), (400, message));
    }
    assert_eq!(lab.post("/services/create", &with_rules(rule("cert"))).await.status, 201);
    let shown = lab.get("/services/web").await.body;
    let certificate = &shown["Spec"]["EndpointSpec"]["Http"][0]["Certificate"];
    assert_eq!(*certificate, json!({"SecretID": ids[0], "SecretName": "cert"}));
    let refused = lab.delete("/secrets/cert").await;
    let message = "secret 'cert' is in use by the following service: web";
    assert_eq!((refused.status, refused.message()), (400, message));
}

#[tokio::test]
async fn rules_are_listed_with_what_becomes_of_their_requests() {
    let lab = upgraded().await;
    let nobody = lab.get("/swarmlite/v1/http").await;
    let none = json!({"Ports": {"Port": 0, "TLSPort": 0}, "Rules": []});
    assert_eq!((nobody.status, nobody.body), (200, none));
    let ports = json!({"Port": 80, "TLSPort": 443});
    assert_eq!(configure(&lab, |spec| spec["Http"] = ports.clone()).await.status, 200);
    let mut body = with_rules(json!([{"Host": "shop", "Methods": ["GET"], "TargetPort": 80}]));
    body["Labels"] = json!({"swarmlite.http.all": "/,port=81,rate=5/s"});
    assert_eq!(lab.post("/services/create", &body).await.status, 201);
    let state = lab.store.state();
    let web = state.service_by_name("web").expect("is there");
    let rules = web.spec.http_rules().expect("two");
    let asked = rules.iter().map(HttpRoute::asked).find(|it| it.host.is_empty());
    let rates = Rates { answers: [0, 1500, 0, 0, 10], unreachable: 1, limited: 250 };
    let rule = RuleTraffic { service_id: web.id.clone(), asked: asked.expect("one"), rates };
    let nodes = state.nodes().keys().cloned();
    *lab.node.reports.0.lock().expect("no panic") =
        nodes.map(|id| (id, vec![rule.clone()])).collect();
    let expected = |answers, unreachable, limited| {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip::<[f64; 5]>(answers);
        let id = &web.id;
        let answers: BTreeMap<_, _> = classes.collect();
        let sums = json!({"Answers": answers, "Unreachable": unreachable, "Limited": limited});
        let all = json!({"ServiceID": id, "ServiceName": "web", "Asks": "/", "Rule": "/,port=81,rate=5/s"});
        [all, sums].into_iter().flat_map(|it| it.as_object().cloned().expect("an object")).collect()
    };
    let listed = || async { lab.get("/swarmlite/v1/http").await.body };
    let before: Value = Value::Object(expected([0.0; 5], 0.0, 0.0));
    assert_eq!(listed().await["Rules"][0], before, "the leader is older than such reports");
    let boss = hostname_id(&state, "boss");
    let newer = Node { versions: Versions::own(), ..Node::clone(&state.nodes()[&boss]) };
    lab.commit(Op::PutNode(Box::new(newer))).await;
    let shown = listed().await;
    assert_eq!(shown["Ports"], ports);
    let after = Value::Object(expected([0.0, 3.0, 0.0, 0.0, 0.02], 0.002, 0.5));
    assert_eq!(shown["Rules"][0], after, "the sum of both nodes");
    let rest = &shown["Rules"][1];
    assert_eq!((&rest["Asks"], &rest["Answers"]["2xx"]), (&json!("shop/ (GET)"), &json!(0.0)));
}
