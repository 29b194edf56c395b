//! Which rules and ports go together, and when they count at all.

use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::value::http;

use super::*;
use crate::loops::tests::world::cluster;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::document::tests::document;
use crate::state::fixture::commit;
use crate::state::fixture::service;
use crate::state::index::Indexes;

fn in_format(format: Format) -> State {
    let mut state = State::default();
    let cluster = Cluster { format, ..cluster() };
    commit(&mut state, vec![Op::PutCluster(Box::new(cluster))]).expect("is sound");
    state
}

fn with_rules(seed: u64, name: &str, rules: &[&str]) -> Service {
    let mut service = service(seed, name);
    let rules = rules.iter().map(|rule| http::parse(rule).expect("a rule")).collect();
    service.spec.endpoint_spec =
        Some(EndpointSpec { http: Some(rules), ..EndpointSpec::default() });
    service
}

fn publishing(seed: u64, protocol: PortProtocol, publish_mode: PublishMode) -> Service {
    let mut service = service(seed, "old");
    let port = PortConfig {
        protocol,
        publish_mode,
        target_port: 80,
        published_port: 443,
        ..PortConfig::default()
    };
    service.spec.endpoint_spec =
        Some(EndpointSpec { ports: vec![port], ..EndpointSpec::default() });
    service
}

fn put(state: &mut State, service: &Service) -> Result<()> {
    commit(state, vec![Op::PutService(Box::new(service.clone()))]).map(drop)
}

/// Has all nodes answer on these ports.
fn answer(state: &mut State, http: HttpConfig) -> Result<()> {
    let mut cluster = Cluster::clone(state.cluster().expect("is there"));
    cluster.spec.http = Some(http);
    commit(state, vec![Op::PutCluster(Box::new(cluster))]).map(drop)
}

#[test]
fn requests_belong_to_one_service_unless_all_share_them() {
    let mut state = in_format(Format::HTTP);
    let web = with_rules(1, "web", &["shop,port=80", "shop/cart,port=80,weight=1"]);
    put(&mut state, &web).expect("nobody else answers");
    for fine in
        ["shop/api,port=80", "shop,port=80,method=GET", "/,port=80", "shop/cart,port=81,weight=9"]
    {
        let other = with_rules(2, "other", &[fine]);
        put(&mut state.clone(), &other).expect(fine);
    }
    let message = format!(
        "HTTP requests for shop/ are answered by service 'web' ({}) already: to share them, both rules have to state a weight",
        web.id
    );
    for clash in ["shop,port=81", "shop,port=81,weight=1"] {
        let refused = put(&mut state, &with_rules(2, "other", &[clash])).expect_err(clash);
        assert_eq!(refused.message, message);
    }
    let clash = with_rules(2, "other", &["shop/cart,port=81"]);
    assert!(put(&mut state, &clash).is_err(), "only one of both states a weight");
    let stored = state.services()[&web.id].clone();
    put(&mut state, &stored).expect("it is in nobody's way but its own");
    let remove = Op::Remove(ObjectRef::Service(web.id), state.services()[&stored.id].meta.version);
    commit(&mut state, vec![remove]).expect("is there");
    put(&mut state, &with_rules(2, "other", &["shop,port=81"])).expect("it is free again");
    assert_eq!(state.indexes, Indexes::of(&state.tables));
}

#[test]
fn labels_are_no_rules_until_all_managers_know_of_them() {
    for (format, refused) in [(Format::FIRST, false), (Format::HTTP, true)] {
        let mut state = in_format(format);
        for (seed, name) in [(1, "one"), (2, "two")] {
            let mut service = service(seed, name);
            let label = ("swarmlite.http.x".to_owned(), "shop,port=80".to_owned());
            service.spec.labels = [label].into();
            let is_refused = put(&mut state, &service).is_err();
            assert_eq!(is_refused, refused && seed == 2, "{name} in format {format}");
        }
        assert_eq!(state.services_with_http_rules().len(), usize::from(refused));
    }
}

#[test]
fn a_port_is_published_or_answers_http() {
    for (protocol, mode, clashes) in [
        (PortProtocol::Tcp, PublishMode::Ingress, true),
        (PortProtocol::Tcp, PublishMode::Host, true),
        (PortProtocol::Udp, PublishMode::Ingress, false),
    ] {
        let service = publishing(1, protocol, mode);
        let mut state = in_format(Format::HTTP);
        answer(&mut state, HttpConfig::STANDARD).expect("nobody publishes");
        let refused = put(&mut state, &service).err().map(|error| error.message);
        let message = "port '443' is already in use by HTTP routing, on every node";
        assert_eq!(refused.as_deref(), clashes.then_some(message));

        let mut state = in_format(Format::HTTP);
        put(&mut state, &service).expect("nobody answers");
        let refused = answer(&mut state, HttpConfig::STANDARD).err().map(|error| error.message);
        let message = format!(
            "HTTP cannot have port '443': it is already in use by service 'old' ({}) as {} port",
            service.id,
            kind_of_port(mode)
        );
        assert_eq!(refused, clashes.then_some(message));
        answer(&mut state, HttpConfig { port: 80, tls_port: 0 }).expect("is free");
    }
}

#[test]
fn all_rules_for_a_host_ask_for_certificates_of_the_same_authorities() {
    let mut state = in_format(Format::HTTP_OPTIONS);
    for (seed, name) in [(7, "staff"), (8, "guests")] {
        let secret: Secret = document::<SecretKind>(seed, name);
        commit(&mut state, vec![Op::PutSecret(Box::new(secret))]).expect("is new");
    }
    let refused = put(&mut state, &with_rules(1, "web", &["shop,port=80,client-ca=none"]));
    assert_eq!(refused.expect_err("there is none").message, "secret not found: none");
    let web = with_rules(1, "web", &["shop/a,port=80,client-ca=staff"]);
    put(&mut state, &web).expect("is the first");
    for fine in
        ["shop/b,port=80,client-ca=staff", "shop/b,port=80", "*.shop/b,port=80,client-ca=guests"]
    {
        put(&mut state.clone(), &with_rules(2, "other", &[fine])).expect(fine);
    }
    let both = ["shop/b,port=80,client-ca=staff", "shop/c,port=80,client-ca=guests"];
    let change = |state: &mut State, rules: &[&str]| {
        let mut changed = Service::clone(&state.services()[&web.id]);
        changed.spec = with_rules(1, "web", rules).spec;
        put(state, &changed)
    };
    let refused = change(&mut state, &both).expect_err("nobody could tell");
    assert_eq!(refused.message, "HTTP rules for host \"shop\" name two authorities of clients");
    let clash = with_rules(2, "other", &["shop,port=80,client-ca=guests"]);
    let refused = put(&mut state, &clash).expect_err("the host has others").message;
    let message = format!(
        "clients of host \"shop\" show certificates of 'staff' already, as service 'web' ({}) says: all rules for a host have to name the same",
        web.id
    );
    assert_eq!(refused, message);
    let other = ["shop/a,port=80,client-ca=guests"];
    change(&mut state, &other).expect("it is in nobody's way but its own");
    let [staff, guests] = ["staff", "guests"].map(|name| {
        let secret = state.document_by_name::<SecretKind>(name).expect("is there");
        Op::Remove(ObjectRef::Secret(secret.id.clone()), secret.meta.version)
    });
    let refused = commit(&mut state, vec![guests]).expect_err("is needed").message;
    assert_eq!(refused, "secret 'guests' is in use by the following service: web");
    commit(&mut state, vec![staff]).expect("nobody needs it");
}

#[test]
fn certificates_of_clients_need_managers_that_know_of_them() {
    let mut state = in_format(Format::ACME);
    let secret: Secret = document::<SecretKind>(7, "staff");
    commit(&mut state, vec![Op::PutSecret(Box::new(secret))]).expect("is new");
    let refused = put(&mut state, &with_rules(1, "web", &["shop,port=80,client-ca=staff"]));
    let message = refused.expect_err("older managers lose it").message;
    assert!(message.starts_with("options of HTTP routing need all managers"), "{message}");
}

#[test]
fn a_certificate_is_there_as_long_as_a_rule_needs_it() {
    let mut state = in_format(Format::HTTP);
    let mut labelled = service(1, "web");
    let label = ("swarmlite.http.x".to_owned(), "shop,port=80,tls=cert".to_owned());
    labelled.spec.labels = [label].into();
    let refused = put(&mut state, &labelled).expect_err("there is none");
    assert_eq!(refused.message, "secret not found: cert");
    let secret: Secret = document::<SecretKind>(7, "cert");
    commit(&mut state, vec![Op::PutSecret(Box::new(secret.clone()))]).expect("is new");
    put(&mut state, &labelled).expect("is there");
    let version = state.documents::<SecretKind>()[&secret.id].meta.version;
    let remove = Op::Remove(ObjectRef::Secret(secret.id), version);
    let refused = commit(&mut state, vec![remove.clone()]).expect_err("is needed");
    assert_eq!(refused.message, "secret 'cert' is in use by the following service: web");
    let version = state.services()[&labelled.id].meta.version;
    commit(&mut state, vec![Op::Remove(ObjectRef::Service(labelled.id), version)])
        .expect("is there");
    commit(&mut state, vec![remove]).expect("nobody needs it");
}
