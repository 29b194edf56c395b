//! What each check says of which facts.

use std::collections::BTreeSet;

use serde_json::json;
use swarmlite_manager::quorum::Quorum;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::fixture;
use swarmlite_proto::error::Error;
use swarmlite_proto::format::Versions;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::version::Generation;

use super::*;

/// A cluster of so many managers, of which some cannot be reached, and so many workers.
fn cluster(managers: u16, lost: u16, workers: u16) -> ClusterFacts {
    let mut state = State::default();
    let mut quorum = Quorum::default();
    for index in 1..=managers + workers {
        let mut node = fixture::node(index.into(), index);
        node.description = Some(NodeDescription {
            hostname: format!("node{index}"),
            ..NodeDescription::default()
        });
        node.status.state = NodeState::Ready;
        node.versions = Versions::own();
        if index <= managers {
            let addr = ([192, 0, 2, index.to_be_bytes()[1]], 2377).into();
            node.manager = Some(ManagerRecord { raft_id: index.into(), addr });
            let reached = index > lost;
            let reachability =
                if reached { Reachability::Reachable } else { Reachability::Unreachable };
            quorum.reachability.insert(node.id.clone(), reachability);
        }
        fixture::commit(&mut state, vec![Op::PutNode(Box::new(node))]).expect("is sound");
    }
    ClusterFacts { state, quorum }
}

fn id(index: u16) -> NodeId {
    fixture::node(index.into(), index).id
}

fn change(cluster: &mut ClusterFacts, index: u16, change: impl Fn(&mut Node)) {
    let mut node = Node::clone(&cluster.state.nodes()[&id(index)]);
    change(&mut node);
    fixture::commit(&mut cluster.state, vec![Op::PutNode(Box::new(node))]).expect("is sound");
}

fn agent() -> AgentFacts {
    AgentFacts {
        session: Ok(([192, 0, 2, 1], 2377).into()),
        told: Generation(9),
        programmed: Generation(9),
        waited: Duration::from_secs(3),
        answering: BTreeSet::new(),
        silent: BTreeSet::new(),
        clocks: Vec::new(),
        http: BTreeMap::new(),
    }
}

fn said(check: &Check) -> (CheckResult, &str) {
    assert_eq!(
        check.advice.is_empty(),
        matches!(check.result, CheckResult::Ok | CheckResult::Skipped),
        "what is wrong has advice, and nothing else: {check:?}"
    );
    (check.result, &check.message)
}

#[test]
fn an_engine_answers_and_is_not_too_old() {
    let engine = |version, api| Ok(Some(json!({"Version": version, "ApiVersion": api})));
    let fine = check_engine(&engine("20.10.24", "1.41"));
    assert_eq!(said(&fine), (CheckResult::Ok, "Docker Engine 20.10.24, API 1.41"));
    let old = check_engine(&engine("19.03.1", "1.40"));
    let message = "Docker Engine 19.03.1, API 1.40: swarmlite needs API 1.41 or newer";
    assert_eq!(said(&old), (CheckResult::Failed, message));
    let gone = check_engine(&Err(Error::unavailable("Cannot connect")));
    assert_eq!(said(&gone), (CheckResult::Failed, "Cannot connect"));
}

#[test]
fn most_managers_are_reached_and_one_more_could_be_lost() {
    for (managers, lost, result, message) in [
        (1, 0, CheckResult::Ok, "1 of 1 manager reached, 1 needed"),
        (
            2,
            0,
            CheckResult::Warning,
            "2 of 2 managers reached, 2 needed: if one is lost, nothing can be changed any more",
        ),
        (3, 0, CheckResult::Ok, "3 of 3 managers reached, 2 needed"),
        (3, 1, CheckResult::Failed, "2 of 3 managers reached, 2 needed; not reached: node1"),
        (
            4,
            0,
            CheckResult::Warning,
            "4 of 4 managers reached, 3 needed: one fewer would survive the loss of as many",
        ),
    ] {
        let check = check_quorum(Some(&Ok(cluster(managers, lost, 2))));
        assert_eq!(said(&check), (result, message));
    }
    let check = check_quorum(Some(&Err(Error::unknown("there is no leader"))));
    assert_eq!(said(&check), (CheckResult::Failed, "there is no leader"));
    assert_eq!(said(&check_quorum(None)), (CheckResult::Skipped, "only a manager knows"));
}

#[test]
fn nodes_that_are_down_are_named() {
    let mut facts = cluster(1, 0, 2);
    let check = check_nodes(Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Ok, "3 nodes ready"));
    change(&mut facts, 2, |node| node.status.state = NodeState::Unknown);
    let check = check_nodes(Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Warning, "not heard of yet: node2"));
    change(&mut facts, 3, |node| node.status.state = NodeState::Down);
    let check = check_nodes(Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Failed, "1 of 3 nodes down: node3"));
}

#[test]
fn mixed_versions_are_an_upgrade_under_way() {
    let mut facts = cluster(1, 0, 2);
    let own = Versions::own();
    let newer = format!("protocol {}, format {}", own.protocol, own.format);
    let check = check_versions(Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Ok, &*format!("3 nodes of {newer}")));
    change(&mut facts, 2, |node| node.versions = Versions::default());
    let check = check_versions(Some(&facts.state));
    let message = format!("mixed: node2 of protocol 0-0, format 0; node1, node3 of {newer}");
    assert_eq!(said(&check), (CheckResult::Warning, &*message));
}

#[test]
fn a_disk_that_fills_up_is_noticed() {
    let disk = |mebibytes| {
        let folder = "/var/lib/swarmlite".into();
        check_disk(&Ok(DiskFacts { folder, free: mebibytes * MEBIBYTE, total: 4096 * MEBIBYTE }))
    };
    for (free, result) in
        [(2000, CheckResult::Ok), (1023, CheckResult::Warning), (255, CheckResult::Failed)]
    {
        let message = format!("{free} of 4096 MiB free at /var/lib/swarmlite");
        assert_eq!(said(&disk(free)), (result, &*message));
    }
    let check = check_disk(&Err("cannot look at /x".to_owned()));
    assert_eq!(said(&check), (CheckResult::Failed, "cannot look at /x"));
}

#[test]
fn clocks_are_compared_as_far_as_the_round_trip_lets() {
    let read = |millis, ahead, round_trip| {
        Ok(ClockReading {
            apart: Duration::from_millis(millis),
            ahead,
            round_trip: Duration::from_millis(round_trip),
        })
    };
    let with = |clocks: Vec<std::result::Result<ClockReading, String>>| {
        let addrs = (2..).map(|last| SocketAddr::from(([192, 0, 2, last], 2377)));
        let facts = AgentFacts { clocks: addrs.zip(clocks).collect(), ..agent() };
        check_clocks(&facts, Some(&cluster(3, 0, 0).state))
    };
    let none = with(Vec::new());
    assert_eq!(said(&none), (CheckResult::Skipped, "there is no other manager to compare with"));
    let fine = with(vec![read(2, true, 1), read(30, false, 4)]);
    let message = "2 other managers asked, at most 30.0 ms behind this node (± 2.0 ms)";
    assert_eq!(said(&fine), (CheckResult::Ok, message));
    // All of it may have been on the way there.
    let unsure = with(vec![read(1400, true, 900)]);
    assert_eq!(unsure.result, CheckResult::Ok);
    let off = with(vec![read(2, true, 1), read(1400, true, 10)]);
    let message = "node3 is 1400.0 ms ahead of this node (± 5.0 ms)";
    assert_eq!(said(&off), (CheckResult::Failed, message));
    let silent = with(vec![Err("no answer".to_owned())]);
    assert_eq!(said(&silent), (CheckResult::Skipped, "node2: no answer"));
}

#[test]
fn ports_that_somebody_else_has_are_named() {
    let with = |ports: &[(u16, Option<&str>)]| {
        let http = ports.iter().map(|(port, why)| (*port, why.map(str::to_owned))).collect();
        check_http(&AgentFacts { http, ..agent() })
    };
    assert_eq!(with(&[]), None, "nobody asks for it");
    let both = with(&[(80, None), (443, None)]).expect("is asked for");
    assert_eq!(said(&both), (CheckResult::Ok, "answers HTTP on ports 80 and 443"));
    let one = with(&[(8080, None)]).expect("is asked for");
    assert_eq!(said(&one), (CheckResult::Ok, "answers HTTP on port 8080"));
    let taken = with(&[(80, None), (443, Some("Address already in use"))]).expect("is asked for");
    let message = "cannot answer HTTP on port 443: Address already in use";
    assert_eq!(said(&taken), (CheckResult::Failed, message));
}

#[test]
fn nodes_that_are_silent_in_the_tunnel_are_named_unless_they_are_down() {
    let mut facts = cluster(1, 0, 2);
    let mut agent = agent();
    agent.answering.insert(id(2));
    let check = check_tunnel(&agent, Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Ok, "1 other node answers through the tunnel"));
    agent.silent.insert(id(3));
    let check = check_tunnel(&agent, Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Failed, "no answer through the tunnel: node3"));
    // A worker does not know what it is called, nor whether it is down.
    let check = check_tunnel(&agent, None);
    let message = format!("no answer through the tunnel: {}", id(3));
    assert_eq!(said(&check), (CheckResult::Failed, &*message));
    change(&mut facts, 3, |node| node.status.state = NodeState::Down);
    let check = check_tunnel(&agent, Some(&facts.state));
    assert_eq!(said(&check), (CheckResult::Ok, "1 other node answers through the tunnel"));
}

#[test]
fn tables_that_lag_are_noticed() {
    let mut agent = agent();
    let check = check_tables(&agent);
    let message = "the kernel holds generation 9, as this node was told";
    assert_eq!(said(&check), (CheckResult::Ok, message));
    agent.programmed = Generation(7);
    let check = check_tables(&agent);
    let message = "the kernel holds generation 7, and 9 was told at least 3 s ago";
    assert_eq!(said(&check), (CheckResult::Failed, message));
}

#[test]
fn a_node_outside_of_a_swarm_is_asked_for_nothing_of_it() {
    let disk = DiskFacts { folder: "/x".into(), free: u64::MAX, total: u64::MAX };
    let facts = NodeFacts { disk: Ok(disk), agent: None };
    let checks = all(&Ok(None), &SwarmInfo::default(), &facts, None);
    let names: Vec<_> = checks.iter().map(|check| &*check.name).collect();
    assert_eq!(names, ["engine", "swarm", "disk"]);
    assert_eq!(said(&checks[1]), (CheckResult::Failed, "this node is in no swarm"));
}

#[test]
fn a_session_that_is_lost_says_why() {
    let mut agent = agent();
    assert_eq!(
        said(&check_session(&agent)),
        (CheckResult::Ok, "in session with the leader at 192.0.2.1:2377")
    );
    agent.session = Err("cannot reach 192.0.2.1:2377".to_owned());
    let check = check_session(&agent);
    let message = "in session with no manager: cannot reach 192.0.2.1:2377";
    assert_eq!(said(&check), (CheckResult::Failed, message));
}
