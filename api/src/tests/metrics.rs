//! The numbers of a node, on its socket and at an address of their own.

use super::*;
use crate::metrics_router;

#[tokio::test]
async fn the_numbers_of_every_node_are_on_its_socket() {
    let nodes = [Lab::manager(), Lab::not_manager(LocalNodeState::Inactive, Path::new(NO_ENGINE))];
    for lab in nodes {
        let reply = lab.get("/swarmlite/v1/metrics").await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.header("content-type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert_eq!(reply.body, "swarm_manager_leader 1\n# EOF\n");
    }
}

#[tokio::test]
async fn who_reaches_the_address_for_numbers_reaches_nothing_else() {
    let node: Arc<dyn NodeControl> = Lab::manager().node;
    let lab = Lab { router: metrics_router(node), ..Lab::manager() };
    let reply = lab.get("/metrics").await;
    assert_eq!((reply.status, reply.body), (200, "swarm_manager_leader 1\n# EOF\n".into()));
    for path in ["/", "/info", "/nodes", "/swarmlite/v1/openapi.json", "/containers/json"] {
        assert_eq!(lab.get(path).await.status, 404, "{path}");
    }
    assert_eq!(lab.post("/metrics", &json!({})).await.status, 405);
}
