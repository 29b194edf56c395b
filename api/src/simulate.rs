//! `/swarmlite/v1/simulate`: what would become of the cluster if nodes were lost or added, and nothing else.

use axum::Json;
use swarmlite_manager::load::Loads;
use swarmlite_manager::simulation::Simulation;
use swarmlite_manager::simulation::what_if;
use swarmlite_manager::simulation::what_if::NewNode;
use swarmlite_manager::simulation::what_if::Outcome;
use swarmlite_manager::state::State;
use swarmlite_manager::state::lookup;
use swarmlite_proto::api;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::time::Timestamp;

use crate::error::Answer;
use crate::explain;
use crate::openapi::refusals::BadRequest;
use crate::openapi::refusals::Failed;
use crate::openapi::refusals::NotFound;
use crate::openapi::refusals::Unavailable;
use crate::render::hostname;
use crate::request::JsonBody;
use crate::request::Manager;

/// So many nodes can be added at most.
const MAX_NEW: u64 = 1000;

/// Says what would become of the cluster if nodes were lost or added. Nothing is changed.
#[utoipa::path(
    post,
    path = "/swarmlite/v1/simulate",
    operation_id = "Simulate",
    tag = "swarmlite",
    request_body = api::SimulateRequest,
    responses(
        (status = 200, description = "What would become of the cluster.", body = api::Simulation),
        BadRequest, Failed, Unavailable, NotFound,
    )
)]
pub(super) async fn answer(
    Manager(manager): Manager,
    JsonBody(request): JsonBody<api::SimulateRequest>,
) -> Answer<Json<api::Simulation>> {
    let state = manager.read().await?;
    let loads = manager.loads(&state).await?;
    // With many tasks it computes for seconds.
    let simulated = tokio::task::spawn_blocking(move || simulate(&state, loads, &request)).await;
    Ok(Json(simulated.map_err(|_panicked| Error::unknown("the simulation failed"))??))
}

fn simulate(
    state: &State,
    loads: Loads,
    request: &api::SimulateRequest,
) -> Result<api::Simulation> {
    let now = Timestamp::now();
    let mut simulation = Simulation::new(state.clone(), loads, now, rand::make_rng());
    for reference in &request.lose {
        simulation.lose(&lookup::node(state, reference)?.id)?;
    }
    for new in new_nodes(&request.add)? {
        simulation.add(new)?;
    }
    simulation.run()?;
    if request.rebalance {
        simulation.rebalance()?;
    }
    Ok(simulated(simulation.state(), simulation.outcome(state)))
}

/// The nodes to add, one by one, with names that say that they are not there.
fn new_nodes(all: &[api::NodesToAdd]) -> Result<Vec<NewNode>> {
    let count: u64 = all.iter().fold(0, |sum, some| sum.saturating_add(some.count));
    if count > MAX_NEW {
        return Err(Error::invalid(format!("at most {MAX_NEW} nodes can be added, not {count}")));
    }
    if all.iter().any(|some| some.count == 0 || some.nano_cpus <= 0 || some.memory_bytes <= 0) {
        return Err(Error::invalid(
            "a node to add needs a Count, NanoCPUs and MemoryBytes that are greater than 0",
        ));
    }
    let each = all.iter().flat_map(|some| (0..some.count).map(move |_| some));
    let named = each.enumerate().map(|(number, some)| NewNode {
        hostname: format!("new{}", number + 1),
        nano_cpus: some.nano_cpus,
        memory: some.memory_bytes,
        labels: some.labels.clone(),
    });
    Ok(named.collect())
}

/// The outcome as clients see it; `state` is what there would be.
fn simulated(state: &State, outcome: Outcome) -> api::Simulation {
    let place =
        |node_id: NodeId| api::SimulatedPlace { hostname: hostname(state, &node_id), node_id };
    let moves = outcome.moves.into_iter().map(|it| api::SimulatedMove {
        service_id: it.service_id,
        service_name: it.service_name,
        slot: it.slot,
        from: it.from.map(place),
        to: it.to.map(place),
    });
    let nodes = outcome.nodes.into_iter().map(|change| {
        let resources = change.node.description.as_ref().map(|it| it.resources.clone());
        let resources = resources.unwrap_or_default();
        api::SimulatedNode {
            node_id: change.node.id.clone(),
            hostname: hostname(state, &change.node.id),
            lost: change.lost,
            new: change.new,
            nano_cpus: resources.nano_cpus,
            memory_bytes: resources.memory_bytes,
            before: load(change.before),
            after: load(change.after),
        }
    });
    api::Simulation {
        moves: moves.collect(),
        nodes: nodes.collect(),
        waiting: outcome.waiting.into_iter().map(explain::explanation).collect(),
        quorum: outcome.quorum,
    }
}

fn load(load: what_if::Load) -> api::SimulatedLoad {
    api::SimulatedLoad {
        tasks: load.tasks as u64,
        nano_cpus: load.nano_cpus,
        memory_bytes: load.memory_bytes,
    }
}
