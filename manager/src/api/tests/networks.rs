//! Networks of the cluster.

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
