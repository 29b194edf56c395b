//! One node with an engine, which uses the network driver.

use std::net::Ipv4Addr;

use swarmlite_proto::balance::Balancer as Kind;
use swarmlite_proto::id::NetworkId;

use super::description::Cluster;
use super::description::PUBLISHED;
use super::description::TARGET;
use super::description::VIP;
use crate::engine::Engine;
use crate::rig::CLIENT;
use crate::rig::Rig;
use crate::rig::underlay;
use crate::talk::ask_tcp;
use crate::talk::ask_udp;
use crate::talk::serve;

/// The engine finds the driver, makes the cluster's networks and no others, and connects a container.
pub(crate) async fn an_engine_puts_containers_on_our_networks(kind: Kind) {
    assert!(Engine::installed(), "the network driver needs a Docker Engine: install docker.io");
    let mut rig = Rig::new("c", kind);
    let mut cluster = Cluster::new();
    let folder = rig.folder().join("engine");
    let node = rig.node_with_driver(1, cluster.nodes[0].clone(), &Engine::plugins(&folder));
    let engine = Engine::start(&node.netns, folder).await;
    engine.import_empty();
    cluster.set_serving(1, false);
    let nodes = [node];
    cluster.publish(&nodes).await;
    let node = &nodes[0];

    // Only the cluster's own networks can be made, and only as they are.
    let refused =
        engine.try_docker("network create -d swarmlite mine").expect_err("not of the cluster");
    assert!(refused.contains("networks of this driver are made by the cluster"), "{refused}");
    let create = |id: &NetworkId, subnet: &str, name: &str| {
        format!("network create -d swarmlite -o swarmlite.network.id={id} --subnet {subnet} {name}")
    };
    let refused =
        engine.try_docker(&create(&cluster.app, "10.0.2.0/24", "app")).expect_err("subnet");
    assert!(refused.contains("has the subnet 10.0.1.0/24, not 10.0.2.0/24"), "{refused}");
    engine.docker(&create(&cluster.app, "10.0.1.0/24 --gateway 10.0.1.1", "app"));
    engine.docker(&create(&cluster.ingress, "10.255.0.0/16 --gateway 10.255.0.1", "ingress"));

    engine.docker(
        "create --name one -v /usr:/usr:ro --network ingress --ip 10.255.0.11 empty sleep 3600",
    );
    engine.docker("network connect --ip 10.0.1.11 app one");
    engine.docker("start one");
    let pid: u32 = engine.docker("inspect -f {{.State.Pid}} one").parse().expect("pid");
    node.data_plane
        .container_started(pid, Ipv4Addr::new(10, 0, 1, 11))
        .await
        .expect("nothing to do");
    node.data_plane.container_started(pid, Ipv4Addr::new(10, 255, 0, 11)).await.expect("started");
    let one = rig.container_of(pid);
    serve(&one.netns, "one", TARGET).await;

    let client = rig.netns("client");
    let seen = underlay(CLIENT).to_string();
    assert_eq!(ask_tcp(&client, node.address(), PUBLISHED).await, format!("one {seen}"));
    assert_eq!(ask_udp(&client, node.address(), PUBLISHED).await, format!("one {seen}"));
    assert_eq!(ask_tcp(&one.netns, VIP, TARGET).await, "one 10.0.1.1");

    // A restarted daemon lets go of containers it has never seen.
    let plugins = Engine::plugins(&rig.folder().join("engine"));
    let restarted = rig.data_plane(1, &node.id, Some(&plugins));
    restarted.set_assignments(cluster.assignments.clone()).await.expect("running");
    restarted.ready(&cluster.app).await.expect("ready");
    assert_eq!(ask_tcp(&client, node.address(), PUBLISHED).await, format!("one {seen}"));
    engine.docker("rm -f one");
    let sandbox = restarted.sandbox(&cluster.app);
    let links = rig.inside("n1", &format!("nsenter --net={} ip -o link", sandbox.display()));
    assert!(!links.contains("ep"), "{links}");
    engine.docker("network rm app ingress");
    restarted.tear_down().await.expect("torn down");
}
