use proptest::prelude::*;
use swarmlite_proto::error::ErrorKind;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::Secret;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::SecretReference;
use swarmlite_proto::version::Version;

use super::*;
use crate::state::Snapshot;
use crate::state::fixture::commit;
use crate::state::fixture::rng;
use crate::state::fixture::service;

/// A secret or a config that is not in the state yet.
pub(crate) fn document<K: Kind>(seed: u64, name: &str) -> Document<Id<K>> {
    let data = Data::from(format!("content of {name}").into_bytes());
    let spec = DocumentSpec { name: name.to_owned(), data, ..DocumentSpec::default() };
    Document { id: Id::random(&mut rng(seed)), meta: Default::default(), spec }
}

/// How a service has `secret`, as a file of the same name.
pub(crate) fn reference(secret: &Secret) -> SecretReference {
    let name = secret.spec.name.clone();
    SecretReference {
        file: Some(FileTarget { name: name.clone(), ..FileTarget::default() }),
        secret_id: secret.id.to_string(),
        secret_name: name,
    }
}

fn put<K: DocumentKind>(state: &mut State, document: &Document<Id<K>>) -> Result<Version> {
    commit(state, vec![K::put(document.clone())])
}

fn remove<K: DocumentKind>(state: &mut State, document: &Document<Id<K>>) -> Result<Version> {
    let version = state.documents::<K>()[&document.id].meta.version;
    commit(state, vec![Op::Remove(K::object(document.id.clone()), version)])
}

fn with_secrets(mut service: Service, secrets: &[&Secret]) -> Service {
    let container = service.spec.task_template.container_spec.get_or_insert_default();
    container.secrets = secrets.iter().map(|secret| reference(secret)).collect();
    service
}

fn store(state: &mut State, service: &Service) -> Result<Version> {
    commit(state, vec![Op::PutService(Box::new(service.clone()))])
}

fn assert_sound(state: &State) {
    assert_eq!(state.indexes, Indexes::of(&state.tables));
    for service in state.services().values() {
        state.check_needed(&service.spec).expect("what services need is there");
    }
}

#[test]
fn names_are_unique_within_a_kind() {
    let mut state = State::default();
    put::<SecretKind>(&mut state, &document(1, "tls")).expect("is new");
    put::<ConfigKind>(&mut state, &document(2, "tls")).expect("is of another kind");
    let refused = put::<SecretKind>(&mut state, &document(3, "TLS")).expect_err("is taken");
    assert_eq!(
        (refused.kind, &*refused.message),
        (ErrorKind::Conflict, "secret TLS already exists")
    );
    let refused = put::<ConfigKind>(&mut state, &document(3, "tls")).expect_err("is taken");
    assert_eq!(refused.message, "config tls already exists");
    assert_sound(&state);
}

#[test]
fn what_services_need_is_not_removed() {
    let mut state = State::default();
    let (tls, other) = (document(1, "tls"), document(2, "other"));
    put::<SecretKind>(&mut state, &tls).expect("is new");
    put::<SecretKind>(&mut state, &other).expect("is new");
    store(&mut state, &with_secrets(service(3, "web"), &[&tls])).expect("it is there");
    let refused = remove::<SecretKind>(&mut state, &tls).expect_err("is in use");
    assert_eq!(refused.message, "secret 'tls' is in use by the following service: web");
    store(&mut state, &with_secrets(service(4, "api"), &[&tls, &other])).expect("both are there");
    let refused = remove::<SecretKind>(&mut state, &tls).expect_err("is in use");
    let text = "secret 'tls' is in use by the following services: ";
    assert!(refused.message.starts_with(text), "{refused}");
    assert!(refused.message.contains("web") && refused.message.contains("api"), "{refused}");

    // What a service had before does not hold it.
    for seed in [3, 4] {
        let id = service(seed, "").id;
        let old = state.services()[&id].clone();
        let mut changed = with_secrets(Service::clone(&old), &[]);
        changed.previous_spec = Some(old.spec.clone());
        changed.previous_spec_version = Some(old.spec_version);
        store(&mut state, &changed).expect("is current");
    }
    remove::<SecretKind>(&mut state, &tls).expect("is free");
    let id = service(3, "").id;
    let old = state.services()[&id].clone();
    let back = Service { spec: old.previous_spec.clone().expect("some"), ..Service::clone(&old) };
    let refused = store(&mut state, &back).expect_err("is gone");
    assert_eq!(refused.message, "secret not found: tls");
    assert_sound(&state);
}

#[test]
fn what_services_need_has_to_be_there() {
    let mut state = State::default();
    let (tls, other) = (document(1, "tls"), document(2, "other"));
    let both = with_secrets(service(3, "web"), &[&tls, &other]);
    let refused = store(&mut state, &both).expect_err("are not there");
    assert_eq!(refused.message, "secrets not found: tls, other");
    put::<SecretKind>(&mut state, &tls).expect("is new");
    let refused = store(&mut state, &both).expect_err("is not there");
    assert_eq!(refused.message, "secret not found: other");
    let mut misnamed = with_secrets(service(3, "web"), &[&tls]);
    let container = misnamed.spec.task_template.container_spec.as_mut().expect("some");
    container.secrets[0].secret_name = "ssl".to_owned();
    let refused = store(&mut state, &misnamed).expect_err("has another name");
    assert_eq!(refused.message, "secret not found: ssl");
    let mut config = service(3, "web");
    let container = config.spec.task_template.container_spec.as_mut().expect("some");
    let config_name = "site".to_owned();
    container.configs = vec![ConfigReference { config_name, ..ConfigReference::default() }];
    let refused = store(&mut state, &config).expect_err("is not there");
    assert_eq!(refused.message, "config not found: site");
    assert!(state.services().is_empty());
}

#[test]
fn a_snapshot_has_them_and_no_log_line_does() {
    let mut state = State::default();
    let secret: Secret = document(1, "tls");
    put::<SecretKind>(&mut state, &secret).expect("is new");
    let site: Config = document(2, "site");
    put::<ConfigKind>(&mut state, &site).expect("is new");
    let printed = format!("{state:?} {:?}", SecretKind::put(secret.clone()));
    assert!(!printed.contains("content"), "{printed}");
    let bytes = rmp_serde::to_vec_named(&Snapshot::from(state.clone())).expect("is written");
    let read: State = rmp_serde::from_slice::<Snapshot>(&bytes).expect("is read").into();
    assert_eq!(read.tables, state.tables);
    let found = read.document_by_name::<SecretKind>("tls").expect("is there");
    assert_eq!(found.spec.data.as_bytes(), b"content of tls");
    assert_sound(&read);
}

/// Something that happens to a few secrets and a few services.
#[derive(Clone, Debug)]
enum Deed {
    Put(u64),
    Remove(u64),
    Use(u64, Vec<u64>),
    End(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let secret = || 1..4_u64;
    let service = || 10..13_u64;
    prop_oneof![
        secret().prop_map(Deed::Put),
        secret().prop_map(Deed::Remove),
        (service(), prop::collection::vec(secret(), 0..3)).prop_map(|(a, b)| Deed::Use(a, b)),
        service().prop_map(Deed::End),
    ]
}

proptest! {
    #[test]
    fn no_service_ever_needs_what_is_not_there(deeds in prop::collection::vec(deed(), 0..40)) {
        let mut state = State::default();
        let secret = |seed: u64| document::<SecretKind>(seed, &format!("s{seed}"));
        for deed in deeds {
            let op = match deed {
                Deed::Put(seed) => SecretKind::put(secret(seed)),
                Deed::Remove(seed) => {
                    let id = secret(seed).id;
                    let there = state.documents::<SecretKind>().get(&id);
                    let version = there.map_or(Version::NONE, |there| there.meta.version);
                    Op::Remove(ObjectRef::Secret(id), version)
                }
                Deed::Use(seed, secrets) => {
                    let new = service(seed, &format!("web{seed}"));
                    let base = state.services().get(&new.id).map_or(new, |it| Service::clone(it));
                    let secrets: Vec<Secret> = secrets.into_iter().map(secret).collect();
                    let secrets: Vec<&Secret> = secrets.iter().collect();
                    Op::PutService(Box::new(with_secrets(base, &secrets)))
                }
                Deed::End(seed) => {
                    let id = service(seed, "").id;
                    let there = state.services().get(&id);
                    let version = there.map_or(Version::NONE, |there| there.meta.version);
                    Op::Remove(ObjectRef::Service(id), version)
                }
            };
            let before = state.tables.clone();
            if commit(&mut state, vec![op]).is_err() {
                prop_assert_eq!(&state.tables, &before);
            }
            assert_sound(&state);
        }
    }
}
