//! Secrets and configs: two tables with the same rules.

use std::sync::Arc;

use imbl::OrdMap;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::ServiceSpec;

use self::sealed::Stored;
use super::ObjectRef;
use super::Op;
use super::State;
use super::Tables;
use super::apply::Write;
use super::index::Indexes;
use super::index::add_name;
use super::index::remove_name;

/// All secrets, or all configs, by id.
pub type Documents<K> = OrdMap<Id<K>, Arc<Document<Id<K>>>>;

/// What a service needs of one: that its id and its name belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed<'a> {
    /// The id, as it was written.
    pub id: &'a str,
    /// The name.
    pub name: &'a str,
}

mod sealed {
    use super::Documents;
    use super::Id;
    use super::Indexes;
    use super::Kind;
    use super::OrdMap;
    use super::Tables;

    /// Where the documents of a kind are kept: nobody else's business.
    pub trait Stored: Kind + Sized {
        /// The table of this kind.
        fn table(tables: &Tables) -> &Documents<Self>;

        /// The same, to be changed.
        fn table_mut(tables: &mut Tables) -> &mut Documents<Self>;

        /// The index of names.
        fn names(indexes: &Indexes) -> &OrdMap<String, Id<Self>>;

        /// The same, to be changed.
        fn names_mut(indexes: &mut Indexes) -> &mut OrdMap<String, Id<Self>>;
    }
}

/// Tells secrets from configs. Only this module has such kinds.
pub trait DocumentKind: Stored + Sized + 'static {
    /// The change that makes or replaces one.
    fn put(document: Document<Id<Self>>) -> Op;

    /// The name of one as an object.
    fn object(id: Id<Self>) -> ObjectRef;

    /// Those that tasks of this spec have.
    fn needed(spec: &ServiceSpec) -> Vec<Needed<'_>>;

    /// Whether a rule of HTTP routing of a service needs one.
    fn has_rule(_: &State, _: &Service, _: &Document<Id<Self>>) -> bool {
        false
    }
}

impl Stored for SecretKind {
    fn table(tables: &Tables) -> &Documents<Self> {
        &tables.secrets
    }

    fn table_mut(tables: &mut Tables) -> &mut Documents<Self> {
        &mut tables.secrets
    }

    fn names(indexes: &Indexes) -> &OrdMap<String, SecretId> {
        &indexes.secrets_by_name
    }

    fn names_mut(indexes: &mut Indexes) -> &mut OrdMap<String, SecretId> {
        &mut indexes.secrets_by_name
    }
}

impl DocumentKind for SecretKind {
    fn put(secret: Document<SecretId>) -> Op {
        Op::PutSecret(Box::new(secret))
    }

    fn object(id: SecretId) -> ObjectRef {
        ObjectRef::Secret(id)
    }

    fn needed(spec: &ServiceSpec) -> Vec<Needed<'_>> {
        let container = spec.task_template.container_spec.iter();
        let references = container.flat_map(|container| &container.secrets);
        references.map(|one| Needed { id: &one.secret_id, name: &one.secret_name }).collect()
    }

    fn has_rule(state: &State, service: &Service, secret: &Document<SecretId>) -> bool {
        state.has_certificate(service, secret)
    }
}

impl Stored for ConfigKind {
    fn table(tables: &Tables) -> &Documents<Self> {
        &tables.configs
    }

    fn table_mut(tables: &mut Tables) -> &mut Documents<Self> {
        &mut tables.configs
    }

    fn names(indexes: &Indexes) -> &OrdMap<String, ConfigId> {
        &indexes.configs_by_name
    }

    fn names_mut(indexes: &mut Indexes) -> &mut OrdMap<String, ConfigId> {
        &mut indexes.configs_by_name
    }
}

impl DocumentKind for ConfigKind {
    fn put(config: Document<ConfigId>) -> Op {
        Op::PutConfig(Box::new(config))
    }

    fn object(id: ConfigId) -> ObjectRef {
        ObjectRef::Config(id)
    }

    fn needed(spec: &ServiceSpec) -> Vec<Needed<'_>> {
        let container = spec.task_template.container_spec.iter();
        let references = container.flat_map(|container| &container.configs);
        references.map(|one| Needed { id: &one.config_id, name: &one.config_name }).collect()
    }
}

impl State {
    /// All secrets, or all configs, by id.
    pub fn documents<K: DocumentKind>(&self) -> &Documents<K> {
        K::table(&self.tables)
    }

    /// The secret or config of this name; case does not count.
    pub fn document_by_name<K: DocumentKind>(&self, name: &str) -> Option<&Arc<Document<Id<K>>>> {
        self.documents::<K>().get(K::names(&self.indexes).get(&name.to_lowercase())?)
    }

    pub(super) fn put_document<K: DocumentKind>(
        &mut self,
        mut document: Document<Id<K>>,
        write: Write,
    ) -> Result<()> {
        let old = self.documents::<K>().get(&document.id).cloned();
        document.meta = write.meta(document.meta.version, old.as_ref().map(|old| old.meta))?;
        let name = &document.spec.name;
        if self.document_by_name::<K>(name).is_some_and(|other| other.id != document.id) {
            return Err(already_exists::<K>(name));
        }
        if let Some(old) = old {
            remove_name(K::names_mut(&mut self.indexes), &old);
        }
        add_name(K::names_mut(&mut self.indexes), &document);
        K::table_mut(&mut self.tables).insert(document.id.clone(), Arc::new(document));
        Ok(())
    }

    pub(super) fn remove_document<K: DocumentKind>(&mut self, id: &Id<K>) -> Result<()> {
        if let Some(document) = K::table_mut(&mut self.tables).remove(id) {
            self.check_unneeded::<K>(&document)?;
            remove_name(K::names_mut(&mut self.indexes), &document);
        }
        Ok(())
    }

    /// No service needs a secret or config that is removed. What a service had before its last change does not count, as in Swarm:
    /// otherwise nobody could remove what he has just replaced.
    pub fn check_unneeded<K: DocumentKind>(&self, document: &Document<Id<K>>) -> Result<()> {
        let needs_it = |service: &Service| {
            K::needed(&service.spec).iter().any(|needed| needed.id == document.id.as_str())
                || K::has_rule(self, service, document)
        };
        let services = self.tables.services.values().filter(|service| needs_it(service));
        let names: Vec<&str> = services.map(|service| service.spec.name.as_str()).collect();
        let noun = match names.len() {
            0 => return Ok(()),
            1 => "service",
            _ => "services",
        };
        Err(Error::invalid(format!(
            "{} '{}' is in use by the following {noun}: {}",
            K::NAME,
            document.spec.name,
            names.join(", ")
        )))
    }

    /// All secrets and configs that tasks of `spec` have are there.
    pub fn check_needed(&self, spec: &ServiceSpec) -> Result<()> {
        self.check_needed_of::<SecretKind>(spec)?;
        self.check_needed_of::<ConfigKind>(spec)
    }

    fn check_needed_of<K: DocumentKind>(&self, spec: &ServiceSpec) -> Result<()> {
        let is_there = |needed: &Needed<'_>| {
            let id: Option<Id<K>> = needed.id.parse().ok();
            let found = id.and_then(|id| self.documents::<K>().get(&id));
            found.is_some_and(|found| found.spec.name == needed.name)
        };
        let all = K::needed(spec);
        let missing: Vec<&str> =
            all.iter().filter(|one| !is_there(one)).map(|one| one.name).collect();
        match missing.as_slice() {
            [] => Ok(()),
            [one] => Err(Error::invalid(format!("{} not found: {one}", K::NAME))),
            several => {
                Err(Error::invalid(format!("{}s not found: {}", K::NAME, several.join(", "))))
            }
        }
    }
}

/// The name is taken, in Docker's words.
pub fn already_exists<K: Kind>(name: &str) -> Error {
    Error::conflict(format!("{} {name} already exists", K::NAME))
}

#[cfg(test)]
pub(crate) mod tests;
