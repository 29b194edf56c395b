//! `/services`.

mod balancing;
mod certificates;
pub(super) mod dry_run;
mod http;
mod plan;

use axum::Json;
use axum::extract::Path;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use swarmlite_manager::state::State;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::api::ServiceCreateResponse;
use swarmlite_proto::api::ServiceStatus;
use swarmlite_proto::api::ServiceUpdateResponse;
use swarmlite_proto::engine::NETWORK_DRIVER;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::registry;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::engine::segment;
use crate::error::Answer;
use crate::filters::Filters;
use crate::openapi::parameters::AtVersion;
use crate::openapi::parameters::ById;
use crate::openapi::parameters::Filtered;
use crate::openapi::parameters::RegistryAuth;
use crate::openapi::parameters::UpdateOptions;
use crate::openapi::parameters::WithDefaults;
use crate::openapi::parameters::WithStatus;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Conflict;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::Forbidden;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::NotImplemented;
use crate::openapi::refusals::Unavailable;
use crate::render;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::request::Params;
use crate::state::ApiState;

const FILTERS: &[&str] = &["id", "name", "label", "mode", "runtime"];

/// Lists the services.
#[utoipa::path(
    get,
    path = "/services",
    operation_id = "ServiceList",
    tag = "Service",
    params(Filtered, WithStatus),
    responses(
        (status = 200, description = "The services.", body = Vec<api::Service>),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn list(
    Manager(manager): Manager,
    params: Params,
) -> Answer<Json<Vec<api::Service>>> {
    let filters = params.filters(FILTERS)?;
    let with_status = params.strict_bool("status")?;
    let state = manager.read().await?;
    let services = state.services().values().filter(|service| matches(&filters, service));
    let rendered = services.map(|service| {
        let service_status = with_status.then(|| status(&state, service));
        api::Service { service_status, ..rendered(&state, service) }
    });
    Ok(Json(rendered.collect()))
}

/// A service with what the state knows of its hosts.
fn rendered(state: &State, service: &Service) -> api::Service {
    let mut shown = render::service(service);
    shown.endpoint.http_certificates = certificates::certificates(state, service);
    shown
}

fn matches(filters: &Filters, service: &Service) -> bool {
    filters.prefix("id", service.id.as_str())
        && filters.prefix("name", &service.spec.name)
        && filters.labels("label", &service.spec.labels)
        && filters.any("mode", |value| value == service.spec.mode.name())
        && filters.any("runtime", |value| value == "container")
}

/// How many tasks a service has and should have (swarmkit `manager/controlapi/service.go`, ListServiceStatuses). What was last heard
/// from a node that is down does not count: swarmkit counts it, and shows 3/2 once the task is replaced.
fn status(state: &State, service: &Service) -> ServiceStatus {
    let is_down = |task: &Task| {
        let node = task.node_id.as_ref().and_then(|node_id| state.nodes().get(node_id));
        node.is_none_or(|node| node.status.state == NodeState::Down)
    };
    let count = |test: &dyn Fn(&Task) -> bool| {
        state.tasks_of_service(&service.id).filter(|task| test(task)).count() as u64
    };
    ServiceStatus {
        running_tasks: count(&|task| task.status.state == TaskState::Running && !is_down(task)),
        desired_tasks: match service.spec.mode {
            ServiceMode::Replicated { replicas } => replicas,
            ServiceMode::ReplicatedJob(job) => job.max_concurrent,
            ServiceMode::Global => count(&|task| task.desired_state == TaskState::Running),
            ServiceMode::GlobalJob => count(&|task| {
                task.desired_state == TaskState::Complete && task.status.state < TaskState::Complete
            }),
        },
        completed_tasks: count(&|task| {
            let iteration = service.job_status.map(|status| status.job_iteration.index);
            iteration.is_some()
                && task.job_iteration == iteration
                && task.status.state == TaskState::Complete
        }),
    }
}

/// Shows a service.
#[utoipa::path(
    get,
    path = "/services/{id}",
    operation_id = "ServiceInspect",
    tag = "Service",
    params(ById, WithDefaults),
    responses(
        (status = 200, description = "The service.", body = api::Service),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn inspect(
    Manager(manager): Manager,
    Path(id): Path<String>,
    params: Params,
) -> Answer<Json<api::Service>> {
    let with_defaults = params.strict_bool("insertDefaults")?;
    let state = manager.read().await?;
    let mut service = rendered(&state, lookup::service(&state, &id)?);
    if with_defaults {
        insert_defaults(&mut service.spec);
    }
    Ok(Json(service))
}

/// Fills in what absent settings mean (swarmkit `api/defaults/service.go`).
fn insert_defaults(spec: &mut ServiceSpec) {
    let task = &mut spec.task_template;
    if let Some(container) = &mut task.container_spec {
        container.stop_grace_period = Some(container.stop_grace());
        container.dns_config.get_or_insert_default();
    }
    task.resources.get_or_insert_default();
    task.restart_policy.get_or_insert_with(RestartPolicy::defaults);
    task.placement.get_or_insert_default();
    if !spec.mode.is_job() {
        spec.update_config.get_or_insert_with(UpdateConfig::defaults);
        spec.rollback_config.get_or_insert_with(UpdateConfig::defaults);
    }
}

/// Makes a service.
#[utoipa::path(
    post,
    path = "/services/create",
    operation_id = "ServiceCreate",
    tag = "Service",
    params(RegistryAuth),
    request_body = ServiceSpec,
    responses(
        (status = 201, description = "The id of the service.", body = ServiceCreateResponse),
        BadRequest, Failed, Unavailable, Forbidden, Conflict, NotImplemented,
    )
)]
pub(super) async fn create(
    Extract(api): Extract<ApiState>,
    Manager(manager): Manager,
    headers: HeaderMap,
    JsonBody(spec): JsonBody<ServiceSpec>,
) -> Answer<(StatusCode, Json<ServiceCreateResponse>)> {
    let auth = sent_credentials(&headers)?.flatten();
    refuse_local_networks(&api, &manager.read().await?, &spec).await?;
    let change = |state: &State| {
        plan::create(state, spec.clone(), auth.clone(), Timestamp::now(), &mut rand::rng())
    };
    let id = manager.change(change).await?;
    Ok((StatusCode::CREATED, Json(ServiceCreateResponse { id, warnings: None })))
}

/// Changes a service.
#[utoipa::path(
    post,
    path = "/services/{id}/update",
    operation_id = "ServiceUpdate",
    tag = "Service",
    params(ById, AtVersion, UpdateOptions, RegistryAuth),
    request_body = ServiceSpec,
    responses(
        (status = 200, description = "Done.", body = ServiceUpdateResponse),
        BadRequest, Failed, Unavailable, Forbidden, NotFound, Conflict, NotImplemented,
    )
)]
pub(super) async fn update(
    Extract(api): Extract<ApiState>,
    Manager(manager): Manager,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
    JsonBody(spec): JsonBody<ServiceSpec>,
) -> Answer<Json<ServiceUpdateResponse>> {
    let version = params.version("service")?;
    let rolls_back = match params.text("rollback") {
        "" | "none" => false,
        "previous" => true,
        other => return Err(Error::unknown(format!("unrecognized rollback option {other}")).into()),
    };
    let kept = match params.text("registryAuthFrom") {
        "" | "spec" => plan::Credentials::OfSpec,
        "previous-spec" => plan::Credentials::OfPreviousSpec,
        _ => return Err(Error::unknown("unsupported registryAuthFrom value").into()),
    };
    let credentials = sent_credentials(&headers)?.map_or(kept, plan::Credentials::Sent);
    refuse_local_networks(&api, &manager.read().await?, &spec).await?;
    let change = |state: &State| {
        let (spec, now) = (spec.clone(), Timestamp::now());
        let transaction = if rolls_back {
            plan::rollback(state, &id, version, spec, now)
        } else {
            plan::update(state, &id, version, spec, credentials.clone(), now)
        };
        Ok(((), transaction?))
    };
    manager.change(change).await?;
    Ok(Json(ServiceUpdateResponse::default()))
}

/// Removes a service and its tasks.
#[utoipa::path(
    delete,
    path = "/services/{id}",
    operation_id = "ServiceDelete",
    tag = "Service",
    params(ById),
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn remove(Manager(manager): Manager, Path(id): Path<String>) -> Answer<()> {
    let change = |state: &State| Ok(((), plan::remove(state, &id, Timestamp::now())?));
    Ok(manager.change(change).await?)
}

/// The credentials that came with a request. An empty header is as good as none; one that says that there are no credentials is not.
fn sent_credentials(headers: &HeaderMap) -> Result<Option<Option<registry::RegistryAuth>>> {
    let sent = headers.get(registry::HEADER).filter(|value| !value.is_empty());
    sent.map(|value| registry::RegistryAuth::from_header(value.as_bytes())).transpose()
}

/// Says what is wrong with a network that is there, but only on this node.
async fn refuse_local_networks(api: &ApiState, state: &State, spec: &ServiceSpec) -> Result<()> {
    for attachment in spec.task_template.networks.iter().chain(&spec.networks) {
        let target = attachment.target.as_str();
        if target.is_empty() || lookup::network(state, target).is_ok() {
            continue;
        }
        // Without an engine to ask, the network is just not found.
        let path = format!("/networks/{}", segment(target));
        let local = api.engine.get(&path).await.ok().flatten();
        if local.is_some_and(|network| network["Driver"] != NETWORK_DRIVER) {
            return Err(Error::denied(format!(
                "The network {target} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver."
            )));
        }
    }
    Ok(())
}
