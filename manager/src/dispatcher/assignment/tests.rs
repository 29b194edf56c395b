//! What nodes are told.

use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::EndpointOptions;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::value::generic_resource;

use super::*;
use crate::loops::tests::world::World;
use crate::state::NodeReport;
use crate::state::Op;
use crate::state::document::tests::document;
use crate::state::document::tests::reference;
use crate::state::fixture as objects;

mod acme;
mod anew;
mod http;

type Assignments = BTreeMap<AssignmentKey, Assignment>;

type Edit = fn(&mut Node);

/// Two nodes; `web` publishes a port and has one task, `db` is on a network of its own and has one task.
struct Scene {
    world: World,
    web: ServiceId,
    db: ServiceId,
    back: NetworkId,
}

fn scene() -> Scene {
    let mut world = World::new(2);
    let network = Network {
        spec: NetworkSpec { name: "back".to_owned(), attachable: true, ..NetworkSpec::default() },
        allocation: None,
        ..objects::network(1, "unused", 1, "10.9.0.0/24")
    };
    let back = network.id.clone();
    world.commit(vec![Op::PutNetwork(Box::new(network))]);
    let one = ServiceMode::Replicated { replicas: 1 };
    let web = world.add_service("web", one, |service| {
        let port = PortConfig { target_port: 80, published_port: 8000, ..PortConfig::default() };
        service.spec.endpoint_spec =
            Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    });
    world.settle();
    let db = world.add_service("db", one, |service| {
        service.spec.task_template.networks = vec![NetworkAttachmentConfig {
            target: back.to_string(),
            aliases: vec!["store".to_owned()],
            ..Default::default()
        }];
    });
    world.settle();
    Scene { world, web, db, back }
}

impl Scene {
    fn task(&self, service: &ServiceId) -> Task {
        self.world.running(service).remove(0)
    }

    fn home(&self, service: &ServiceId) -> NodeId {
        self.task(service).node_id.expect("runs")
    }

    fn told(&self, node: &NodeId) -> Assignments {
        assignments_for(self.world.state(), node)
    }

    fn ingress(&self) -> NetworkId {
        self.world.state().ingress_network().expect("is there").id.clone()
    }
}

fn endpoint(told: &Assignments, network: &NetworkId, service: &ServiceId) -> EndpointAssignment {
    let key = AssignmentKey::Endpoint(network.clone(), service.clone());
    match told.get(&key) {
        Some(Assignment::Endpoint(endpoint)) => endpoint.clone(),
        other => panic!("{other:?} is no endpoint"),
    }
}

#[test]
fn a_task_comes_with_what_it_was_given_and_where_output_goes() {
    let mut scene = scene();
    let given = generic_resource::of_node(&["GPU=a"]).expect("a resource");
    let mut task = scene.task(&scene.web);
    task.generic_resources.clone_from(&given);
    let mut cluster = scene.world.state().cluster().expect("is there").as_ref().clone();
    let driver = Driver { name: "journald".to_owned(), ..Driver::default() };
    cluster.spec.task_defaults.log_driver = Some(driver.clone());
    let ops = vec![Op::PutTask(Box::new(task.clone())), Op::PutCluster(Box::new(cluster))];
    scene.world.commit(ops);
    let told = scene.told(&scene.home(&scene.web));
    let Some(Assignment::Task(known)) = told.get(&AssignmentKey::Task(task.id)) else {
        panic!("the node knows its task");
    };
    assert_eq!((&known.generic_resources, &known.log_driver), (&given, &Some(driver)));
}

#[test]
fn every_node_knows_the_routing_mesh_and_all_nodes() {
    let scene = scene();
    let task = scene.task(&scene.web);
    let ingress = scene.ingress();
    for node in scene.world.nodes() {
        let told = scene.told(&node);
        let known = endpoint(&told, &ingress, &scene.web);
        let port = IngressPort { published: 8000, target: 80, ..known.ports[0] };
        assert_eq!((known.name.as_str(), known.ports), ("web", vec![port]));
        let vip = scene.world.service(&scene.web).endpoint.virtual_ips[0].addr.addr();
        assert_eq!(known.vip, Some(vip));
        let expected = EndpointTask {
            task_id: task.id.clone(),
            addr: task.attachments[0].addr.addr(),
            node_id: task.node_id.clone().expect("runs"),
            serving: true,
        };
        assert_eq!(known.tasks, [expected]);
        let peers = told.keys().filter(|key| matches!(key, AssignmentKey::Peer(_)));
        assert_eq!(peers.count(), 2);
        let Some(Assignment::Network(network)) = told.get(&AssignmentKey::Network(ingress.clone()))
        else {
            panic!("every node is on the ingress network");
        };
        assert_eq!((network.vni, network.ingress, network.data_path_port), (4097, true, 4789));
    }
}

#[test]
fn a_witness_is_told_nothing_and_is_no_node_of_the_data_plane() {
    let Scene { mut world, web, .. } = scene();
    let home = world.running(&web).remove(0).node_id.expect("runs");
    let witness = world.nodes().into_iter().find(|node| *node != home).expect("two nodes");
    let before = assignments_for(world.state(), &home);
    assert!(before.contains_key(&AssignmentKey::Peer(witness.clone())));
    world.edit_node(&witness, |node| (node.witness, node.data_path_addr) = (true, None));
    assert!(assignments_for(world.state(), &witness).is_empty());
    let after = assignments_for(world.state(), &home);
    assert!(!after.contains_key(&AssignmentKey::Peer(witness.clone())));
    // What it says of itself does not change that.
    let report = NodeReport {
        node_id: witness.clone(),
        status: world.state().nodes()[&witness].status.clone(),
        description: None,
        data_path_addr: Some([192, 0, 2, 9].into()),
        versions: None,
    };
    world.commit(vec![Op::ReportNode(Box::new(report))]);
    assert_eq!(world.state().nodes()[&witness].data_path_addr, None);
}

#[test]
fn a_node_knows_its_own_tasks_and_networks_only() {
    let scene = scene();
    let home = scene.home(&scene.db);
    assert_ne!(home, scene.home(&scene.web), "the tasks are spread");
    let told = scene.told(&home);
    let task = scene.task(&scene.db);
    let Some(Assignment::Task(known)) = told.get(&AssignmentKey::Task(task.id)) else {
        panic!("the node has this task");
    };
    assert_eq!((known.service_name.as_str(), known.attachments.len()), ("db", 1));
    assert_eq!(known.attachments[0].aliases, ["store"]);
    let known = endpoint(&told, &scene.back, &scene.db);
    assert_eq!((known.aliases, known.ports), (vec!["store".to_owned()], vec![]));
    let tasks = told.keys().filter(|key| matches!(key, AssignmentKey::Task(_)));
    assert_eq!(tasks.count(), 1);
    let elsewhere = scene.told(&scene.home(&scene.web));
    assert!(!elsewhere.contains_key(&AssignmentKey::Network(scene.back.clone())));
    assert!(!elsewhere.contains_key(&AssignmentKey::Endpoint(scene.back.clone(), scene.db)));
}

#[test]
fn nodes_are_told_how_connections_are_spread_and_when_that_changes() {
    let mut scene = scene();
    let (ingress, home) = (scene.ingress(), scene.home(&scene.web));
    let before = scene.told(&home);
    assert_eq!(endpoint(&before, &ingress, &scene.web).balancing, Balancing::default());
    scene.world.edit_service(&scene.web, |service| {
        let options = EndpointOptions { scheduler: Some(Scheduler::Sh), sticky: None };
        service.spec.endpoint_spec.get_or_insert_default().options = Some(options);
        let label = "swarmlite.endpoint.sticky".to_owned();
        service.spec.labels.insert(label, "10m".to_owned());
    });
    scene.world.settle();
    for node in scene.world.nodes() {
        let told = scene.told(&node);
        let expected = Balancing { scheduler: Scheduler::Sh, sticky: Some(600) };
        assert_eq!(endpoint(&told, &ingress, &scene.web).balancing, expected);
    }
    let (put, remove) = diff(&before, &scene.told(&home));
    let keys: Vec<AssignmentKey> = put.iter().map(Assignment::key).collect();
    assert_eq!((keys, remove), (vec![AssignmentKey::Endpoint(ingress, scene.web)], vec![]));
}

#[test]
fn a_task_that_drains_is_routed_and_serves_nobody() {
    let mut scene = scene();
    let ingress = scene.ingress();
    let mut task = scene.task(&scene.web);
    let node = task.node_id.clone().expect("runs");
    task.desired_state = TaskState::Shutdown;
    scene.world.commit(vec![Op::PutTask(Box::new(task.clone()))]);
    let serving = |scene: &Scene| {
        let known = endpoint(&scene.told(&node), &ingress, &scene.web);
        known.tasks.iter().map(|task| task.serving).collect::<Vec<_>>()
    };
    assert_eq!(serving(&scene), [false]);
    scene.world.report(&task, TaskState::Shutdown);
    assert!(serving(&scene).is_empty(), "an ended task has no address");
}

#[test]
fn a_task_that_is_not_ready_serves_nobody_until_it_is() {
    let mut scene = scene();
    let (ingress, home) = (scene.ingress(), scene.home(&scene.web));
    let task = scene.task(&scene.web);
    for not_ready in [Some("HTTP status 503".to_owned()), None] {
        let serving = not_ready.is_none();
        scene.world.commit(vec![Op::ReportTask {
            node_id: home.clone(),
            task_id: task.id.clone(),
            status: Box::new(TaskStatus { not_ready, ..task.status.clone() }),
        }]);
        let known = endpoint(&scene.told(&home), &ingress, &scene.web);
        let told: Vec<bool> = known.tasks.iter().map(|task| task.serving).collect();
        assert_eq!(told, [serving]);
    }
}

#[test]
fn tasks_of_a_node_that_is_down_serve_nobody() {
    let mut scene = scene();
    let (ingress, home) = (scene.ingress(), scene.home(&scene.web));
    scene.world.edit_node(&home, |node| node.status.state = NodeState::Down);
    let known = endpoint(&scene.told(&home), &ingress, &scene.web);
    assert_eq!(known.tasks.iter().map(|task| task.serving).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_removed_service_is_known_until_its_last_task_has_ended() {
    let mut scene = scene();
    let (ingress, web, task) = (scene.ingress(), scene.web.clone(), scene.task(&scene.web));
    let home = scene.home(&web);
    scene.world.remove_service(&web);
    let known = endpoint(&scene.told(&home), &ingress, &web);
    assert_eq!((known.name.as_str(), known.vip, known.tasks.len()), ("web", None, 1));
    assert!(known.ports.is_empty());
    let key = AssignmentKey::Task(task.id.clone());
    let reaper = crate::loops::LOOPS.iter().find(|step| step.name == "reaper");
    scene.world.pass(reaper.expect("there is such a loop"));
    assert!(scene.told(&home).contains_key(&key), "it has to be stopped first");
    scene.world.report(&task, TaskState::Shutdown);
    assert!(!scene.told(&home).contains_key(&key));
    assert!(!scene.told(&home).contains_key(&AssignmentKey::Endpoint(ingress, web)));
}

#[test]
fn an_ended_task_stays_assigned_until_it_is_forgotten() {
    let mut scene = scene();
    let task = scene.task(&scene.web);
    scene.world.report(&task, TaskState::Failed);
    let key = AssignmentKey::Task(task.id.clone());
    assert!(scene.told(&task.node_id.expect("ran")).contains_key(&key));
}

#[test]
fn secrets_and_configs_go_where_tasks_have_them_and_nowhere_else() {
    let mut scene = scene();
    let secret = document::<SecretKind>(20, "tls");
    let unused = document::<SecretKind>(21, "unused");
    let config = document::<ConfigKind>(22, "site");
    let puts =
        [SecretKind::put(secret.clone()), SecretKind::put(unused), ConfigKind::put(config.clone())];
    scene.world.commit(puts.to_vec());
    let db = scene.db.clone();
    scene.world.edit_service(&db, |service| {
        let container = service.spec.task_template.container_spec.get_or_insert_default();
        container.secrets = vec![reference(&secret)];
        let (config_id, config_name) = (config.id.to_string(), config.spec.name.clone());
        let file = Some(FileTarget { name: "site".to_owned(), ..FileTarget::default() });
        container.configs = vec![ConfigReference { file, config_id, config_name, runtime: None }];
    });
    scene.world.settle();
    let (task, home) = (scene.task(&db), scene.home(&db));
    let told = |scene: &Scene, node: &NodeId| -> Vec<AssignmentKey> {
        let is_document = |key: &&AssignmentKey| {
            matches!(key, AssignmentKey::Secret(_) | AssignmentKey::Config(_))
        };
        scene.told(node).keys().filter(is_document).cloned().collect()
    };
    let both = [AssignmentKey::Secret(secret.id.clone()), AssignmentKey::Config(config.id)];
    assert_eq!(told(&scene, &home), both);
    let set = scene.told(&home);
    let Some(Assignment::Secret(known)) = set.get(&both[0]) else { panic!("is told") };
    assert_eq!(known.spec.data, secret.spec.data);
    let place = |key: &AssignmentKey| set.keys().position(|known| known == key);
    assert!(place(&both[1]) < place(&AssignmentKey::Task(task.id.clone())), "before the task");
    for node in scene.world.nodes().iter().filter(|node| **node != home) {
        assert_eq!(told(&scene, node), [], "nothing there has them");
    }
    scene.world.report(&task, TaskState::Failed);
    assert_eq!(told(&scene, &home), [], "what has ended needs nothing");
}

#[test]
fn differences_are_what_has_changed_and_nothing_the_agent_said_itself() {
    let mut scene = scene();
    let task = scene.task(&scene.web);
    let home = scene.home(&scene.web);
    let before = scene.told(&home);
    assert_eq!(diff(&before, &before), (Vec::new(), Vec::new()));
    assert_eq!(diff(&BTreeMap::new(), &before).0.len(), before.len());
    scene.world.report(&task, TaskState::Failed);
    let failed = scene.told(&home);
    let (put, remove) = diff(&before, &failed);
    let keys: Vec<AssignmentKey> = put.iter().map(Assignment::key).collect();
    assert_eq!(keys, [AssignmentKey::Endpoint(scene.ingress(), scene.web.clone())]);
    assert!(remove.is_empty());
    scene.world.remove_service(&scene.web.clone());
    scene.world.settle();
    let (_, remove) = diff(&failed, &scene.told(&home));
    assert!(remove.contains(&AssignmentKey::Task(task.id)), "{remove:?}");
}

#[test]
fn what_another_node_changes_is_told_without_looking_at_everything() {
    let mut scene = scene();
    let home = scene.home(&scene.db);
    let other = scene.world.nodes().into_iter().find(|node| *node != home).expect("two nodes");
    let request =
        AttachRequest { network: scene.back.to_string(), addr: None, aliases: Vec::new() };
    let (state, now) = (scene.world.state(), scene.world.now);
    let attach = crate::attachments::attach(state, &other, &request, now, &mut objects::rng(1));
    let (attached, transaction) = attach.expect("there is a place");
    scene.world.commit(transaction.ops);
    let attachment = scene.world.state().attachments()[&attached.id].as_ref().clone();
    let container = AttachedContainer { id: "c".into(), name: "c".into(), running: true };
    let running = Attachment { container: Some(container), ..attachment };
    scene.world.commit(vec![Op::PutAttachment(Box::new(running))]);
    let web = scene.home(&scene.web);
    let changes: [(&NodeId, Edit); 4] = [
        (&other, |node| node.spec.labels.extend([("a".to_owned(), "b".to_owned())])),
        (&other, |node| node.data_path_addr = Some([192, 0, 2, 99].into())),
        (&web, |node| node.status.state = NodeState::Down),
        (&other, |node| node.status.state = NodeState::Down),
    ];
    for (node, change) in changes {
        let (seen, known) = (scene.world.state().clone(), scene.told(&home));
        scene.world.edit_node(node, change);
        let (put, remove) = diff(&known, &scene.told(&home));
        let by_key = |put: Vec<Assignment>| -> Assignments {
            put.into_iter().map(|it| (it.key(), it)).collect()
        };
        let turn = news::Turn::between(&seen, scene.world.state());
        match turn.audience(&home).map(|audience| turn.news(&home, &audience)) {
            Some(news) => assert_eq!((by_key(news.put), news.remove), (by_key(put), remove)),
            None => assert_eq!(*node, home, "only what is about the node itself"),
        }
    }
}

#[test]
fn a_task_gets_the_credentials_of_its_own_spec() {
    let mut scene = scene();
    let auth = |user: &str| RegistryAuth { username: user.to_owned(), ..RegistryAuth::default() };
    let told = |scene: &Scene, task: &Task| {
        let assignment = task_assignment(scene.world.state(), &scene.home(&scene.web), task);
        assignment.expect("it is assigned").credentials
    };
    let task = scene.task(&scene.web);
    assert_eq!(told(&scene, &task), PullCredentials::None);

    let mut service = Service::clone(&scene.world.state().services()[&scene.web]);
    service.registry_auth = Some(auth("ann"));
    scene.world.commit(vec![Op::PutService(Box::new(service))]);
    assert_eq!(told(&scene, &task), PullCredentials::Known(auth("ann")));

    let mut service = Service::clone(&scene.world.state().services()[&scene.web]);
    service.previous_spec = Some(service.spec.clone());
    service.previous_spec_version = Some(service.spec_version);
    service.previous_registry_auth = service.registry_auth.replace(auth("bob"));
    service.spec.task_template.force_update = 1;
    scene.world.commit(vec![Op::PutService(Box::new(service))]);
    assert_eq!(told(&scene, &task), PullCredentials::Known(auth("ann")));
    let service = &scene.world.state().services()[&scene.web];
    let newer = Task { spec_version: service.spec_version, ..task };
    assert_eq!(told(&scene, &newer), PullCredentials::Known(auth("bob")));
}
