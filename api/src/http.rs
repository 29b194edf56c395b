//! `/swarmlite/v1/http`: which requests the cluster answers over HTTP, by which services, and how many there are.

use std::collections::BTreeMap;
use std::collections::HashMap;

use axum::Json;
use swarmlite_manager::reports::Traffics;
use swarmlite_manager::state::State;
use swarmlite_proto::api;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::HttpMatch;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::traffic::Rates;
use swarmlite_proto::value::http;

use crate::error::Answer;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Unavailable;
use crate::request::Manager;

/// What became of the requests of each rule, on all nodes together.
type Sums = HashMap<(ServiceId, HttpMatch), Rates>;

/// Lists the rules by which the cluster answers over HTTP, with how many requests each takes.
#[utoipa::path(
    get,
    path = "/swarmlite/v1/http",
    operation_id = "HttpRouting",
    tag = "swarmlite",
    responses(
        (status = 200, description = "The rules of all services.", body = api::HttpRouting),
        Failed, Unavailable,
    )
)]
pub(super) async fn answer(Manager(manager): Manager) -> Answer<Json<api::HttpRouting>> {
    let state = manager.read().await?;
    let sums = sums(manager.traffic(&state).await?);
    let services = state.services().values();
    let mut rules: Vec<(HttpMatch, api::HttpRule)> =
        services.flat_map(|service| rules(&state, service, &sums)).collect();
    rules.sort_by(|(a, one), (b, other)| (a, &one.service_name).cmp(&(b, &other.service_name)));
    let ports = state.cluster().map(|cluster| cluster.spec.http()).unwrap_or_default();
    let rules = rules.into_iter().map(|(_, rule)| rule).collect();
    Ok(Json(api::HttpRouting { ports, rules }))
}

fn sums(traffics: Traffics) -> Sums {
    let mut sums = Sums::new();
    for rule in traffics.into_iter().flat_map(|(_, traffic)| traffic) {
        *sums.entry((rule.service_id, rule.asked)).or_default() += rule.rates;
    }
    sums
}

fn rules(state: &State, service: &Service, sums: &Sums) -> Vec<(HttpMatch, api::HttpRule)> {
    let rendered = |route: HttpRoute| {
        let key = (service.id.clone(), route.asked());
        let rates = sums.get(&key).copied().unwrap_or_default();
        let (_, asked) = key;
        let rule = api::HttpRule {
            service_id: service.id.clone(),
            service_name: service.spec.name.clone(),
            asks: asked.to_string(),
            rule: http::show(&route),
            answers: classes(rates.answers),
            unreachable: per_second(rates.unreachable),
            limited: per_second(rates.limited),
        };
        (asked, rule)
    };
    state.http_rules_of(&service.spec).into_iter().map(rendered).collect()
}

fn classes(answers: [u64; 5]) -> BTreeMap<String, f64> {
    let named = |(class, rate)| (format!("{class}xx"), per_second(rate));
    (1..).zip(answers).map(named).collect()
}

/// Rates come in thousandths.
#[expect(clippy::cast_precision_loss, reason = "far from 2^53")]
fn per_second(thousandths: u64) -> f64 {
    thousandths as f64 / 1000.0
}
