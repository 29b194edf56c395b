//! What nodes are told about HTTP routing.

use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::protocol::Range;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::spec::HttpOptions;
use swarmlite_proto::value::http;

use super::*;
use crate::dispatcher::assignment::news::News;
use crate::dispatcher::assignment::news::Turn;

/// Two nodes that are up to date, and `web`, which publishes nothing and answers `rule` by a label.
pub(super) fn answering(rule: &str) -> Scene {
    let mut scene = scene();
    for node in scene.world.nodes() {
        scene.world.edit_node(&node, |node| node.versions = Versions::own());
    }
    edit_cluster(&mut scene, |cluster| cluster.format = Format::HTTP);
    let web = scene.web.clone();
    scene.world.edit_service(&web, |service| {
        service.spec.endpoint_spec = None;
        service.spec.labels = [("swarmlite.http.x".to_owned(), rule.to_owned())].into();
    });
    scene.world.settle();
    scene
}

pub(super) fn edit_cluster(scene: &mut Scene, change: impl FnOnce(&mut Cluster)) {
    let mut cluster = Cluster::clone(scene.world.state().cluster().expect("is there"));
    change(&mut cluster);
    scene.world.commit(vec![Op::PutCluster(Box::new(cluster))]);
}

pub(super) fn answer(scene: &mut Scene, http: HttpConfig) {
    edit_cluster(scene, |cluster| cluster.spec.http = Some(http));
}

#[test]
fn a_service_with_rules_is_reached_through_the_ingress_network() {
    let mut scene = answering("shop,port=80,sticky=1h");
    answer(&mut scene, HttpConfig::STANDARD);
    for node in scene.world.nodes() {
        let web = endpoint(&scene.told(&node), &scene.ingress(), &scene.web);
        assert!(web.vip.is_some() && web.tasks.iter().any(|task| task.serving), "{web:?}");
        assert_eq!(web.http, [http::parse("shop,port=80,sticky=1h").expect("a rule")]);
    }
}

#[test]
fn nodes_answer_as_soon_as_the_cluster_says_so_and_they_know_how() {
    let mut scene = answering("shop,port=80");
    let nodes = scene.world.nodes();
    let http = |scene: &Scene, node| match scene.told(node).remove(&AssignmentKey::Http) {
        Some(Assignment::Http(http)) => Some(http),
        _ => None,
    };
    let rules = |scene: &Scene| endpoint(&scene.told(&nodes[0]), &scene.ingress(), &scene.web).http;
    assert_eq!((http(&scene, &nodes[0]), rules(&scene)), (None, vec![]), "it is off");
    answer(&mut scene, HttpConfig::STANDARD);
    let told = http(&scene, &nodes[0]).expect("it is on");
    assert_eq!(told.ports, HttpConfig::STANDARD);
    assert_eq!(Some(&told), http(&scene, &nodes[1]).as_ref(), "the same key everywhere");
    scene.world.edit_node(&nodes[1], |node| node.versions = Versions::default());
    assert_eq!(http(&scene, &nodes[1]), None, "an older agent could not read it");
    assert!(http(&scene, &nodes[0]).is_some());
}

#[test]
fn nodes_that_would_answer_otherwise_than_they_should_do_not_answer() {
    let mut scene = answering("shop,port=80");
    let nodes = scene.world.nodes();
    answer(&mut scene, HttpConfig::STANDARD);
    let old = Versions { protocol: Range::of_header(Some("0-5")), ..Versions::own() };
    scene.world.edit_node(&nodes[1], |node| node.versions = old);
    let answers = |scene: &Scene, node| scene.told(node).contains_key(&AssignmentKey::Http);
    let mut options = HttpOptions { access_log: AccessLogFormat::Json, ..HttpOptions::default() };
    let set = |scene: &mut Scene, options: &HttpOptions| {
        edit_cluster(scene, |cluster| cluster.spec.http_options = Some(options.clone()));
    };
    set(&mut scene, &options);
    assert!(answers(&scene, &nodes[1]), "it only writes nothing");
    options.trusted_peers = vec!["192.0.2.0/24".to_owned()];
    set(&mut scene, &options);
    assert!(answers(&scene, &nodes[0]) && !answers(&scene, &nodes[1]));
}

#[test]
fn certificates_are_on_every_node_that_answers() {
    let mut scene = answering("shop,port=80");
    let secret = document::<SecretKind>(20, "cert");
    scene.world.commit(vec![SecretKind::put(secret.clone())]);
    let web = scene.web.clone();
    scene.world.edit_service(&web, |service| {
        let rule = "shop,port=80,tls=cert".to_owned();
        service.spec.labels = [("swarmlite.http.x".to_owned(), rule)].into();
    });
    scene.world.settle();
    let key = AssignmentKey::Secret(secret.id.clone());
    for node in scene.world.nodes() {
        assert!(!scene.told(&node).contains_key(&key), "it is off");
    }
    answer(&mut scene, HttpConfig::STANDARD);
    for node in scene.world.nodes() {
        let told = scene.told(&node);
        assert!(told.contains_key(&key));
        let rules = endpoint(&told, &scene.ingress(), &web).http;
        let certificate = rules[0].certificate.as_ref().expect("asks for one");
        assert_eq!(certificate.secret_id, secret.id.as_str(), "nodes know secrets by id");
    }
}

#[test]
fn authorities_of_clients_are_on_every_node_that_answers_and_knows_of_them() {
    let mut scene = answering("shop,port=80");
    edit_cluster(&mut scene, |cluster| cluster.format = Format::HTTP_OPTIONS);
    let secret = document::<SecretKind>(20, "staff");
    scene.world.commit(vec![SecretKind::put(secret.clone())]);
    answer(&mut scene, HttpConfig::STANDARD);
    let (nodes, web) = (scene.world.nodes(), scene.web.clone());
    let old = Versions { protocol: Range::of_header(Some("0-5")), ..Versions::own() };
    scene.world.edit_node(&nodes[1], |node| node.versions = old);
    let key = AssignmentKey::Secret(secret.id.clone());
    let has = |scene: &Scene, node, key: &AssignmentKey| scene.told(node).contains_key(key);
    assert!(nodes.iter().all(|node| has(&scene, node, &AssignmentKey::Http)));
    let seen = scene.world.state().clone();
    scene.world.edit_service(&web, |service| {
        let rule = "shop,port=80,client-ca=staff".to_owned();
        service.spec.labels = [("swarmlite.http.x".to_owned(), rule)].into();
    });
    assert!(has(&scene, &nodes[0], &key) && has(&scene, &nodes[0], &AssignmentKey::Http));
    let rules = endpoint(&scene.told(&nodes[0]), &scene.ingress(), &web).http;
    let ca = rules[0].client_ca.as_ref().expect("asks for some");
    assert_eq!(ca.secret_id, secret.id.as_str(), "nodes know secrets by id");
    assert!(!has(&scene, &nodes[1], &key), "it cannot ask for certificates");
    assert!(!has(&scene, &nodes[1], &AssignmentKey::Http), "so it does not answer everybody");
    let turn = Turn::between(&seen, scene.world.state());
    assert_eq!(turn.audience(&nodes[1]), None, "everything is looked at");
}

#[test]
fn what_changes_about_rules_is_told_as_if_everything_was_looked_at() {
    let mut scene = answering("shop,port=80");
    scene.world.commit(vec![SecretKind::put(document::<SecretKind>(20, "cert"))]);
    answer(&mut scene, HttpConfig::STANDARD);
    let (node, web) = (scene.world.nodes().remove(0), scene.web.clone());
    for (rule, at_once) in [
        ("shop,port=81", true),
        ("shop,port=81,tls=cert", false),
        ("shop,port=81,tls=cert,sticky=1h", true),
        ("shop,port=81", false),
    ] {
        let (seen, known) = (scene.world.state().clone(), scene.told(&node));
        scene.world.edit_service(&web, |service| {
            service.spec.labels = [("swarmlite.http.x".to_owned(), rule.to_owned())].into();
        });
        let (put, remove) = diff(&known, &scene.told(&node));
        assert!(!put.is_empty(), "{rule}");
        let turn = Turn::between(&seen, scene.world.state());
        let audience = turn.audience(&node);
        assert_eq!(audience.is_some(), at_once, "{rule}");
        if let Some(audience) = audience {
            assert_eq!(
                turn.news(&node, &audience),
                News { put, remove, ..News::default() },
                "{rule}"
            );
        }
    }
    let seen = scene.world.state().clone();
    answer(&mut scene, HttpConfig::default());
    assert_eq!(Turn::between(&seen, scene.world.state()).audience(&node), None);
}

#[test]
fn a_certificate_outlasts_the_tasks_that_have_it_as_a_file() {
    let mut scene = answering("shop,port=80");
    let secret = document::<SecretKind>(20, "cert");
    scene.world.commit(vec![SecretKind::put(secret.clone())]);
    answer(&mut scene, HttpConfig::STANDARD);
    let web = scene.web.clone();
    scene.world.edit_service(&web, |service| {
        let rule = "shop,port=80,tls=cert".to_owned();
        service.spec.labels = [("swarmlite.http.x".to_owned(), rule)].into();
        let container = service.spec.task_template.container_spec.get_or_insert_default();
        container.secrets = vec![reference(&secret)];
    });
    scene.world.settle();
    let nodes = scene.world.nodes();
    let seen = scene.world.state().clone();
    let known: Vec<_> = nodes.iter().map(|node| scene.told(node)).collect();
    scene.world.edit_service(&web, |service| {
        service.spec.mode = ServiceMode::Replicated { replicas: 0 };
    });
    scene.world.settle();
    let turn = Turn::between(&seen, scene.world.state());
    for (node, known) in nodes.iter().zip(known) {
        let audience = turn.audience(node).expect("only tasks and a service have changed");
        let (put, remove) = diff(&known, &scene.told(node));
        assert_eq!(turn.news(node, &audience), News { put, remove, ..News::default() });
    }
}
