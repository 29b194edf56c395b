//! `/swarm`: making, joining, leaving and changing the cluster.

use axum::Json;
use axum::extract::State as Extract;
use rand::CryptoRng;
use rand::RngExt;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::ca::rotation as authority;
use swarmlite_manager::quorum::Quorum;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::out_of_sequence;
use swarmlite_proto::api;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::api::UnlockKeyText;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::validate;
use swarmlite_proto::version::Version;

use crate::error::Answer;
use crate::openapi::parameters::AtVersion;
use crate::openapi::parameters::Forced;
use crate::openapi::parameters::Rotated;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Conflict;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::NotImplemented;
use crate::openapi::refusals::Unauthorized;
use crate::openapi::refusals::Unavailable;
use crate::render;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::request::Params;
use crate::request::no_manager;
use crate::state::ApiState;

/// Docker's text for a node that is to become a member and is one.
pub const ALREADY_MEMBER: &str = "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.";

/// Docker's text for a node that is to leave and is no member.
pub const NOT_MEMBER: &str = "This node is not part of a swarm";

/// Docker's text for a locked manager that is to leave.
const LEAVING_LOCKED: &str = "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.";

/// Makes a cluster of this node.
#[utoipa::path(
    post,
    path = "/swarm/init",
    operation_id = "SwarmInit",
    tag = "Swarm",
    request_body = InitRequest,
    responses(
        (status = 200, description = "The id of this node.", body = NodeId),
        BadRequest, Failed, Unavailable, NotImplemented,
    )
)]
pub(super) async fn init(
    Extract(state): Extract<ApiState>,
    JsonBody(request): JsonBody<InitRequest>,
) -> Answer<Json<NodeId>> {
    validate::init(&request)?;
    if request.force_new_cluster {
        refuse_to_refound(&state)?;
    } else {
        refuse_member(&state)?;
    }
    Ok(Json(state.node.init(request).await?))
}

/// Has this node join a cluster. A worker none of whose managers answers looks for the cluster it is in where it is told.
#[utoipa::path(
    post,
    path = "/swarm/join",
    operation_id = "SwarmJoin",
    tag = "Swarm",
    request_body = JoinRequest,
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, NotImplemented,
    )
)]
pub(super) async fn join(
    Extract(state): Extract<ApiState>,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Answer<()> {
    validate::join(&request)?;
    let membership = state.node.membership();
    // A worker may have lost its managers for good, which only itself can tell.
    if membership.local_node_state != LocalNodeState::Active || membership.control_available {
        refuse_member(&state)?;
    }
    Ok(state.node.join(request).await?)
}

/// Only a manager has what a new cluster can be made of; a node that is in none makes an ordinary one.
fn refuse_to_refound(state: &ApiState) -> Result<()> {
    let membership = state.node.membership();
    match membership.local_node_state {
        LocalNodeState::Inactive => Ok(()),
        LocalNodeState::Locked => Err(Error::unavailable(no_manager(&membership))),
        _ if membership.control_available => Ok(()),
        _ => Err(Error::unavailable("Node is not a manager")),
    }
}

pub(super) fn refuse_member(state: &ApiState) -> Result<()> {
    match state.node.membership().local_node_state {
        LocalNodeState::Inactive => Ok(()),
        _ => Err(Error::unavailable(ALREADY_MEMBER)),
    }
}

/// Has this node leave its cluster.
#[utoipa::path(
    post,
    path = "/swarm/leave",
    operation_id = "SwarmLeave",
    tag = "Swarm",
    params(Forced),
    responses(
        (status = 200, description = "Done."),
        Failed, Unavailable,
    )
)]
pub(super) async fn leave(Extract(state): Extract<ApiState>, params: Params) -> Answer<()> {
    let force = params.lenient_bool("force");
    let membership = state.node.membership();
    if membership.local_node_state == LocalNodeState::Inactive {
        return Err(Error::unavailable(NOT_MEMBER).into());
    }
    if membership.local_node_state == LocalNodeState::Locked && !force {
        return Err(Error::unavailable(LEAVING_LOCKED).into());
    }
    if membership.control_available && !force {
        let counts = match state.node.manager() {
            Some(manager) => {
                let quorum = manager.quorum();
                manager.read().await.ok().map(|state| count_managers(&state, quorum))
            }
            None => None,
        };
        return Err(Error::unavailable(leave_warning(counts)).into());
    }
    Ok(state.node.leave().await?)
}

/// How many managers can be reached, and how many cannot.
pub(super) fn count_managers(state: &State, quorum: &Quorum) -> (usize, usize) {
    let (reachable, unreachable): (Vec<_>, Vec<_>) = state
        .nodes()
        .values()
        .filter(|node| node.manager.is_some())
        .partition(|node| quorum.reachability(node) == Reachability::Reachable);
    (reachable.len(), unreachable.len())
}

/// Why a manager should not just leave (moby `daemon/cluster/swarm.go`).
fn leave_warning(managers: Option<(usize, usize)>) -> String {
    let risk = match managers {
        Some((1, 0)) => {
            return "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ".to_owned();
        }
        Some((reachable, unreachable)) if reachable <= unreachable + 2 => format!(
            "Removing this node leaves {} managers out of {}. Without a Raft quorum your swarm will be inaccessible. ",
            reachable.saturating_sub(1),
            reachable + unreachable
        ),
        _ => "Doing so may lose the consensus of your cluster. ".to_owned(),
    };
    format!(
        "You are attempting to leave the swarm on a node that is participating as a manager. {risk}The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
    )
}

/// Shows the cluster and what lets nodes in.
#[utoipa::path(
    get,
    path = "/swarm",
    operation_id = "SwarmInspect",
    tag = "Swarm",
    responses(
        (status = 200, description = "The cluster.", body = api::Swarm),
        Failed, NotFound, Unavailable,
    )
)]
pub(super) async fn inspect(Manager(manager): Manager) -> Answer<Json<api::Swarm>> {
    let state = manager.read().await?;
    let cluster = state.cluster().ok_or_else(|| Error::not_found("no such swarm"))?;
    let mut swarm = render::cluster(cluster);
    swarm.join_tokens = Some(cluster.join_tokens.clone().into());
    Ok(Json(swarm))
}

/// Which secrets an update replaces.
#[derive(Clone, Copy, Debug, Default)]
struct Rotation {
    worker: bool,
    manager: bool,
    unlock_key: bool,
}

/// Shows what unlocks managers after a restart.
#[utoipa::path(
    get,
    path = "/swarm/unlockkey",
    operation_id = "SwarmUnlockkey",
    tag = "Swarm",
    responses(
        (status = 200, description = "The key; empty without autolock.", body = UnlockKeyText),
        Failed, NotFound, Unavailable,
    )
)]
pub(super) async fn unlock_key(Manager(manager): Manager) -> Answer<Json<UnlockKeyText>> {
    let state = manager.read().await?;
    let cluster = state.cluster().ok_or_else(|| Error::not_found("no such swarm"))?;
    let unlock_key = cluster.unlock_key.as_ref().map(ToString::to_string).unwrap_or_default();
    Ok(Json(UnlockKeyText { unlock_key }))
}

/// Unlocks the manager on this node.
#[utoipa::path(
    post,
    path = "/swarm/unlock",
    operation_id = "SwarmUnlock",
    tag = "Swarm",
    request_body = UnlockKeyText,
    responses(
        (status = 200, description = "Done: the manager runs."),
        BadRequest, Unauthorized, Conflict, Failed, Unavailable,
    )
)]
pub(super) async fn unlock(
    Extract(state): Extract<ApiState>,
    JsonBody(request): JsonBody<UnlockKeyText>,
) -> Answer<()> {
    let membership = state.node.membership();
    match membership.local_node_state {
        LocalNodeState::Locked => Ok(state.node.unlock(request.unlock_key).await?),
        LocalNodeState::Inactive => Err(Error::unavailable(no_manager(&membership)).into()),
        // Also one that is still on its way to being active (moby `daemon/cluster/swarm.go`, `UnlockSwarm`).
        _ => Err(Error::conflict("swarm is not locked").into()),
    }
}

/// Changes the settings of the cluster.
#[utoipa::path(
    post,
    path = "/swarm/update",
    operation_id = "SwarmUpdate",
    tag = "Swarm",
    params(AtVersion, Rotated),
    request_body = SwarmSpec,
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound, NotImplemented,
    )
)]
pub(super) async fn update(
    Manager(manager): Manager,
    params: Params,
    JsonBody(spec): JsonBody<SwarmSpec>,
) -> Answer<()> {
    let version = params.version("swarm")?;
    let rotation = Rotation {
        worker: params.strict_bool("rotateWorkerToken")?,
        manager: params.strict_bool("rotateManagerToken")?,
        unlock_key: params.strict_bool("rotateManagerUnlockKey")?,
    };
    let next = next_authority(&manager, version, &spec).await?;
    let change = |state: &State| {
        let mut cluster = changed(state, version, spec.clone(), rotation, &mut rand::rng())?;
        // The same version as when it was decided what is next.
        cluster.next_root_ca = next.clone().or(cluster.next_root_ca);
        let now = Timestamp::now();
        Ok(((), Transaction::new(now).with(Op::PutCluster(Box::new(cluster)))))
    };
    Ok(manager.change(change).await?)
}

/// The cluster with new settings and new tokens.
fn changed(
    state: &State,
    version: Version,
    spec: SwarmSpec,
    rotation: Rotation,
    rng: &mut impl CryptoRng,
) -> Result<Cluster> {
    let old = state.cluster().ok_or_else(|| Error::not_found("no such swarm"))?;
    if old.meta.version != version {
        return Err(out_of_sequence());
    }
    validate::swarm_spec(&spec)?;
    let mut cluster = Cluster::clone(old);
    cluster.spec = with_defaults(spec);
    cluster.spec.keep_extensions(&old.spec);
    // They are kept elsewhere, and the key is for nobody to see.
    cluster.spec.ca_config.signing_ca_cert.clear();
    cluster.spec.ca_config.signing_ca_key.clear();
    if cluster.spec.http().is_on() {
        state.check_http_format()?;
    }
    if cluster.spec.http_options.is_some() {
        state.check_http_options_format()?;
    }
    if cluster.spec.acme.is_some() {
        state.check_acme_format()?;
    }
    state.check_http_ports(&cluster)?;
    cluster.unlock_key = match &old.unlock_key {
        _ if !cluster.spec.encryption_config.auto_lock_managers => None,
        Some(key) if !rotation.unlock_key => Some(key.clone()),
        _ => Some(UnlockKey::random(rng)),
    };
    if rotation.worker {
        cluster.join_tokens.worker = rotated(&old.join_tokens.worker, rng)?;
    }
    if rotation.manager {
        cluster.join_tokens.manager = rotated(&old.join_tokens.manager, rng)?;
    }
    Ok(cluster)
}

/// The certificate authority that is to take the place of the present one, if `spec` asks for another. Others may have to be asked for it, and so it is decided
/// before the change, for the `version` that is to be changed.
async fn next_authority(
    manager: &ManagerAccess,
    version: Version,
    spec: &SwarmSpec,
) -> Result<Option<RootCa>> {
    let state = manager.read().await?;
    let old = state.cluster().filter(|old| old.meta.version == version);
    // What is wrong with the change besides is said by it.
    let Some(old) = old.filter(|_| validate::swarm_spec(spec).is_ok()) else { return Ok(None) };
    let (asked, now) = (&spec.ca_config, Timestamp::now());
    let next = authority::wanted(old, asked, &mut rand::rng(), now)?;
    authority::check_servers(old, next.as_ref(), asked)?;
    let Some(next) = next else { return Ok(None) };
    if next.is_external() {
        state.check_external_ca_format()?;
    }
    Ok(Some(manager.signing().vouched(old, next, &asked.external_cas, now).await?))
}

/// Fills in what zero stands for in Docker.
fn with_defaults(mut spec: SwarmSpec) -> SwarmSpec {
    let defaults = SwarmSpec::defaults();
    spec.name = defaults.name;
    spec.raft = spec.raft.or(defaults.raft);
    let limit = &mut spec.orchestration.task_history_retention_limit;
    *limit = limit.or(defaults.orchestration.task_history_retention_limit);
    if spec.dispatcher.heartbeat_period.is_zero() {
        spec.dispatcher = defaults.dispatcher;
    }
    if spec.ca_config.node_cert_expiry.is_zero() {
        spec.ca_config.node_cert_expiry = defaults.ca_config.node_cert_expiry;
    }
    spec
}

/// A join token for the same certificate authority with another secret. Ids have the shape of secrets: 128 random bits in base 36.
fn rotated(token: &str, rng: &mut impl RngExt) -> Result<String> {
    let (authority, _secret) =
        token.rsplit_once('-').ok_or_else(|| Error::unknown("the join token has no secret"))?;
    Ok(format!("{authority}-{}", ClusterId::random(rng)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaving_manager_is_warned_by_what_remains() {
        for (managers, text) in [
            (Some((1, 0)), "Removing the last manager erases all current state"),
            (Some((2, 1)), "Removing this node leaves 1 managers out of 3."),
            (Some((3, 0)), "Doing so may lose the consensus"),
            (None, "Doing so may lose the consensus"),
        ] {
            assert!(leave_warning(managers).contains(text), "{managers:?}");
        }
    }

    #[test]
    fn a_rotated_token_keeps_its_authority() {
        let rotated = rotated("SWMTKN-1-digest-secret", &mut rand::rng()).expect("a token");
        let secret = rotated.strip_prefix("SWMTKN-1-digest-").expect("the same authority");
        assert_eq!(secret.len(), 25);
    }
}
