//! What a new cluster has, and what it refuses to be.

use swarmlite_proto::spec::DEFAULT_ADDRESS_POOL;
use swarmlite_proto::spec::DEFAULT_DATA_PATH_PORT;
use swarmlite_proto::spec::DEFAULT_SUBNET_SIZE;
use swarmlite_proto::spec::MANAGER_PORT;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Nanoseconds;

use super::*;
use crate::state::State;
use crate::state::fixture::rng;

/// A plain `swarmlite init`.
pub(crate) fn init() -> ClusterInit {
    ClusterInit {
        spec: SwarmSpec::default(),
        advertise_addr: SocketAddr::from(([192, 0, 2, 1], MANAGER_PORT)),
        availability: Availability::Active,
        default_addr_pool: vec![DEFAULT_ADDRESS_POOL],
        subnet_size: DEFAULT_SUBNET_SIZE,
        data_path_port: DEFAULT_DATA_PATH_PORT,
    }
}

/// A cluster of one manager, and who that is.
pub(crate) fn founded() -> (State, Identity) {
    let founding = found(init(), &mut rng(1), Timestamp::now()).expect("founds");
    let mut state = State::default();
    state.apply(1, founding.transaction).expect("the state is empty");
    (state, founding.identity)
}

#[test]
fn a_cluster_starts_with_dockers_defaults() {
    let (state, identity) = founded();
    let cluster = state.cluster().expect("there is one");
    assert_eq!(cluster.spec, SwarmSpec::defaults());
    assert_eq!(cluster.default_addr_pool, ["10.0.0.0/8".parse().expect("a pool")]);
    assert_eq!((cluster.subnet_size, cluster.data_path_port), (24, 4789));
    assert_eq!(cluster.next_raft_id, 2);
    let node = &state.nodes()[&identity.node_id];
    assert_eq!(node.index, NodeIndex::FIRST);
    assert_eq!(node.role, NodeRole::Manager);
    let manager = node.manager.expect("is a manager");
    assert_eq!(manager, ManagerRecord { raft_id: 1, addr: init().advertise_addr });
    assert_eq!(state.ingress_network().expect("there is one").spec.name, "ingress");
}

#[test]
fn what_is_asked_for_goes_over_the_defaults() {
    let mut init = init();
    init.spec.dispatcher.heartbeat_period = Nanoseconds::from_secs(2);
    init.spec.orchestration.task_history_retention_limit = Some(0);
    init.default_addr_pool = vec!["10.20.0.0/16".parse().expect("a pool")];
    init.subnet_size = 26;
    init.spec.ca_config.force_rotate = 6;
    let founding = found(init, &mut rng(1), Timestamp::EPOCH).expect("founds");
    let Op::PutCluster(cluster) = &founding.transaction.ops[0] else { panic!("no cluster") };
    assert_eq!(cluster.spec.dispatcher.heartbeat_period, Nanoseconds::from_secs(2));
    assert_eq!(cluster.spec.orchestration.task_history_retention_limit, Some(0));
    assert_eq!(cluster.spec.raft, SwarmSpec::defaults().raft);
    assert_eq!(cluster.default_addr_pool, ["10.20.0.0/16".parse().expect("a pool")]);
    assert_eq!(cluster.subnet_size, 26);
    assert_eq!(cluster.spec.ca_config.force_rotate, 6);
}

#[test]
fn what_cannot_be_is_refused_in_dockers_words() {
    type Change = fn(&mut ClusterInit);
    let cases: [(Change, &str); 2] = [
        (|init| init.spec.name = "mine".to_owned(), "swarm spec must be named \"default\""),
        (
            |init| init.spec.ca_config.node_cert_expiry = Nanoseconds::from_secs(3599),
            "minimum certificate expiry time is: 1h0m0s",
        ),
    ];
    for (change, text) in cases {
        let mut init = init();
        change(&mut init);
        let refused = found(init, &mut rng(1), Timestamp::EPOCH).expect_err("is refused");
        assert_eq!(refused.message, text);
    }
}
