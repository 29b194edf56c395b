//! Networks of the cluster.

use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::VirtualIp;
use swarmlite_proto::task_state::TaskState;

use super::*;

fn overlay(name: &str) -> Value {
    json!({"Name": name, "Driver": "overlay", "EnableIPv4": true, "EnableIPv6": false,
        "IPAM": {"Driver": "default", "Options": {}, "Config": []}, "Internal": false, "Attachable": false,
        "Ingress": false, "ConfigOnly": false, "ConfigFrom": null, "Options": {}, "Labels": {}})
}

#[tokio::test]
async fn a_network_is_made_found_and_removed() {
    let lab = Lab::manager();
    let created = lab.post("/networks/create", &overlay("back")).await;
    assert_eq!((created.status, &created.body["Warning"]), (201, &json!("")));
    let id = created.body["Id"].as_str().expect("an id");
    let network = lab.get("/networks/back?scope=swarm").await.body;
    assert_eq!(network["Id"], id);
    assert_eq!((&network["Scope"], &network["Driver"]), (&json!("swarm"), &json!("overlay")));
    for reference in [id, &id[..6]] {
        assert_eq!(lab.get(&format!("/networks/{reference}")).await.body, network);
    }
    let ingress = lab.get("/networks/ingress").await.body;
    assert_eq!(
        ingress["IPAM"]["Config"],
        json!([{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}])
    );
    assert_eq!(ingress["Options"]["com.docker.network.driver.overlay.vxlanid_list"], "4096");
    assert_eq!(lab.get("/networks").await.body.as_array().map(Vec::len), Some(2));
    assert_eq!(lab.delete("/networks/back").await.status, 204);
    let gone = lab.delete("/networks/back").await;
    assert_eq!((gone.status, gone.message()), (404, "network back not found"));
}

#[tokio::test]
async fn refused_networks_change_nothing() {
    let lab = Lab::manager();
    let before = lab.contents();
    let in_use = json!({"Name": "a", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.0.0.128/25"}]}});
    let encrypted = json!({"Name": "a", "Driver": "overlay", "Options": {"encrypted": ""}});
    for (body, status, message) in [
        (overlay("ingress"), 409, "network with name ingress already exists"),
        (
            json!({"Name": "ingress", "Driver": "bridge"}),
            409,
            "network with name ingress already exists",
        ),
        (overlay("host"), 403, "host is a pre-defined network and cannot be created"),
        (overlay("a b"), 400, "name must be valid as a DNS name component"),
        (
            in_use,
            400,
            "Pool overlaps with other one on this address space: 10.0.0.128/25 and 10.0.0.0/24 of network ingress",
        ),
        (encrypted, 400, "unsupported field: Options.encrypted"),
        (
            json!({"Name": "a", "Driver": "swarmlite"}),
            400,
            "networks of driver swarmlite are made by the cluster: use driver overlay",
        ),
    ] {
        let reply = lab.post("/networks/create", &body).await;
        assert_eq!((reply.status, reply.message()), (status, message), "{body}");
    }
    let second = json!({"Name": "other", "Driver": "overlay", "Ingress": true});
    let reply = lab.post("/networks/create", &second).await;
    assert_eq!(reply.status, 409);
    assert!(reply.message().ends_with("is already present"), "{}", reply.message());
    assert_eq!(lab.contents(), before);
}

#[tokio::test]
async fn networks_in_use_stay() {
    let lab = Lab::manager();
    lab.post("/networks/create", &overlay("back")).await;
    let port = json!({"TargetPort": 80, "PublishedPort": 80});
    let body = json!({"Name": "web", "EndpointSpec": {"Ports": [port]},
        "TaskTemplate": {"ContainerSpec": {"Image": "nginx"}, "Networks": [{"Target": "back"}]}});
    let service =
        lab.post("/services/create", &body).await.body["ID"].as_str().expect("an id").to_owned();
    let before = lab.contents();
    let used = lab.delete("/networks/back").await;
    assert_eq!(used.status, 400);
    assert!(
        used.message().ends_with(&format!("is in use by service {service}")),
        "{}",
        used.message()
    );
    let ingress = lab.delete("/networks/ingress").await;
    let message =
        format!("ingress network cannot be removed because service {service} depends on it");
    assert_eq!((ingress.status, ingress.message()), (400, message.as_str()));
    assert_eq!(lab.contents(), before);
    lab.delete("/services/web").await;
    assert_eq!(lab.delete("/networks/ingress").await.status, 204);
    let needs = lab.post("/services/create", &body).await;
    assert_eq!(
        (needs.status, needs.message()),
        (400, "service needs ingress network, but no ingress network is present")
    );
}

#[tokio::test]
async fn nodes_that_are_no_managers_make_no_overlay() {
    for (state, text) in [
        (LocalNodeState::Inactive, "This node is not a swarm manager. Use \"docker swarm init\""),
        (LocalNodeState::Active, "Cannot create a multi-host network from a worker node."),
    ] {
        let lab = Lab::not_manager(state, Path::new(NO_ENGINE));
        let reply = lab.post("/networks/create", &overlay("back")).await;
        assert_eq!(reply.status, 403);
        assert!(reply.message().starts_with(text), "{}", reply.message());
    }
}

#[tokio::test]
async fn addresses_and_numbers_that_are_asked_for_are_kept() {
    let lab = Lab::manager();
    let config = json!({"Subnet": "10.7.0.0/24", "IPRange": "10.7.0.128/25", "Gateway": "10.7.0.254",
        "AuxiliaryAddresses": {"router": "10.7.0.253"}});
    let vni = json!({"com.docker.network.driver.overlay.vxlanid_list": "5000"});
    let body =
        json!({"Name": "asked", "Driver": "overlay", "IPAM": {"Config": [config]}, "Options": vni});
    assert_eq!(lab.post("/networks/create", &body).await.status, 201);
    let network = lab.get("/networks/asked").await.body;
    assert_eq!((&network["IPAM"]["Config"][0], &network["Options"]), (&config, &vni));
    let again = json!({"Name": "again", "Driver": "overlay", "Options": vni});
    let taken = lab.post("/networks/create", &again).await;
    assert_eq!(taken.status, 409);
    assert!(taken.message().starts_with("VXLAN id 5000 already belongs"), "{}", taken.message());
    for (member, value, message) in [
        ("IPRange", json!("10.8.0.0/25"), "subnet 10.7.1.0/24 does not contain range 10.8.0.0/25"),
        ("IPRange", json!("10.7.1.1/25"), "invalid range 10.7.1.1/25: it should be 10.7.1.0/25"),
        ("Gateway", json!("10.7.1.0"), "subnet 10.7.1.0/24 does not contain gateway 10.7.1.0"),
        (
            "AuxiliaryAddresses",
            json!({"a": "10.8.0.1"}),
            "subnet 10.7.1.0/24 does not contain auxiliary address a=10.8.0.1",
        ),
    ] {
        let mut config = json!({"Subnet": "10.7.1.0/24"});
        config[member] = value;
        let body = json!({"Name": "wrong", "Driver": "overlay", "IPAM": {"Config": [config]}});
        let refused = lab.post("/networks/create", &body).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, format!("invalid network config: {message}").as_str())
        );
    }
    for vni in ["", "1,2", "4095", "16777216"] {
        let options = json!({"com.docker.network.driver.overlay.vxlanid_list": vni});
        let body = json!({"Name": "wrong", "Driver": "overlay", "Options": options});
        assert_eq!(lab.post("/networks/create", &body).await.status, 400, "{vni}");
    }
}

#[tokio::test]
async fn filters_choose_among_networks() {
    let lab = Lab::manager();
    let mut back = overlay("back");
    back["Labels"] = json!({"tier": "db"});
    lab.post("/networks/create", &back).await;
    lab.post("/networks/create", &overlay("backup")).await;
    for (filters, expected) in [
        (json!({"name": ["back"]}), vec!["back", "backup"]),
        (json!({"name": {"^back$": true}}), vec!["back"]),
        (json!({"name": ["up$"]}), vec!["backup"]),
        (json!({"name": ["^in"]}), vec!["ingress"]),
        (json!({"label": ["tier=db"]}), vec!["back"]),
        (json!({"label": {"tier": true}}), vec!["back"]),
        (json!({"driver": ["bridge"]}), vec![]),
        (json!({"driver": ["overlay", "bridge"]}), vec!["back", "backup", "ingress"]),
        (json!({"scope": ["local"]}), vec![]),
        (json!({"type": ["custom"], "scope": ["swarm"]}), vec!["back", "backup", "ingress"]),
        (json!({"type": ["builtin"]}), vec![]),
        (json!({"dangling": ["false"]}), vec![]),
        (json!({"id": ["zzzz"]}), vec![]),
    ] {
        let query = crate::engine::segment(&filters.to_string());
        let listed = lab.get(&format!("/networks?filters={query}")).await.body;
        let mut names: Vec<&str> = listed
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["Name"].as_str().expect("a name"))
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{filters}");
    }
}

#[tokio::test]
async fn an_inspection_tells_who_is_on_a_network() {
    let lab = Lab::manager();
    let mut node = named_node(150, 3, "third");
    node.data_path_addr = Some("192.0.2.3".parse().expect("an address"));
    lab.commit(Op::PutNode(Box::new(node.clone()))).await;
    let mut back = fixture::network(201, "back", 4200, "10.0.7.0/24");
    back.spec.attachable = true;
    lab.commit(Op::PutNetwork(Box::new(back.clone()))).await;
    let addr = |text: &str| text.parse().expect("an address");
    let mut web = fixture::service(202, "web");
    web.endpoint.virtual_ips =
        vec![VirtualIp { network_id: back.id.clone(), addr: addr("10.0.7.2/24") }];
    lab.commit(Op::PutService(Box::new(web.clone()))).await;
    let web = lab.store.state().services()[&web.id].clone();
    let mut task = fixture::task(203, &web, 1);
    task.node_id = Some(node.id.clone());
    task.status.state = TaskState::Running;
    let network_id = back.id.clone();
    task.attachments =
        vec![NetworkAttachment { network_id, addr: addr("10.0.7.3/24"), aliases: Vec::new() }];
    lab.commit(Op::PutTask(Box::new(task.clone()))).await;
    let id = AttachmentId::random(&mut fixture::rng(204));
    let attachment = Attachment {
        id: id.clone(),
        meta: Default::default(),
        network_id: back.id.clone(),
        node_id: node.id.clone(),
        addr: addr("10.0.7.4/24"),
        aliases: Vec::new(),
        asked: false,
        container: Some(AttachedContainer {
            id: "c1".to_owned(),
            name: "shell".to_owned(),
            running: true,
        }),
    };
    lab.commit(Op::PutAttachment(Box::new(attachment))).await;
    let plain = lab.get("/networks/back").await.body;
    assert_eq!(plain["Peers"], json!([{"Name": "third", "IP": "192.0.2.3"}]));
    assert!(plain.get("Services").is_none());
    let info = json!({"Host IP": "192.0.2.3"});
    let services = json!({
        "web": {"VIP": "10.0.7.2", "Ports": [], "LocalLBIndex": 0, "Tasks": [{"Name": format!("web.1.{}", task.id),
            "EndpointID": task.id, "EndpointIP": "10.0.7.3", "Info": info}]},
        "": {"VIP": "", "Ports": [], "LocalLBIndex": 0, "Tasks": [{"Name": "shell",
            "EndpointID": id, "EndpointIP": "10.0.7.4", "Info": info}]},
    });
    assert_eq!(lab.get("/networks/back?verbose=true").await.body["Services"], services);
    let wrong = lab.get("/networks/back?verbose=perhaps").await;
    assert_eq!((wrong.status, wrong.message()), (400, "invalid value for verbose: perhaps"));
    assert_eq!(lab.get("/tasks").await.body.as_array().map(Vec::len), Some(1), "only the task");
}
