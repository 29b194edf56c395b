//! Who gets in, as what, and what the certificate is good for.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::identity::Peer;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_text;
use swarmlite_rpc::tls::peer_of_pem;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

use super::*;
use crate::ca::NodeKey;
use crate::ca::founding::tests::founded;
use crate::state::fixture::commit;
use crate::state::fixture::node;
use crate::state::fixture::rng;

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn request(token: &str) -> JoinClusterRequest {
    JoinClusterRequest {
        token: token.to_owned(),
        csr: NodeKey::generate().expect("makes a key").csr,
        availability: Availability::Drain,
        advertise_addr: SocketAddr::from(([0, 0, 0, 0], 2377)),
        witness: false,
    }
}

fn admit_with(state: &State, token: &str) -> Result<Admission> {
    admit(state, &request(token), FROM, &mut rng(2), Timestamp::now())
}

/// What a machine gets that is admitted.
fn answer(admitted: &Admission, csr: &str, now: Timestamp) -> JoinClusterResponse {
    let (cluster, subject) = (&admitted.cluster, admitted.subject());
    let signed = signing::by_own_key(cluster, &subject, csr, (&mut rng(2), now));
    admitted.response(signed.expect("signs"))
}

#[test]
fn the_secret_decides_the_role() {
    let (state, _) = founded();
    let cluster = state.cluster().expect("there is one");
    let tokens = cluster.join_tokens.clone();
    for (token, role) in [(tokens.worker, NodeRole::Worker), (tokens.manager, NodeRole::Manager)] {
        let mut state = state.clone();
        let admitted = admit_with(&state, &token).expect("gets in");
        let csr = request(&token).csr;
        let response = answer(&admitted, &csr, Timestamp::now());
        assert_eq!(response.role, role);
        state.apply(2, admitted.transaction).expect("nothing has changed");
        let node = &state.nodes()[&response.node_id];
        assert_eq!((node.role, node.spec.role), (role, role));
        assert_eq!(node.spec.availability, Availability::Drain);
        assert_eq!(node.status.addr, "192.0.2.7");
        let peer = Peer { node_id: node.id.clone(), cluster_id: cluster.id.clone(), role };
        assert_eq!(peer_of_pem(&response.certificate).expect("is of a node"), peer);
    }
}

#[test]
fn a_witness_votes_and_gets_no_tasks() {
    let (mut state, _) = founded();
    let tokens = state.cluster().expect("there is one").join_tokens.clone();
    let admit = |state: &State, token: &str| {
        let availability = Availability::Active;
        let request = JoinClusterRequest { witness: true, availability, ..request(token) };
        admit(state, &request, FROM, &mut rng(2), Timestamp::now())
    };
    let refused = admit(&state, &tokens.worker).expect_err("has no vote");
    assert_eq!(refused.message, "a witness votes: it joins with the token of managers");
    let admitted = admit(&state, &tokens.manager).expect("gets in");
    let response = answer(&admitted, &request(&tokens.manager).csr, Timestamp::now());
    assert!(response.witness);
    state.apply(2, admitted.transaction).expect("nothing has changed");
    let node = &state.nodes()[&response.node_id];
    assert!(node.witness);
    assert_eq!(node.spec.availability, Availability::Drain);
}

#[test]
fn older_managers_are_not_given_a_witness() {
    let (mut state, _) = founded();
    let mut cluster = Cluster::clone(state.cluster().expect("there is one"));
    cluster.format = Format::ACME;
    let token = cluster.join_tokens.manager.clone();
    commit(&mut state, vec![Op::PutCluster(Box::new(cluster))]).expect("is current");
    let request = JoinClusterRequest { witness: true, ..request(&token) };
    let refused = admit(&state, &request, FROM, &mut rng(2), Timestamp::now());
    assert_eq!(
        refused.expect_err("they would take it for a manager").message,
        "not all managers know witnesses yet: upgrade every manager first"
    );
}

#[test]
fn a_wrong_secret_is_refused_in_dockers_words() {
    let (state, _) = founded();
    let tokens = &state.cluster().expect("there is one").join_tokens;
    let (start, _secret) = tokens.worker.rsplit_once('-').expect("a token");
    for token in [format!("{start}-0123456789abcdefghijklmno"), String::new()] {
        let refused = admit_with(&state, &token).expect_err("is refused");
        assert_eq!(refused, Error::invalid(WRONG_TOKEN));
    }
}

#[test]
fn an_admission_falls_with_a_new_token() {
    let (mut state, _) = founded();
    let token = state.cluster().expect("there is one").join_tokens.worker.clone();
    let Admission { transaction, .. } = admit_with(&state, &token).expect("gets in");
    let mut cluster = Cluster::clone(state.cluster().expect("there is one"));
    cluster.join_tokens = crate::ca::new_tokens(&cluster.root_ca.certificate, &mut rng(9));
    commit(&mut state, vec![Op::PutCluster(Box::new(cluster))]).expect("is current");
    assert!(state.apply(9, transaction).is_err());
    assert_eq!(admit_with(&state, &token).expect_err("is old").message, WRONG_TOKEN);
}

#[test]
fn the_lowest_free_index_is_taken() {
    let (mut state, _) = founded();
    for index in [2, 4] {
        commit(&mut state, vec![Op::PutNode(Box::new(node(u64::from(index), index)))])
            .expect("is free");
    }
    assert_eq!(free_index(&state), Ok(NodeIndex(3)));
}

#[test]
fn what_a_request_asks_for_has_no_say() {
    let (state, identity) = founded();
    let mut params = CertificateParams::new(vec!["swarm-manager".to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, identity.node_id.as_str());
    params.distinguished_name.push(DnType::OrganizationalUnitName, "swarm-manager");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("makes a key");
    let csr = params.serialize_request(&key).and_then(|csr| csr.pem()).expect("a request");
    let token = &state.cluster().expect("there is one").join_tokens.worker;
    let request = JoinClusterRequest { csr, ..request(token) };
    let now = Timestamp::now();
    let admitted = admit(&state, &request, FROM, &mut rng(2), now).expect("gets in");
    let response = answer(&admitted, &request.csr, now);
    let peer = peer_of_pem(&response.certificate).expect("is of a node");
    assert_eq!((peer.node_id, peer.role), (response.node_id, NodeRole::Worker));
    let der = CertificateDer::from_pem_slice(response.certificate.as_bytes()).expect("PEM");
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    assert!(!certificate.is_ca());
    let names = certificate.subject_alternative_name().expect("reads").expect("has names");
    assert!(!format!("{names:?}").contains("swarm-manager"));
}

#[test]
fn a_certificate_is_dated_back_an_hour_and_ends_when_the_cluster_says() {
    let (state, _) = founded();
    let token = &state.cluster().expect("there is one").join_tokens.worker;
    let now = Timestamp::EPOCH + Duration::from_secs(1_800_000_000);
    let request = request(token);
    let admitted = admit(&state, &request, FROM, &mut rng(2), now).expect("gets in");
    let response = answer(&admitted, &request.csr, now);
    let der = CertificateDer::from_pem_slice(response.certificate.as_bytes()).expect("PEM");
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    let validity = certificate.validity();
    assert_eq!(validity.not_before.timestamp(), 1_800_000_000 - 3600);
    assert_eq!(validity.not_after.timestamp(), 1_800_000_000 + 90 * 24 * 3600);
}

#[test]
fn renewal_follows_the_role_in_the_state() {
    let (mut state, _) = founded();
    let mut promoted = node(5, 5);
    promoted.role = NodeRole::Manager;
    commit(&mut state, vec![Op::PutNode(Box::new(promoted.clone()))]).expect("is free");
    assert_eq!(renewed_role(&state, &promoted.id), Ok(NodeRole::Manager));
    let stranger = node(6, 6).id;
    let refused = renewed_role(&state, &stranger).expect_err("is no node");
    assert_eq!(
        refused.message,
        format!("Permission denied: node {stranger} was removed from swarm")
    );
    let cluster = state.cluster().expect("there is one");
    let (node_id, cluster_id) = (&promoted.id, &cluster.id);
    let subject = Subject { node_id, cluster_id, role: NodeRole::Manager };
    let refused =
        signing::by_own_key(cluster, &subject, "nonsense", (&mut rng(2), Timestamp::now()));
    assert_eq!(refused.expect_err("is no request").kind, ErrorKind::InvalidArgument);
}

#[test]
fn no_request_breaks_anything() {
    let (state, _) = founded();
    let tokens = state.cluster().expect("there is one").join_tokens.clone();
    let sound = request(&tokens.manager);
    let (_, pem) = x509_parser::pem::parse_x509_pem(sound.csr.as_bytes()).expect("is PEM");
    let now = Timestamp::now();
    for mut case in cases(300) {
        let mut asked = sound.clone();
        match case.number % 3 {
            0 => asked.token = spoiled_text(&mut case, &sound.token),
            1 => asked.csr = spoiled_text(&mut case, &sound.csr),
            _ => {
                let mut der = pem.contents.clone();
                spoil_bytes(&mut case, &mut der);
                let text = STANDARD.encode(der);
                asked.csr = format!(
                    "-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n"
                );
            }
        }
        if let Ok(admitted) = admit(&state, &asked, FROM, &mut *case, now) {
            let (cluster, subject) = (&admitted.cluster, admitted.subject());
            let signed = signing::by_own_key(cluster, &subject, &asked.csr, (&mut *case, now));
            if let Ok(certificate) = signed {
                peer_of_pem(&certificate).expect("is of a node");
            }
        }
    }
}
