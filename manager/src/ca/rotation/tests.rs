//! Whom nodes trust while the authority changes, and when it has changed.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::rpc::RenewRequest;

use super::*;
use crate::ca::NodeKey;
use crate::ca::admission;
use crate::ca::tests::founded;
use crate::loops::tests::world::World;
use crate::state::fixture::commit;
use crate::state::fixture::rng;

/// A cluster whose authority is being replaced.
fn rotating() -> (State, Identity) {
    let (mut state, identity) = founded();
    let mut cluster = Cluster::clone(state.cluster().expect("there is one"));
    let asked = CaConfig { force_rotate: 1, ..CaConfig::default() };
    let next = wanted(&cluster, &asked, &mut rng(5), Timestamp::now()).expect("can be");
    begin(&mut cluster, next.expect("is another"), &mut rng(6)).expect("signs");
    commit(&mut state, vec![Op::PutCluster(Box::new(cluster))]).expect("is sound");
    (state, identity)
}

/// The identity of `node`, renewed.
fn renewed(state: &State, identity: &Identity) -> Identity {
    let NodeKey { key, csr } = NodeKey::generate().expect("makes a key");
    let request = RenewRequest { csr };
    let now = Timestamp::now();
    let answer = admission::renew(state, &identity.node_id, &request, &mut rng(7), now);
    Identity { certificate: answer.expect("is a node").certificate, key, ..identity.clone() }
}

/// Whether one who has `client` and one who serves as `server` take each other's certificates.
fn trust_each_other(client: &Identity, server: &Identity) -> bool {
    let config = tls::client_config(client).expect("is valid");
    let name = rustls_pki_types::ServerName::try_from("swarm-manager").expect("a name");
    let mut client =
        rustls::ClientConnection::new(std::sync::Arc::new(config), name).expect("is valid");
    let config = swarmlite_rpc::server_config(server).expect("is valid");
    let mut server = rustls::ServerConnection::new(std::sync::Arc::new(config)).expect("is valid");
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

#[test]
fn nodes_trust_each_other_at_every_step() {
    let (mut state, old) = rotating();
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
        (&*other.certificate, "", now, "reachable external CA"),
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
    let brought = ask(&other.certificate, &other.key, now).expect("can be").expect("is another");
    let mut cluster = Cluster::clone(cluster);
    begin(&mut cluster, brought, &mut rng(2)).expect("signs");
    let pem = cluster.next_root_ca.expect("signs now").cross_signed.expect("is vouched for");
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
}
