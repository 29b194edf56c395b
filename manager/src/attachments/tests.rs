//! Who gets a place, who keeps it, and that two never have the same.

use proptest::prelude::*;
use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::object::Network;

use super::*;
use crate::state::fixture as objects;

fn container(id: &str, running: bool) -> AttachedContainer {
    AttachedContainer { id: id.to_owned(), name: format!("name-{id}"), running }
}

/// Two nodes, and networks `back` with six addresses for containers, and `closed` that is not attachable.
fn cluster() -> (State, NodeId, NodeId) {
    let mut state = State::default();
    let (one, two) = (objects::node(1, 1), objects::node(2, 2));
    let network = |seed, name, vni, subnet, attachable| {
        let mut network: Network = objects::network(seed, name, vni, subnet);
        network.spec.attachable = attachable;
        Op::PutNetwork(Box::new(network))
    };
    let ops = vec![
        Op::PutNode(Box::new(one.clone())),
        Op::PutNode(Box::new(two.clone())),
        network(3, "back", 4097, "10.0.1.0/29", true),
        network(4, "closed", 4098, "10.0.2.0/24", false),
    ];
    objects::commit(&mut state, ops).expect("is sound");
    (state, one.id, two.id)
}

fn request(network: &str, addr: Option<&str>) -> AttachRequest {
    let addr = addr.map(|addr| addr.parse().expect("an address"));
    AttachRequest { network: network.to_owned(), addr, aliases: vec!["db".to_owned()] }
}

fn place(state: &mut State, node: &NodeId, request: &AttachRequest, seed: u64) -> Result<Attached> {
    let (attached, transaction) =
        attach(state, node, request, Timestamp::EPOCH, &mut objects::rng(seed))?;
    objects::commit(state, transaction.ops)?;
    Ok(attached)
}

fn tell(state: &mut State, node: &NodeId, id: &AttachmentId, container: Option<AttachedContainer>) {
    let reports = [AttachmentReport { id: id.clone(), container }];
    let transaction = report(state, node, &reports, Timestamp::EPOCH);
    objects::commit(state, transaction.ops).expect("is sound");
}

#[test]
fn a_place_is_kept_until_its_node_says_that_nothing_has_it() {
    let (mut state, one, two) = cluster();
    let attached = place(&mut state, &one, &request("back", None), 7).expect("is free");
    assert_eq!(attached.addr.to_string(), "10.0.1.2/29");
    assert_eq!(attached.network_name, "back");
    tell(&mut state, &one, &attached.id, Some(container("c1", true)));
    let known = &state.attachments()[&attached.id];
    assert_eq!(known.container, Some(container("c1", true)));
    assert_eq!(known.aliases, ["db"]);
    tell(&mut state, &two, &attached.id, None);
    assert!(state.attachments().contains_key(&attached.id), "another node has no say");
    tell(&mut state, &one, &attached.id, None);
    assert!(state.attachments().is_empty());
    let again = place(&mut state, &two, &request("back", Some("10.0.1.2")), 8);
    assert_eq!(again.expect("is free").addr, attached.addr);
}

#[test]
fn what_cannot_be_had_is_refused_in_dockers_words() {
    let (mut state, one, _) = cluster();
    place(&mut state, &one, &request("back", Some("10.0.1.5")), 7).expect("is free");
    for (asked, kind, message) in [
        (
            request("closed", None),
            ErrorKind::Unknown,
            "Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable",
        ),
        (request("nowhere", None), ErrorKind::NotFound, "network nowhere not found"),
        (
            request("back", Some("10.0.1.5")),
            ErrorKind::InvalidArgument,
            "Could not attach to network back: Address already in use",
        ),
        (
            request("back", Some("10.0.1.1")),
            ErrorKind::InvalidArgument,
            "Could not attach to network back: Address already in use",
        ),
        (
            request("back", Some("10.0.9.1")),
            ErrorKind::InvalidArgument,
            "Could not attach to network back: Invalid address 10.0.9.1: It does not belong to any of this network's subnets",
        ),
    ] {
        let refused = place(&mut state, &one, &asked, 8).expect_err("is refused");
        assert_eq!((refused.kind, refused.message.as_str()), (kind, message));
    }
    assert_eq!(state.attachments().len(), 1);
}

#[test]
fn a_network_with_a_container_on_it_is_in_use() {
    let (mut state, one, _) = cluster();
    let attached = place(&mut state, &one, &request("back", None), 7).expect("is free");
    let network = state.networks()[&attached.network_id].clone();
    let remove = || vec![Op::Remove(ObjectRef::Network(network.id.clone()), network.meta.version)];
    let refused = objects::commit(&mut state, remove()).expect_err("is used");
    assert_eq!(
        refused.message,
        format!("network {} is in use by task {}", network.id, attached.id)
    );
    tell(&mut state, &one, &attached.id, None);
    objects::commit(&mut state, remove()).expect("is free");
}

#[test]
fn places_go_with_their_node() {
    let (mut state, one, two) = cluster();
    let lost = place(&mut state, &one, &request("back", None), 7).expect("is free");
    let kept = place(&mut state, &two, &request("back", None), 8).expect("is free");
    let version = state.nodes()[&one].meta.version;
    objects::commit(&mut state, vec![Op::Remove(ObjectRef::Node(one.clone()), version)])
        .expect("is there");
    let view = View { state: state.clone(), ..View::default() };
    let plan = reconcile(&view, Timestamp::EPOCH, &mut objects::rng(9));
    for transaction in plan.transactions {
        objects::commit(&mut state, transaction.ops).expect("is sound");
    }
    assert!(!state.attachments().contains_key(&lost.id));
    assert!(state.attachments().contains_key(&kept.id));
    let gone = place(&mut state, &one, &request("back", None), 10).expect_err("no such node");
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

proptest! {
    /// Whoever asks, whatever is freed in between, and however old the state that was decided from: no two have one address.
    #[test]
    fn no_two_have_one_address(steps in prop::collection::vec((0..2u8, any::<bool>(), any::<bool>()), 0..40)) {
        let (mut state, one, two) = cluster();
        let mut old = state.clone();
        for (seed, (node, frees, is_behind)) in (100..).zip(steps) {
            let node = if node == 0 { &one } else { &two };
            let oldest = state.attachments_of_node(node).next().map(|one| one.id.clone());
            match oldest.filter(|_| frees) {
                Some(id) => tell(&mut state, node, &id, None),
                None => {
                    let seen = if is_behind { old.clone() } else { state.clone() };
                    let asked = request("back", None);
                    let rng = &mut objects::rng(seed);
                    let decided = attach(&seen, node, &asked, Timestamp::EPOCH, rng);
                    if let Ok((_, transaction)) = decided {
                        let outcome = objects::commit(&mut state, transaction.ops);
                        prop_assert!(is_behind || outcome.is_ok());
                    }
                }
            }
            if !is_behind {
                old = state.clone();
            }
            let mut addresses: Vec<_> = state.attachments().values().map(|one| one.addr).collect();
            addresses.sort_unstable();
            let all = addresses.len();
            addresses.dedup();
            prop_assert_eq!(addresses.len(), all);
            prop_assert!(all <= 5, "gateway, network and broadcast are nobody's");
        }
    }
}
