//! `/nodes`.

use axum::Json;
use axum::extract::Path;
use swarmlite_manager::quorum::Quorum;
use swarmlite_manager::state::ObjectRef;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::lookup;
use swarmlite_manager::state::out_of_sequence;
use swarmlite_proto::api;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use crate::error::Answer;
use crate::filters::Filters;
use crate::openapi::parameters::AtVersion;
use crate::openapi::parameters::ById;
use crate::openapi::parameters::Filtered;
use crate::openapi::parameters::Forced;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::render;
use crate::request::JsonBody;
use crate::request::Manager;
use crate::request::Params;
use crate::swarm::count_managers;

const FILTERS: &[&str] = &["id", "name", "label", "node.label", "role", "membership"];

/// Lists the nodes.
#[utoipa::path(
    get,
    path = "/nodes",
    operation_id = "NodeList",
    tag = "Node",
    params(Filtered),
    responses(
        (status = 200, description = "The nodes.", body = Vec<api::Node>),
        BadRequest, Failed, Unavailable,
    )
)]
pub(super) async fn list(
    Manager(manager): Manager,
    params: Params,
) -> Answer<Json<Vec<api::Node>>> {
    let filters = params.filters(FILTERS)?;
    check_values(&filters, "role", &["worker", "manager"])?;
    check_values(&filters, "membership", &["accepted", "pending"])?;
    let state = manager.read().await?;
    let nodes = state.nodes().values().filter(|node| matches(&filters, node));
    Ok(Json(nodes.map(|node| render::node(node, manager.quorum())).collect()))
}

/// Refuses values that a filter never has; with Docker's class for it.
fn check_values(filters: &Filters, key: &str, known: &[&str]) -> Result<()> {
    let unknown = |value: &&String| !known.contains(&value.to_lowercase().as_str());
    match filters.values(key).into_iter().flatten().find(unknown) {
        Some(value) => Err(Error::unknown(format!("Invalid {key} filter: '{value}'"))),
        None => Ok(()),
    }
}

fn matches(filters: &Filters, node: &Node) -> bool {
    let hostname = node.description.as_ref().map_or("", |description| &description.hostname);
    let role = node.spec.role.as_str();
    filters.prefix("id", node.id.as_str())
        && filters.prefix("name", hostname)
        && filters.labels("label", &render::engine_labels(node))
        && filters.labels("node.label", &node.spec.labels)
        && filters.any("role", |value| value.eq_ignore_ascii_case(role))
        // Whoever has a certificate was accepted.
        && filters.any("membership", |value| value.eq_ignore_ascii_case("accepted"))
}

/// Shows a node.
#[utoipa::path(
    get,
    path = "/nodes/{id}",
    operation_id = "NodeInspect",
    tag = "Node",
    params(ById),
    responses(
        (status = 200, description = "The node.", body = api::Node),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn inspect(
    Manager(manager): Manager,
    Path(id): Path<String>,
) -> Answer<Json<api::Node>> {
    let state = manager.read().await?;
    Ok(Json(render::node(lookup::node(&state, &id)?, manager.quorum())))
}

/// Changes what the operator decides about a node.
#[utoipa::path(
    post,
    path = "/nodes/{id}/update",
    operation_id = "NodeUpdate",
    tag = "Node",
    params(ById, AtVersion),
    request_body = NodeSpec,
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn update(
    Manager(manager): Manager,
    Path(id): Path<String>,
    params: Params,
    JsonBody(spec): JsonBody<NodeSpec>,
) -> Answer<()> {
    let version = params.version("node")?;
    let change = |state: &State| {
        let node = changed(state, &id, version, spec.clone(), manager.quorum())?;
        let op = Op::PutNode(Box::new(node));
        Ok(((), Transaction::new(Timestamp::now()).with(op)))
    };
    Ok(manager.change(change).await?)
}

/// The node with what the operator decided.
fn changed(
    state: &State,
    reference: &str,
    version: Version,
    spec: NodeSpec,
    quorum: &Quorum,
) -> Result<Node> {
    let old = lookup::node(state, reference)?;
    if !old.meta.is_known_at(version) {
        return Err(out_of_sequence());
    }
    if old.witness && spec.availability != Availability::Drain {
        let message = format!(
            "node {} is a witness: it runs no tasks, so that its availability is drain",
            old.id
        );
        return Err(Error::invalid(message));
    }
    match (old.spec.role, spec.role) {
        (NodeRole::Manager, NodeRole::Worker) => check_demotion(state, old, quorum)?,
        // It has left the others, or is about to. They take it back only as one that was a worker.
        (NodeRole::Worker, NodeRole::Manager) if old.role == NodeRole::Manager => {
            let message =
                format!("node {} is still being demoted: promote it once it is a worker", old.id);
            return Err(Error::unavailable(message));
        }
        _ => {}
    }
    Ok(Node { spec, ..Node::clone(old) })
}

/// The managers that are left have to be able to decide.
fn check_demotion(state: &State, node: &Node, quorum: &Quorum) -> Result<()> {
    let mut others = state.nodes().values().filter(|other| other.id != node.id);
    if !others.any(|other| other.spec.role == NodeRole::Manager && !other.witness) {
        return Err(Error::invalid("attempting to demote the last manager of the swarm"));
    }
    // It has been promoted and has not joined the others yet: they lose nobody.
    if node.manager.is_none() {
        return Ok(());
    }
    let (reachable, unreachable) = count_managers(state, quorum);
    let is_reachable = quorum.reachability(node) == api::Reachability::Reachable;
    let left = reachable - usize::from(is_reachable);
    let needed = (reachable + unreachable - 1) / 2 + 1;
    if left < needed {
        return Err(Error::invalid(
            "can't remove member from the raft: this would result in a loss of quorum",
        ));
    }
    Ok(())
}

/// Removes a node.
#[utoipa::path(
    delete,
    path = "/nodes/{id}",
    operation_id = "NodeDelete",
    tag = "Node",
    params(ById, Forced),
    responses(
        (status = 200, description = "Done."),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn remove(
    Manager(manager): Manager,
    Path(id): Path<String>,
    params: Params,
) -> Answer<()> {
    let force = params.lenient_bool("force");
    let change = |state: &State| Ok(((), removal(state, &id, force, Timestamp::now())?));
    Ok(manager.change(change).await?)
}

/// Removes a node: its certificate is taken no more, and nobody knows what becomes of its tasks.
fn removal(state: &State, reference: &str, force: bool, now: Timestamp) -> Result<Transaction> {
    let node = lookup::node(state, reference)?;
    // Only those who take part in raft: one that was lost before this cluster was made anew does not.
    if node.manager.is_some() {
        return Err(Error::invalid(format!(
            "node {} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
            node.id
        )));
    }
    if node.status.state == NodeState::Ready && !force {
        return Err(Error::invalid(format!("node {} is not down and can't be removed", node.id)));
    }
    let mut transaction = Transaction::new(now);
    if let Some(cluster) = state.cluster() {
        let mut cluster = Cluster::clone(cluster);
        cluster.removed_nodes.push(node.id.clone());
        transaction.ops.push(Op::PutCluster(Box::new(cluster)));
    }
    let living = state.tasks_of_node(&node.id).filter(|task| !task.status.state.is_terminal());
    transaction.ops.extend(living.map(|task| Op::PutTask(Box::new(orphaned(task, now)))));
    Ok(transaction.with(Op::Remove(ObjectRef::Node(node.id.clone()), node.meta.version)))
}

fn orphaned(task: &Task, now: Timestamp) -> Task {
    let mut task = task.clone();
    task.status = TaskStatus {
        timestamp: now,
        state: TaskState::Orphaned,
        message: "Task belonged to a node that has been deleted".to_owned(),
        ..task.status
    };
    task
}
