//! HTTP routing as it is, with what goes over it. Not in Docker's API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::id::ServiceId;
use crate::spec::HttpConfig;

/// The answer to `GET /swarmlite/v1/http`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct HttpRouting {
    /// The ports on which every node answers.
    pub ports: HttpConfig,
    /// The rules of all services, by what they ask for.
    pub rules: Vec<HttpRule>,
}

/// A rule of a service, and what becomes of the requests that it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct HttpRule {
    /// The service.
    #[serde(rename = "ServiceID")]
    pub service_id: ServiceId,
    /// What that is called.
    pub service_name: String,
    /// What the rule asks for, as `shop.example.com/cart (GET)`.
    pub asks: String,
    /// The whole rule, as `--http` takes it.
    pub rule: String,
    /// Answers per second of all nodes together, over the last few seconds, by the class of their status, from `1xx` to `5xx`.
    pub answers: BTreeMap<String, f64>,
    /// Connections to tasks that could not be opened, per second.
    pub unreachable: f64,
    /// Requests per second that were refused, as their clients made more than the rule allows.
    pub limited: f64,
}
