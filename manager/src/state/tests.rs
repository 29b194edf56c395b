//! What `apply` promises.

use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::object::VirtualIp;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::IpamConfig;
use swarmlite_proto::spec::IpamOptions;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::task_state::TaskState;

use super::fixture::commit;
use super::fixture::network;
use super::fixture::node;
use super::fixture::service;
use super::fixture::task;
use super::*;

fn put(state: &mut State, service: &Service) -> swarmlite_proto::error::Result<Arc<Service>> {
    commit(state, vec![Op::PutService(Box::new(service.clone()))])?;
    Ok(Arc::clone(&state.services()[&service.id]))
}

/// The indexes must always be what the tables give.

#[test]
fn a_write_from_an_old_version_is_refused() {
    let mut state = State::default();
    let first = put(&mut state, &service(1, "web")).expect("is new");
    put(&mut state, &first).expect("is current");
    let refused = put(&mut state, &first).expect_err("is old");
    assert_eq!(refused, out_of_sequence());
    let again = put(&mut state, &service(1, "web")).expect_err("is not new");
    assert_eq!(again, out_of_sequence());
}

#[test]
fn a_refused_transaction_leaves_no_trace() {
    let mut state = State::default();
    put(&mut state, &service(1, "web")).expect("is new");
    let before = state.clone();
    let ops = vec![
        Op::PutService(Box::new(service(2, "other"))),
        Op::PutService(Box::new(service(3, "WEB"))),
    ];
    let refused = commit(&mut state, ops).expect_err("the name is taken");
    assert_eq!(
        refused.message,
        "name conflicts with an existing object: service WEB already exists"
    );
    assert_eq!(state.tables, before.tables);
    state.assert_sound();
}

#[test]
fn a_published_port_has_one_service() {
    let mut state = State::default();
    let publish = |mut service: Service, port: u16| {
        let port = PortConfig { target_port: 80, published_port: port, ..PortConfig::default() };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
        service
    };
    let first = put(&mut state, &publish(service(1, "one"), 8000)).expect("is free");
    let refused = put(&mut state, &publish(service(2, "two"), 8000)).expect_err("is taken");
    assert_eq!(
        refused.message,
        format!("port '8000' is already in use by service 'one' ({}) as an ingress port", first.id)
    );
    put(&mut state, &publish(service(3, "three"), 8001)).expect("is free");
    let remove = Op::Remove(ObjectRef::Service(first.id.clone()), first.meta.version);
    commit(&mut state, vec![remove]).expect("is there");
    put(&mut state, &publish(service(2, "two"), 8000)).expect("is free again");
    state.assert_sound();
}

#[test]
fn an_address_has_one_owner_and_networks_do_not_overlap() {
    let mut state = State::default();
    let net = network(1, "front", 4097, "10.0.1.0/24");
    commit(&mut state, vec![Op::PutNetwork(Box::new(net.clone()))]).expect("is new");
    for (seed, vni, subnet) in [(2, 4097, "10.0.2.0/24"), (3, 4098, "10.0.0.0/16")] {
        let clash = network(seed, "back", vni, subnet);
        commit(&mut state, vec![Op::PutNetwork(Box::new(clash))]).expect_err("clashes");
    }
    let asking = |seed, name: &str, subnet: &str| {
        let config =
            IpamConfig { subnet: Some(subnet.parse().expect("a subnet")), ..IpamConfig::default() };
        let mut network = network(seed, name, 0, subnet);
        network.allocation = None;
        network.spec.ipam = Some(IpamOptions { config: vec![config], ..IpamOptions::default() });
        vec![Op::PutNetwork(Box::new(network))]
    };
    commit(&mut state, asking(6, "back", "10.0.1.128/25")).expect_err("is given to another");
    commit(&mut state, asking(6, "back", "10.0.3.0/24")).expect("is free");
    commit(&mut state, asking(7, "third", "10.0.3.0/25")).expect_err("is asked for by another");
    let mut one = service(4, "one");
    let addr = "10.0.1.2/24".parse().expect("an address");
    one.endpoint.virtual_ips = vec![VirtualIp { network_id: net.id, addr }];
    put(&mut state, &one).expect("is free");
    let mut two = service(5, "two");
    two.endpoint.virtual_ips = one.endpoint.virtual_ips.clone();
    put(&mut state, &two).expect_err("is taken");
    state.assert_sound();
}

#[test]
fn the_ingress_network_is_found_as_long_as_it_is_there() {
    let mut state = State::default();
    let ingress = |id, subnet| {
        let mut network = network(id, "ingress", 4098, subnet);
        network.spec.ingress = true;
        network
    };
    let found = |state: &State| state.ingress_network().map(|network| network.spec.name.clone());
    commit(&mut state, vec![Op::PutNetwork(Box::new(network(1, "back", 4097, "10.0.1.0/24")))])
        .expect("is new");
    assert_eq!(found(&state), None);
    for (id, subnet) in [(2, "10.0.2.0/24"), (3, "10.0.3.0/24")] {
        let network = ingress(id, subnet);
        let put = vec![Op::PutNetwork(Box::new(network.clone()))];
        let version = commit(&mut state, put).expect("is the only one");
        assert_eq!(found(&state).as_deref(), Some("ingress"));
        state.assert_sound();
        let remove = vec![Op::Remove(ObjectRef::Network(network.id), version)];
        commit(&mut state, remove).expect("is free");
        assert_eq!(found(&state), None);
    }
    state.assert_sound();
}

#[test]
fn a_network_in_use_is_not_removed() {
    let mut state = State::default();
    let back = network(1, "back", 4097, "10.0.1.0/24");
    let mut ingress = network(2, "ingress", 4098, "10.0.2.0/24");
    ingress.spec.ingress = true;
    let networks = [&back, &ingress].map(|one| Op::PutNetwork(Box::new(one.clone())));
    let version = commit(&mut state, networks.to_vec()).expect("are new");
    let remove =
        |network: &Network| vec![Op::Remove(ObjectRef::Network(network.id.clone()), version)];

    let mut user = service(3, "user");
    let target = back.id.to_string();
    user.spec.task_template.networks =
        vec![NetworkAttachmentConfig { target, ..NetworkAttachmentConfig::default() }];
    let port = PortConfig { target_port: 80, ..PortConfig::default() };
    user.spec.endpoint_spec = Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    let user = put(&mut state, &user).expect("is new");
    let refused = commit(&mut state, remove(&back)).expect_err("is used");
    assert_eq!(refused.message, format!("network {} is in use by service {}", back.id, user.id));
    commit(&mut state, remove(&ingress)).expect_err("is used");

    let mut last = task(4, &user, 1);
    let addr = "10.0.1.3/24".parse().expect("an address");
    let network_id = back.id.clone();
    last.attachments = vec![NetworkAttachment { network_id, addr, aliases: Vec::new() }];
    let mut without = Service::clone(&user);
    without.spec.endpoint_spec = None;
    without.spec.task_template.networks = Vec::new();
    commit(&mut state, vec![Op::PutTask(Box::new(last.clone()))]).expect("fine");
    let user = put(&mut state, &without).expect("is current");
    commit(&mut state, remove(&ingress)).expect("is free: no service publishes a port");
    let refused = commit(&mut state, remove(&back)).expect_err("is used");
    assert_eq!(refused.message, format!("network {} is in use by task {}", back.id, last.id));

    // Either is enough: the task is to end, or its service is gone.
    let mut with_loops = state.clone();
    last.meta = state.tasks()[&last.id].meta;
    last.desired_state = TaskState::Remove;
    commit(&mut with_loops, vec![Op::PutTask(Box::new(last))]).expect("fine");
    commit(&mut with_loops, remove(&back)).expect("is free");
    let gone = Op::Remove(ObjectRef::Service(user.id.clone()), user.meta.version);
    commit(&mut state, vec![gone]).expect("fine");
    commit(&mut state, remove(&back)).expect("is free");
    state.assert_sound();
}

#[test]
fn specs_live_as_long_as_something_needs_them() {
    let mut state = State::default();
    let first = put(&mut state, &service(1, "web")).expect("is new");
    let job = task(2, &first, 1);
    commit(&mut state, vec![Op::PutTask(Box::new(job.clone()))]).expect("has a spec");
    let mut changed = Service::clone(&first);
    changed.spec.task_template.force_update = 1;
    let second = put(&mut state, &changed).expect("is current");
    assert_ne!(second.spec_version, first.spec_version);
    assert!(state.revision(&first.id, first.spec_version).is_some(), "the task needs it");
    let remove = Op::Remove(ObjectRef::Task(job.id.clone()), state.tasks()[&job.id].meta.version);
    commit(&mut state, vec![remove]).expect("is there");
    assert!(state.revision(&first.id, first.spec_version).is_none(), "nothing needs it");
    assert!(state.revision(&first.id, second.spec_version).is_some(), "the service needs it");
    state.assert_sound();
}

#[test]
fn reports_never_take_a_task_back_and_come_from_its_node_only() {
    let mut state = State::default();
    let service = put(&mut state, &service(1, "web")).expect("is new");
    let (home, stranger) = (node(2, 1).id, node(3, 2).id);
    let mut job = task(4, &service, 1);
    job.node_id = Some(home.clone());
    commit(&mut state, vec![Op::PutTask(Box::new(job.clone()))]).expect("has a spec");
    let mut report = |node: &NodeId, reported| {
        let status = Box::new(TaskStatus { state: reported, ..TaskStatus::default() });
        let op = Op::ReportTask { node_id: node.clone(), task_id: job.id.clone(), status };
        commit(&mut state, vec![op]).expect("reports are never refused");
        state.tasks()[&job.id].status.state
    };
    assert_eq!(report(&stranger, TaskState::Running), TaskState::New);
    assert_eq!(report(&home, TaskState::Running), TaskState::Running);
    assert_eq!(report(&home, TaskState::Starting), TaskState::Running);
    assert_eq!(report(&home, TaskState::Failed), TaskState::Failed);
    assert_eq!(report(&home, TaskState::Orphaned), TaskState::Failed);
    state.assert_sound();
}

#[test]
fn a_snapshot_gives_the_same_state() {
    let mut state = State::default();
    let service = put(&mut state, &service(1, "web")).expect("is new");
    commit(&mut state, vec![Op::PutTask(Box::new(task(2, &service, 1)))]).expect("has a spec");
    commit(&mut state, vec![Op::PutNode(Box::new(node(3, 1)))]).expect("is new");
    let bytes = rmp_serde::to_vec_named(&Snapshot::from(state.clone())).expect("is written");
    let read: State = rmp_serde::from_slice::<Snapshot>(&bytes).expect("is read").into();
    assert_eq!(read.tables, state.tables);
    assert_eq!(read.applied, state.applied);
    read.assert_sound();
}

#[test]
fn what_is_refused_half_way_leaves_no_trace() {
    let mut state = State::default();
    let web = put(&mut state, &service(1, "web")).expect("is new");
    let tasks = [task(2, &web, 1), task(3, &web, 2)];
    let puts = tasks.clone().map(|task| Op::PutTask(Box::new(task)));
    commit(&mut state, puts.to_vec()).expect("have a spec");
    let moved = |id: &TaskId, to: TaskState| {
        let mut task = Task::clone(&state.tasks()[id]);
        task.status.state = to;
        task.node_id = Some(NodeId::FIRST);
        Op::PutTask(Box::new(task))
    };
    let [one, other] = tasks.map(|task| task.id);
    let stale = Op::Remove(ObjectRef::Service(web.id.clone()), Version::NONE);
    let further = Op::PutService(Box::new(service(4, "db")));
    let gone = Op::Remove(ObjectRef::Task(other.clone()), state.tasks()[&other].meta.version);
    let refused = [
        vec![moved(&one, TaskState::Assigned), moved(&other, TaskState::Failed), stale.clone()],
        vec![moved(&one, TaskState::Running), further, gone, stale],
    ];
    for ops in refused {
        let mut after = state.clone();
        commit(&mut after, ops).expect_err("is stale");
        assert_eq!((after.applied(), &after.tables), (state.applied(), &state.tables));
        assert_eq!(after.indexes, state.indexes);
    }
}
