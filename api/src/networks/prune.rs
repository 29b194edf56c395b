//! `POST /networks/prune`: removes networks that nothing uses (moby `daemon/prune.go`).

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::Method;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::state::State;
use swarmlite_proto::engine::NETWORK_ID_LABEL;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::object::Network;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::time::duration;

use super::plan;
use crate::engine::segment;
use crate::error::Answer;
use crate::filters::Filters;
use crate::openapi::bodies::NetworksPruned;
use crate::openapi::parameters::Filtered;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Unavailable;
use crate::request::Params;
use crate::state::ApiState;

const FILTERS: &[&str] = &["label", "label!", "until"];

/// What the engine says it has removed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Pruned {
    networks_deleted: Option<Vec<String>>,
}

/// Removes the networks that nothing uses: those of the engine and, on managers, those of the cluster.
#[utoipa::path(
    post,
    path = "/networks/prune",
    operation_id = "NetworkPrune",
    tag = "Network",
    params(Filtered),
    responses(
        (status = 200, description = "What was removed.", body = NetworksPruned),
        BadRequest, Failed, Unavailable,
    )
)]
pub(crate) async fn prune(Extract(api): Extract<ApiState>, params: Params) -> Answer<Json<Value>> {
    let filters = params.filters(FILTERS)?;
    let wanted = Wanted::of(&filters, Timestamp::now())?;
    let mut removed = prune_engine(&api, &filters).await?;
    if let Some(manager) = api.node.manager() {
        removed.extend(prune_cluster(&manager, &wanted).await?);
    }
    let removed = if removed.is_empty() { Value::Null } else { removed.into() };
    Ok(Json(json!({ "NetworksDeleted": removed })))
}

/// The engine removes its own. What stands for networks of the cluster is the agent's, who may be about to use it.
async fn prune_engine(api: &ApiState, filters: &Filters) -> Result<Vec<String>> {
    let mut local = filters.to_json();
    let own = json!([NETWORK_ID_LABEL]);
    match local.get_mut("label!").and_then(Value::as_array_mut) {
        Some(labels) => labels.push(NETWORK_ID_LABEL.into()),
        None => local["label!"] = own,
    }
    let path = format!("/networks/prune?filters={}", segment(&local.to_string()));
    let answer = api.engine.forward(Method::POST, &path, Bytes::new()).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    if !status.is_success() {
        let text = serde_json::from_slice::<Value>(&body).ok();
        let text = text.and_then(|body| Some(body["message"].as_str()?.to_owned()));
        return Err(Error::unknown(text.unwrap_or_else(|| format!("the engine answers {status}"))));
    }
    let pruned: Pruned = serde_json::from_slice(&body).unwrap_or_default();
    Ok(pruned.networks_deleted.unwrap_or_default())
}

async fn prune_cluster(manager: &ManagerAccess, wanted: &Wanted<'_>) -> Result<Vec<String>> {
    let state = manager.read().await?;
    let mut removed = Vec::new();
    for network in unused(&state, wanted) {
        let id = network.id.as_str();
        let change = |state: &State| Ok(((), plan::remove(state, id, Timestamp::now())?));
        // Somebody else may have removed it, or begun to use it.
        if manager.change(change).await.is_ok() {
            removed.push(network.spec.name.clone());
        }
    }
    Ok(removed)
}

/// The networks of the cluster that nothing uses and that are wanted. The ingress network is never unused.
fn unused<'a>(
    state: &'a State,
    wanted: &'a Wanted<'_>,
) -> impl Iterator<Item = &'a Network> + use<'a> {
    state.networks().values().map(AsRef::as_ref).filter(move |network| {
        !network.spec.ingress
            && state.check_unused(network).is_ok()
            && wanted.wants(&network.spec.labels, network.meta.created_at)
    })
}

/// Which networks are to go.
struct Wanted<'a> {
    filters: &'a Filters,
    until: Option<Timestamp>,
}

impl<'a> Wanted<'a> {
    fn of(filters: &'a Filters, now: Timestamp) -> Result<Self> {
        let until = match filters.values("until") {
            None => None,
            Some(values) => match values.iter().collect::<Vec<_>>().as_slice() {
                [one] => Some(moment(one, now)?),
                _ => return Err(Error::invalid("more than one until filter specified")),
            },
        };
        Ok(Self { filters, until })
    }

    fn wants(&self, labels: &Labels, created_at: Timestamp) -> bool {
        self.filters.labels("label", labels)
            && self.filters.without_labels("label!", labels)
            && self.until.is_none_or(|until| created_at < until)
    }
}

/// A time ago, a moment in RFC 3339, or seconds since 1970.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Ok(ago) = duration::parse(text) {
        let since = now.since(Timestamp::EPOCH).saturating_sub(ago.to_duration());
        return Ok(Timestamp::EPOCH + since);
    }
    let seconds = text.parse::<f64>().ok().and_then(|at| Duration::try_from_secs_f64(at).ok());
    match seconds {
        Some(seconds) => Ok(Timestamp::EPOCH + seconds),
        None => text
            .parse()
            .map_err(|_| Error::invalid(format!("failed to parse value as time: \"{text}\""))),
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_manager::state::Op;
    use swarmlite_manager::state::fixture as objects;

    use super::*;

    #[test]
    fn only_what_is_wanted_and_not_used_goes() {
        let mut state = State::default();
        let ops = [("plain", "a"), ("keep", "keep"), ("ingress", "a")].map(|(name, label)| {
            let seed = name.len() as u64;
            let subnet = format!("10.0.{seed}.0/24");
            let mut network =
                objects::network(seed, name, 4000 + u32::from(name.as_bytes()[0]), &subnet);
            network.spec.labels.insert(label.to_owned(), "1".to_owned());
            network.spec.ingress = name == "ingress";
            Op::PutNetwork(Box::new(network))
        });
        objects::commit(&mut state, ops.to_vec()).expect("is sound");
        let now = Timestamp::EPOCH + Duration::from_secs(3600);
        let names = |filters: &str| {
            let filters = Filters::parse(filters, FILTERS).expect("filters");
            let wanted = Wanted::of(&filters, now).expect("sound");
            let mut names: Vec<String> =
                unused(&state, &wanted).map(|network| network.spec.name.clone()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(""), ["keep", "plain"]);
        assert_eq!(names(r#"{"label":["keep"]}"#), ["keep"]);
        assert_eq!(names(r#"{"label!":["keep=1"]}"#), ["plain"]);
        assert_eq!(names(r#"{"label!":["keep=2"]}"#), ["keep", "plain"]);
        assert_eq!(names(r#"{"until":["30m"]}"#), ["keep", "plain"]);
        for young in ["2h", "1969-12-31T00:00:00Z", "0.0"] {
            assert!(names(&format!(r#"{{"until":["{young}"]}}"#)).is_empty(), "{young}");
        }
        let several = Filters::parse(r#"{"until":["1h","2h"]}"#, FILTERS).expect("filters");
        assert!(Wanted::of(&several, now).is_err());
    }
}
