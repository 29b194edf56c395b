//! Calls with something wrong in them. They are answered, and nothing breaks.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_json;
use tower::ServiceExt;

use super::*;
use crate::network::Config;
use crate::network::DataPlane;
use crate::network::desired::Node;
use crate::network::desired::tests::network_id;
use crate::network::desired::tests::settled_assignments;
use crate::network::desired::tests::this_node;
use crate::network::kernel::fake::FakeKernel;

#[tokio::test(start_paused = true)]
async fn no_call_breaks_anything() {
    let Node { id, data_path_addr } = this_node();
    let config =
        Config { state_dir: "/nonexistent".into(), node_id: id, data_path_addr, plugin_dir: None };
    let handle = DataPlane::start_with(config, FakeKernel::new()).expect("no driver");
    handle.set_assignments(settled_assignments(1)).await.expect("running");
    handle.ready(&network_id(1)).await.expect("running");
    let endpoint = json!({"NetworkID": "n", "EndpointID": "0123456789é", "Interface": {"Address": "10.0.1.7/24", "MacAddress": ""}});
    let network = json!({
        "NetworkID": "n", "Options": {"com.docker.network.generic": {NETWORK_ID_LABEL: network_id(1)}},
        "IPv4Data": [{"AddressSpace": "l", "Pool": "10.0.1.0/24", "Gateway": "10.0.1.1/24"}],
    });
    let calls = [
        ("CreateNetwork", &network),
        ("CreateEndpoint", &endpoint),
        ("Join", &endpoint),
        ("DeleteEndpoint", &endpoint),
    ];
    for mut case in cases(100) {
        for (call, sound) in calls {
            let mut body = spoiled_json(&mut case, sound);
            if case.number.is_multiple_of(3) {
                spoil_bytes(&mut case, &mut body);
            }
            let request = Request::post(format!("/NetworkDriver.{call}")).body(Body::from(body));
            let answer = router(handle.clone()).oneshot(request.expect("a request")).await;
            assert!(answer.expect("is answered").status().is_success(), "{call}");
        }
    }
}
