//! Whom nodes trust while the authority changes, and when it has changed.

use std::sync::Arc;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_text;

use super::*;
use crate::ca::NodeKey;
use crate::ca::Signing;
use crate::ca::Subject;
use crate::ca::external::fake::FakeServer;
use crate::ca::signing;
use crate::ca::tests::founded;
use crate::loops::tests::world::World;
use crate::state::fixture::commit;
use crate::state::fixture::rng;

/// A cluster whose authority is being replaced.
async fn rotating() -> (State, Identity) {
    let (mut state, identity) = founded();
    let mut cluster = Cluster::clone(state.cluster().expect("there is one"));
    let asked = CaConfig { force_rotate: 1, ..CaConfig::default() };
    let now = Timestamp::now();
    let next = wanted(&cluster, &asked, &mut rng(5), now).expect("can be").expect("is another");
    let nobody = Signing::new(Arc::new(FakeServer::new(now)));
    let next = nobody.vouched(&cluster, next, &[], now).await.expect("signs");
    cluster.next_root_ca = Some(next);
    commit(&mut state, vec![Op::PutCluster(Box::new(cluster))]).expect("is sound");
    (state, identity)
}

/// The identity of `node`, renewed.
fn renewed(state: &State, identity: &Identity) -> Identity {
    let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
    let cluster = state.cluster().expect("there is one");
    let Identity { node_id, cluster_id, role, .. } = identity;
    let subject = Subject { node_id, cluster_id, role: *role };
    let signed = signing::by_own_key(cluster, &subject, &csr, (&mut rng(7), Timestamp::now()));
    Identity { certificate: signed.expect("signs"), key, ..identity.clone() }
}

/// Whether one who has `client` and one who serves as `server` take each other's certificates.
fn trust_each_other(client: &Identity, server: &Identity) -> bool {
    let config = tls::client_config(client).expect("is valid");
    let name = rustls_pki_types::ServerName::try_from("swarm-manager").expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).expect("is valid");
    let config = swarmlite_rpc::server_config(server).expect("is valid");
    let mut server = rustls::ServerConnection::new(Arc::new(config)).expect("is valid");
    for _ in 0..4 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("writes");
        server.read_tls(&mut &wire[..]).expect("reads");
        if server.process_new_packets().is_err() {
            return false;
        }
        wire.clear();
        server.write_tls(&mut wire).expect("writes");
        client.read_tls(&mut &wire[..]).expect("reads");
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    !client.is_handshaking() && !server.is_handshaking()
}

/// Says what `node` trusts, and whom its certificate is from.
fn describe(state: &mut State, node: &NodeId, tls_info: TlsInfo) {
    let mut changed = Node::clone(&state.nodes()[node]);
    changed.description = Some(NodeDescription { tls_info, ..NodeDescription::default() });
    commit(state, vec![Op::PutNode(Box::new(changed))]).expect("is sound");
}

fn finish(state: &mut State) -> usize {
    let mut world = World::new(0);
    world.view.state = state.clone();
    let plan = reconcile(&world.view, Timestamp::now(), &mut world.rng);
    let count = plan.transactions.len();
    for transaction in plan.transactions {
        commit(state, transaction.ops).expect("is sound");
    }
    count
}

#[tokio::test]
async fn nodes_trust_each_other_at_every_step() {
    let (mut state, old) = rotating().await;
    let before = Cluster::clone(state.cluster().expect("there is one"));
    let new = renewed(&state, &old);
    for (client, server) in [(&old, &new), (&new, &old), (&new, &new), (&old, &old)] {
        assert!(trust_each_other(client, server), "while it is replaced");
    }
    assert_eq!(finish(&mut state), 0, "the node has not renewed its certificate");
    let info = tls_info(&before);
    assert_ne!(
        info.cert_issuer_public_key,
        tls_info(founded().0.cluster().expect("one")).cert_issuer_public_key
    );
    describe(&mut state, &old.node_id, info);
    assert_eq!(finish(&mut state), 1);
    let after = state.cluster().expect("there is one");
    assert_eq!(after.next_root_ca, None);
    assert_eq!(Some(&after.root_ca), before.next_root_ca.as_ref());
    assert_ne!(after.join_tokens.worker, before.join_tokens.worker);
    assert_ne!(after.join_tokens.manager, before.join_tokens.manager);
    let trusting = Identity { root_ca: after.root_ca.certificate.clone(), ..new.clone() };
    let later = renewed(&state, &trusting);
    // One that was away trusts the old authority only.
    for (client, server) in [(&trusting, &new), (&new, &trusting), (&later, &new), (&new, &later)] {
        assert!(trust_each_other(client, server), "after it was replaced");
    }
    assert!(!trust_each_other(&trusting, &old), "what the old one has signed is worth nothing now");
    assert_eq!(finish(&mut state), 0);
}

#[test]
fn only_what_can_be_an_authority_becomes_one() {
    let (state, _) = founded();
    let cluster = state.cluster().expect("there is one");
    let now = Timestamp::now();
    let other = Authority::create(&mut rng(8), now).expect("makes a key");
    let another = Authority::create(&mut rng(9), now).expect("makes a key");
    let ask = |certificate: &str, key: &str, now| {
        let asked = CaConfig {
            signing_ca_cert: certificate.to_owned(),
            signing_ca_key: key.to_owned(),
            ..CaConfig::default()
        };
        wanted(cluster, &asked, &mut rng(1), now)
    };
    let twice = other.certificate.repeat(2);
    let late = now + Duration::from_secs(20 * 365 * 24 * 3600 - 300 * 24 * 3600);
    for (certificate, key, now, message) in [
        ("", &*other.key, now, "the signing CA cert must also be provided"),
        (&*twice, &*other.key, now, "cannot contain multiple certificates"),
        ("nonsense", &*other.key, now, "could not parse the desired CA certificate"),
        (&*other.certificate, &*other.key, late, "CA certificate expires too soon"),
        (&*other.certificate, &*another.key, now, "does not belong to"),
    ] {
        let error = ask(certificate, key, now).expect_err(message);
        assert!(error.message.contains(message), "{error}");
    }
    assert_eq!(ask("", "", now), Ok(None));
    assert_eq!(ask(&cluster.root_ca.certificate, "", now), Ok(None));
    ask(&other.certificate, &other.key, now).expect("can be").expect("is another");
    let outside = ask(&other.certificate, "", now).expect("can be").expect("is another");
    assert!(outside.is_external());
}

/// A certificate for `key` whose subject has an attribute of this kind.
fn authority_named_by(kind: &[u64], key: &rcgen::KeyPair) -> Vec<u8> {
    let mut params = rcgen::CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::from_oid(kind), "an authority");
    params.self_signed(key).expect("signs").der().to_vec()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// Asks for the authority with this certificate. Whether it is one by now.
fn asked_for(state: &State, certificate: String, key: &rcgen::KeyPair) -> Result<()> {
    let cluster = state.cluster().expect("there is one");
    let signing_ca_key = key.serialize_pem();
    let asked = CaConfig { signing_ca_cert: certificate, signing_ca_key, ..CaConfig::default() };
    match wanted(cluster, &asked, &mut rng(5), Timestamp::now())? {
        Some(next) => {
            Authority::load(&cluster.root_ca)?.vouch_for(&next, &mut rng(6))?;
            Ok(())
        }
        None => Err(Error::invalid("nothing was asked for")),
    }
}

#[test]
fn no_certificate_breaks_anything() {
    let (state, _) = founded();
    let key = rcgen::KeyPair::generate().expect("makes a key");
    let sound = authority_named_by(&[2, 5, 4, 3], &key);
    asked_for(&state, pem(&sound), &key).expect("is an authority");
    for mut case in cases(300) {
        let mut der = sound.clone();
        spoil_bytes(&mut case, &mut der);
        let _outcome = asked_for(&state, pem(&der), &key);
        let _outcome = asked_for(&state, spoiled_text(&mut case, &pem(&sound)), &key);
    }
}

#[test]
fn an_authority_whose_name_cannot_be_repeated_is_refused() {
    let (state, _) = founded();
    let key = rcgen::KeyPair::generate().expect("makes a key");
    let mut der = authority_named_by(&[2, 39, 1234], &key);
    asked_for(&state, pem(&der), &key).expect("is an authority");
    // The first two numbers of an object identifier are in one byte, in the name of who signs and in that of whom.
    for at in 0..der.len() - 3 {
        if der[at..].starts_with(&[119, 0x89, 0x52]) {
            der[at] = 127;
        }
    }
    asked_for(&state, pem(&der), &key).expect_err("has no such name");
}

#[test]
fn an_authority_with_a_name_of_no_kind_is_refused() {
    let (state, _) = founded();
    let key = rcgen::KeyPair::generate().expect("makes a key");
    let mut der = authority_named_by(&[2, 5, 4, 3], &key);
    // The common name, of twelve letters: three more of them, and no object identifier.
    let (sound, damaged) = ([6, 3, 0x55, 4, 3, 0x0c, 12], [6, 0, 0x0c, 15, b'x', b'x', b'x']);
    let mut damages = 0;
    for at in 0..der.len() - sound.len() {
        if der[at..].starts_with(&sound) {
            der[at..at + sound.len()].copy_from_slice(&damaged);
            damages += 1;
        }
    }
    assert_eq!(damages, 2, "of who signs, and of whom");
    asked_for(&state, pem(&der), &key).expect_err("has no such name");
}
