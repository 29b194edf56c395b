//! What secrets and configs have in common. They differ in what is shown: the content of a config, and never that of a secret.

pub(super) mod handlers;
mod plan;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use swarmlite_manager::state::State;
use swarmlite_manager::state::document::DocumentKind;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::api::DocumentCreateResponse;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::Document;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::validate;

use crate::error::Answer;
use crate::filters::Filters;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::request::Params;

/// What tells secrets from configs here.
pub(super) trait Shown: DocumentKind + Send + Sync {
    /// The filters that a list has.
    const FILTERS: &'static [&'static str];

    /// Whether the content is shown.
    const OPEN: bool;

    /// Checks what a client asks for.
    fn check(spec: DocumentSpec) -> Result<DocumentSpec>;
}

impl Shown for SecretKind {
    const FILTERS: &'static [&'static str] = &["id", "label", "name", "names"];
    const OPEN: bool = false;

    fn check(spec: DocumentSpec) -> Result<DocumentSpec> {
        validate::secret(spec)
    }
}

impl Shown for ConfigKind {
    const FILTERS: &'static [&'static str] = &["id", "label", "name"];
    const OPEN: bool = true;

    fn check(spec: DocumentSpec) -> Result<DocumentSpec> {
        validate::config(spec)
    }
}

type Answered<K> = api::Document<Id<K>>;

fn render<K: Shown>(document: &Document<Id<K>>) -> Answered<K> {
    let DocumentSpec { name, labels, data, driver, templating } = &document.spec;
    api::Document {
        id: document.id.clone(),
        version: document.meta.version,
        created_at: document.meta.created_at,
        updated_at: document.meta.updated_at,
        spec: DocumentSpec {
            name: name.clone(),
            labels: labels.clone(),
            data: if K::OPEN { data.clone() } else { Data::default() },
            driver: driver.clone(),
            templating: templating.clone(),
        },
    }
}

/// Those that the filters let through.
pub(super) async fn list<K: Shown>(
    Manager(manager): Manager,
    params: Params,
) -> Answer<Json<Vec<Answered<K>>>> {
    let filters = params.filters(K::FILTERS)?;
    let state = manager.read().await?;
    let documents = state.documents::<K>().values();
    let matching = documents.filter(|document| matches::<K>(&filters, document));
    Ok(Json(matching.map(|document| render::<K>(document)).collect()))
}

fn matches<K: Shown>(filters: &Filters, document: &Document<Id<K>>) -> bool {
    filters.prefix("id", document.id.as_str())
        && filters.prefix("name", &document.spec.name)
        && filters.any("names", |value| value == document.spec.name)
        && filters.labels("label", &document.spec.labels)
}

/// One of them.
pub(super) async fn inspect<K: Shown>(
    Manager(manager): Manager,
    Path(id): Path<String>,
) -> Answer<Json<Answered<K>>> {
    let state = manager.read().await?;
    Ok(Json(render::<K>(lookup::document::<K>(&state, &id)?)))
}

/// Makes one.
pub(super) async fn create<K: Shown>(
    Manager(manager): Manager,
    JsonBody(spec): JsonBody<DocumentSpec>,
) -> Answer<(StatusCode, Json<DocumentCreateResponse<Id<K>>>)> {
    let spec = K::check(spec)?;
    let change =
        |state: &State| plan::create::<K>(state, spec.clone(), Timestamp::now(), &mut rand::rng());
    let id = manager.change(change).await?;
    Ok((StatusCode::CREATED, Json(DocumentCreateResponse { id })))
}

/// Changes the labels of one.
pub(super) async fn update<K: Shown>(
    Manager(manager): Manager,
    Path(id): Path<String>,
    params: Params,
    JsonBody(spec): JsonBody<DocumentSpec>,
) -> Answer<()> {
    let version = params.version(K::NAME)?;
    let change =
        |state: &State| Ok(((), plan::update::<K>(state, &id, version, &spec, Timestamp::now())?));
    Ok(manager.change(change).await?)
}

/// Removes one that nothing uses.
pub(super) async fn remove<K: Shown>(
    Manager(manager): Manager,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let change = |state: &State| Ok(((), plan::remove::<K>(state, &id, Timestamp::now())?));
    manager.change(change).await?;
    Ok(StatusCode::NO_CONTENT)
}
