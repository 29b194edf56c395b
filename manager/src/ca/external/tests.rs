//! What is asked of servers outside, and what is taken from them.

use std::sync::Arc;

use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::CaConfig;

use super::fake::FakeServer;
use super::*;
use crate::ca::Authority;
use crate::ca::NodeKey;
use crate::ca::Signing;
use crate::ca::rotation;
use crate::ca::tests::founded;
use crate::state::fixture::node;
use crate::state::fixture::rng;

const URL: &str = "https://ca.example:8888/api/v1/cfssl/sign";

/// A cluster beside an authority outside of it.
struct Scene {
    cluster: Cluster,
    server: Arc<FakeServer>,
    signing: Signing,
    now: Timestamp,
}

impl Scene {
    fn new() -> Self {
        let (state, _) = founded();
        let (cluster, now) = (Cluster::clone(state.cluster().expect("one")), Timestamp::now());
        let server = Arc::new(FakeServer::new(now));
        let signing = Signing::new(server.clone());
        Self { cluster, server, signing, now }
    }

    /// What is asked for to have the authority outside take the place of the present one.
    fn asked(&self) -> CaConfig {
        let ca_cert = self.server.root().certificate;
        let server = ExternalCa { ca_cert: ca_cert.clone(), ..server() };
        let external_cas = vec![server];
        CaConfig { external_cas, signing_ca_cert: ca_cert, ..CaConfig::default() }
    }

    /// Has the authority outside take that place at once.
    fn replaced(mut self) -> Self {
        self.cluster.root_ca = self.server.root();
        self.cluster.spec.ca_config.external_cas = self.asked().external_cas;
        self
    }

    async fn certificate(&self, id: &NodeId, csr: &str) -> Result<String> {
        let cluster_id = &self.cluster.id;
        let subject = Subject { node_id: id, cluster_id, role: NodeRole::Manager };
        self.signing.certificate(&self.cluster, &subject, csr, self.now).await
    }

    fn is_down(&self, why: &str) {
        *self.server.down.lock().expect("no panic") = Some(why.to_owned());
    }
}

fn server() -> ExternalCa {
    ExternalCa {
        protocol: ExternalCa::CFSSL.to_owned(),
        url: URL.to_owned(),
        ..ExternalCa::default()
    }
}

fn csr() -> String {
    NodeKey::generate().expect("makes a key").csr
}

#[test]
fn requests_are_written_as_cfssl_reads_them() {
    let (scene, id) = (Scene::new(), node(1, 1).id);
    let cluster_id = &scene.cluster.id;
    let subject = Subject { node_id: &id, cluster_id, role: NodeRole::Manager };
    let expected = serde_json::json!({
        "hosts": ["swarm-manager", id, "swarm-ca"],
        "certificate_request": "csr",
        "subject": {"CN": id, "names": [{"O": cluster_id, "OU": "swarm-manager"}]},
    });
    assert_eq!(serde_json::json!(node_request("csr", &subject)), expected);
    let next = Authority::create(&mut rng(3), scene.now).expect("makes a key");
    let mut shown = serde_json::json!(cross_sign_request(&next).expect("is one"));
    let csr = shown["certificate_request"].take();
    assert!(csr.as_str().is_some_and(|it| it.contains("BEGIN CERTIFICATE REQUEST")));
    let expected = serde_json::json!({
        "certificate_request": null,
        "subject": {"CN": "swarm-ca", "names": []},
        "profile": "CA",
        "extensions": [{"id": "2.5.29.19", "critical": true, "value": "30060101ff020100"}],
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn whose_key_is_outside_is_asked_to_sign() {
    let scene = Scene::new().replaced();
    let id = node(1, 1).id;
    let certificate = scene.certificate(&id, &csr()).await.expect("signs");
    assert_eq!(tls::peer_of_pem(&certificate).expect("is of a node").node_id, id);
    let refused = scene.certificate(&id, "nonsense").await.expect_err("is no request");
    assert!(refused.message.starts_with("the external CA does not sign: "), "{refused}");
    scene.is_down("connection refused");
    let refused = scene.certificate(&id, &csr()).await.expect_err("nobody signs");
    let sentence = format!("the external CA does not sign: {URL}: connection refused");
    assert_eq!((refused.kind, refused.message), (ErrorKind::Unavailable, sentence));
}

#[test]
fn what_was_not_asked_for_is_not_taken() {
    let scene = Scene::new();
    let other = FakeServer::new(scene.now).root();
    let (id, stranger) = (node(1, 1).id, node(2, 2).id);
    let (csr, cluster_id) = (csr(), &scene.cluster.id);
    let of = |node_id, role| Subject { node_id, cluster_id, role };
    let asked = of(&id, NodeRole::Worker);
    let root = &scene.cluster.root_ca;
    let signed = |csr: &str, subject: &Subject<'_>| {
        let random = (&mut rng(4), scene.now);
        crate::ca::signing::by_own_key(&scene.cluster, subject, csr, random).expect("signs")
    };
    let check = |certificate: &str, root| check(certificate, (&csr, &asked), root, scene.now);
    check(&signed(&csr, &asked), root).expect("is what was asked for");
    for (certificate, root, why) in [
        (signed(&self::csr(), &asked), root, "it is for another key"),
        (signed(&csr, &of(&stranger, NodeRole::Worker)), root, "it is for another node"),
        (signed(&csr, &of(&id, NodeRole::Manager)), root, "it is for another node"),
        (signed(&csr, &asked), &RootCa { certificate: authority(), ..other }, "cannot use"),
        ("nonsense".to_owned(), root, "PEM"),
    ] {
        let refused = check(&certificate, root).expect_err(why).message;
        assert!(refused.starts_with("the external CA has signed something else: "), "{refused}");
        assert!(refused.contains(why), "{refused}");
    }
}

/// The certificate of an authority of which nobody has heard.
fn authority() -> String {
    Authority::create(&mut rng(6), Timestamp::now()).expect("makes a key").certificate
}

#[tokio::test]
async fn an_authority_outside_takes_the_place_of_the_own_one_and_gives_it_back() {
    let scene = Scene::new();
    let asked = scene.asked();
    let now = scene.now;
    let wanted = |cluster: &Cluster, asked: &CaConfig| {
        rotation::wanted(cluster, asked, &mut rng(1), now).expect("can be")
    };
    let next = wanted(&scene.cluster, &asked).expect("is another");
    rotation::check_servers(&scene.cluster, Some(&next), &asked).expect("has a server");
    let servers = &asked.external_cas;
    let vouched = scene.signing.vouched(&scene.cluster, next, servers, scene.now).await;
    let vouched = vouched.expect("both sign");
    let cross_signed = vouched.cross_signed.clone().expect("is vouched for");
    assert!(root::stands_for(&cross_signed, &vouched));
    let scene = scene.replaced();
    let asked = CaConfig { force_rotate: 1, ..scene.cluster.spec.ca_config.clone() };
    let next = wanted(&scene.cluster, &asked).expect("is another");
    let vouched = scene.signing.vouched(&scene.cluster, next, &[], scene.now).await;
    let vouched = vouched.expect("the one outside vouches");
    assert!(root::stands_for(&vouched.cross_signed.clone().expect("does"), &vouched));
    let key = CaConfig { signing_ca_key: "key".to_owned(), ..scene.asked() };
    let refused = rotation::wanted(&scene.cluster, &key, &mut rng(1), now).expect_err("is outside");
    assert!(refused.message.starts_with("the key of the present external CA"), "{refused}");
    let other = RootCa { certificate: authority(), key: String::new(), cross_signed: None };
    let refused = scene.signing.vouched(&scene.cluster, other, servers, scene.now).await;
    assert_eq!(
        refused.expect_err("nobody has a key").message,
        "rotating from one external CA to a different external CA is not supported"
    );
}

#[tokio::test]
async fn nothing_begins_with_a_server_that_does_not_sign() {
    let scene = Scene::new();
    scene.is_down("it answers with 403 Forbidden");
    let (asked, next) = (scene.asked(), scene.server.root());
    let servers = &asked.external_cas;
    let refused = scene.signing.vouched(&scene.cluster, next, servers, scene.now).await;
    let refused = refused.expect_err("it does not sign");
    assert_eq!(refused.kind, ErrorKind::InvalidArgument);
    assert_eq!(
        refused.message,
        format!(
            "there must be at least one valid, reachable external CA corresponding to the next CA certificate: the external CA does not sign: {URL}: it answers with 403 Forbidden"
        )
    );
}

#[test]
fn servers_are_of_an_authority_of_the_swarm() {
    let scene = Scene::new();
    let (asked, next) = (scene.asked(), scene.server.root());
    let none = CaConfig { external_cas: Vec::new(), ..asked.clone() };
    let check = |cluster: &Cluster, next, asked: &CaConfig| {
        rotation::check_servers(cluster, next, asked).map_err(|refused| refused.message)
    };
    let unreachable = |which| {
        Err(format!(
            "there must be at least one valid, reachable external CA corresponding to the {which} CA certificate"
        ))
    };
    assert_eq!(check(&scene.cluster, Some(&next), &asked), Ok(()));
    assert_eq!(check(&scene.cluster, Some(&next), &none), unreachable("next"));
    let foreign = check(&scene.cluster, None, &asked).expect_err("the swarm signs itself");
    assert!(foreign.contains("signs for none of the authorities of the swarm"), "{foreign}");
    let scene = scene.replaced();
    assert_eq!(check(&scene.cluster, None, &asked), Ok(()));
    assert_eq!(check(&scene.cluster, None, &none), unreachable("current"));
    let trusted = CaConfig { external_cas: vec![server()], ..CaConfig::default() };
    assert_eq!(check(&scene.cluster, None, &trusted), Ok(()), "that which all nodes trust");
}
