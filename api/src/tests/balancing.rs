//! What clients ask of the balancing of services.

use swarmlite_manager::state::NodeReport;
use swarmlite_proto::spec::EndpointOptions;

use super::*;

fn asking(options: Value) -> Value {
    let mut body = web();
    body["EndpointSpec"] = json!({"Options": options});
    body
}

/// Lets a node say what balances connections on it.
async fn balances_by(lab: &Lab, hostname: &str, dataplane: &str) {
    let state = lab.store.state();
    let node_id = hostname_id(&state, hostname);
    let node = &state.nodes()[&node_id];
    let description = node
        .description
        .clone()
        .map(|description| NodeDescription { dataplane: dataplane.to_owned(), ..description });
    let status = node.status.clone();
    let report = NodeReport { node_id, status, description, data_path_addr: None, versions: None };
    lab.commit(Op::ReportNode(Box::new(report))).await;
}

async fn update(lab: &Lab, change: impl FnOnce(&mut Value)) -> Reply {
    let shown = lab.get("/services/web").await.body;
    let path = format!("/services/web/update?version={}", shown["Version"]["Index"]);
    let mut spec = shown["Spec"].clone();
    change(&mut spec);
    lab.post(&path, &spec).await
}

#[tokio::test]
async fn options_are_shown_as_they_were_asked_for() {
    let lab = Lab::manager();
    let options = json!({"scheduler": "sh", "sticky": "10m"});
    assert_eq!(lab.post("/services/create", &asking(options.clone())).await.status, 201);
    let shown = lab.get("/services/web").await.body;
    assert_eq!(shown["Spec"]["EndpointSpec"], json!({"Mode": "vip", "Options": options}));
    assert_eq!(shown["Endpoint"]["Spec"]["Options"], options);
    lab.delete("/services/web").await;
    assert_eq!(lab.post("/services/create", &asking(json!({}))).await.status, 201);
    let shown = lab.get("/services/web").await.body;
    assert_eq!(shown["Spec"]["EndpointSpec"], json!({"Mode": "vip"}));
}

#[tokio::test]
async fn an_update_that_says_nothing_about_options_leaves_them() {
    let lab = Lab::manager();
    lab.post("/services/create", &asking(json!({"sticky": "10m"}))).await;
    let options = || {
        let service = lab.store.state().service_by_name("web").expect("is there").clone();
        service.spec.endpoint_spec.clone().and_then(|endpoint| endpoint.options)
    };
    let asked: Option<EndpointOptions> = options();
    assert!(asked.is_some());
    for endpoint in [json!({"Mode": "vip"}), Value::Null] {
        let reply = update(&lab, |spec| spec["EndpointSpec"] = endpoint).await;
        assert_eq!((reply.status, options()), (200, asked));
    }
    let reply = update(&lab, |spec| spec["EndpointSpec"]["Options"] = json!({})).await;
    assert_eq!((reply.status, options()), (200, None));
}

#[tokio::test]
async fn what_a_node_cannot_do_is_refused_with_its_name() {
    let lab = Lab::manager();
    balances_by(&lab, "boss", "ipvs").await;
    balances_by(&lab, "worker", "nftables").await;
    let before = lab.contents();
    let message = "endpoint option scheduler=lc is not supported by nftables, the data plane of worker: it has rr, wrr, sh";
    let mut labelled = web();
    labelled["Labels"] = json!({"swarmlite.endpoint.scheduler": "lc"});
    for body in [asking(json!({"scheduler": "lc"})), labelled] {
        let reply = lab.post("/services/create", &body).await;
        assert_eq!((reply.status, reply.message()), (400, message));
    }
    assert_eq!(lab.contents(), before);
    assert_eq!(lab.post("/services/create", &web()).await.status, 201);
    let to_lc = |spec: &mut Value| spec["EndpointSpec"]["Options"] = json!({"scheduler": "lc"});
    let reply = update(&lab, to_lc).await;
    assert_eq!((reply.status, reply.message()), (400, message));
    balances_by(&lab, "boss", "nftables").await;
    let reply = update(&lab, to_lc).await;
    assert!(reply.message().contains("the data plane of boss, worker: "), "{}", reply.message());

    for hostname in ["boss", "worker"] {
        balances_by(&lab, hostname, "ipvs").await;
    }
    assert_eq!(update(&lab, to_lc).await.status, 200);
    balances_by(&lab, "worker", "nftables").await;
    let scale = |spec: &mut Value| spec["Mode"] = json!({"Replicated": {"Replicas": 5}});
    assert_eq!(update(&lab, scale).await.status, 200, "changes nothing about that node");
    let sticky = |spec: &mut Value| spec["EndpointSpec"]["Options"]["sticky"] = json!("1m");
    assert_eq!((update(&lab, sticky).await.message()), message);
}
