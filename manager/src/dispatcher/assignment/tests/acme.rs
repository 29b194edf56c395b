//! What nodes are told about certificates by ACME: what the server may ask them for, and the certificates.

use swarmlite_proto::agent::AcmeAnswer;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::object::AcmeCertificate;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::time::Timestamp;

use super::http::answer;
use super::http::answering;
use super::http::edit_cluster;
use super::*;
use crate::dispatcher::assignment::news::News;
use crate::dispatcher::assignment::news::Turn;

/// Nodes that answer for a host with a certificate by ACME, of which there is none yet.
fn scene_of_acme() -> Scene {
    let mut scene = answering("shop,port=80");
    edit_cluster(&mut scene, |cluster| cluster.format = Format::ACME);
    let web = scene.web.clone();
    scene.world.edit_service(&web, |service| {
        let rule = "shop,port=80,tls=acme".to_owned();
        service.spec.labels = [("swarmlite.http.x".to_owned(), rule)].into();
    });
    answer(&mut scene, HttpConfig::STANDARD);
    scene
}

/// The first node is told the same from what has changed as from everything.
fn news_of(scene: &mut Scene, ops: Vec<Op>) -> BTreeMap<AssignmentKey, Assignment> {
    let node = scene.world.nodes().remove(0);
    let (old, known) = (scene.world.state().clone(), scene.told(&node));
    scene.world.commit(ops);
    let told = scene.told(&node);
    let turn = Turn::between(&old, scene.world.state());
    if let Some(audience) = turn.audience(&node) {
        let News { put, remove, .. } = turn.news(&node, &audience);
        assert_eq!((put, remove), diff(&known, &told));
    }
    told
}

fn ordered() -> AcmeHost {
    let challenge = AcmeChallenge {
        kind: AcmeChallengeKind::Http01,
        token: "token".to_owned(),
        answer: "token.thumbprint".to_owned(),
    };
    let order = AcmeOrder {
        directory: String::new(),
        url: String::new(),
        key: String::new(),
        challenge: Some(challenge),
        told: false,
    };
    AcmeHost { host: "shop".to_owned(), order: Some(order), ..AcmeHost::default() }
}

#[test]
fn nodes_know_what_the_server_may_ask_for_while_something_is_ordered() {
    let mut scene = scene_of_acme();
    let nodes = scene.world.nodes();
    assert!(!scene.told(&nodes[0]).contains_key(&AssignmentKey::Acme));
    let told = news_of(&mut scene, vec![Op::PutAcmeHost(Box::new(ordered()))]);
    let [host, token, answer] = ["shop", "token", "token.thumbprint"].map(str::to_owned);
    let expected = Assignment::Acme(vec![AcmeAnswer { host, token, answer }]);
    assert_eq!(told[&AssignmentKey::Acme], expected);
    assert_eq!(scene.told(&nodes[1])[&AssignmentKey::Acme], expected);
    scene.world.edit_node(&nodes[1], |node| node.versions = Versions::default());
    assert!(!scene.told(&nodes[1]).contains_key(&AssignmentKey::Acme), "it is too old");
    let known = scene.world.state().acme_hosts()["shop"].as_ref().clone();
    let done = Op::PutAcmeHost(Box::new(AcmeHost { order: None, ..known }));
    assert!(!news_of(&mut scene, vec![done]).contains_key(&AssignmentKey::Acme));
}

#[test]
fn a_certificate_goes_to_the_nodes_as_a_secret_that_the_rule_names() {
    let mut scene = scene_of_acme();
    let node = scene.world.nodes().remove(0);
    let rule = |told: &BTreeMap<AssignmentKey, Assignment>, scene: &Scene| {
        endpoint(told, &scene.ingress(), &scene.web).http.remove(0)
    };
    assert_eq!(rule(&scene.told(&node), &scene).certificate, None);
    let mut known = AcmeHost { host: "shop".to_owned(), ..AcmeHost::default() };
    for (seed, name) in [(20, "first"), (21, "second")] {
        let secret = document::<SecretKind>(seed, name);
        let (not_before, not_after) = (Timestamp::EPOCH, Timestamp::EPOCH);
        let secret_id = secret.id.clone();
        known.certificate = Some(AcmeCertificate { secret_id, not_before, not_after });
        let puts =
            vec![Op::PutSecret(Box::new(secret.clone())), Op::PutAcmeHost(Box::new(known.clone()))];
        let told = news_of(&mut scene, puts);
        let certificate = rule(&told, &scene).certificate.expect("is named");
        assert_eq!(
            (certificate.secret_id, certificate.secret_name),
            (secret.id.to_string(), name.to_owned())
        );
        let secrets = told.keys().filter(|key| matches!(key, AssignmentKey::Secret(_)));
        assert_eq!(secrets.cloned().collect::<Vec<_>>(), [AssignmentKey::Secret(secret.id)]);
        known = scene.world.state().acme_hosts()["shop"].as_ref().clone();
    }
}
