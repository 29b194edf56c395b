//! What a client asks of the balancing of a service, and whether every node can do it.

use swarmlite_manager::state::State;
use swarmlite_proto::balance::Balancer;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::spec::ServiceSpec;

/// So many nodes are named; of more it is said how many.
const NAMED: usize = 3;

/// The spec of an update, with what `old` has beyond Docker's API if it says nothing about that: a client that was made for Docker's
/// API drops what it does not know when it writes back what it has read.
pub(super) fn keep(mut spec: ServiceSpec, old: &ServiceSpec) -> ServiceSpec {
    if let Some(before) = &old.endpoint_spec {
        spec.endpoint_spec.get_or_insert_default().keep_extensions(before);
    }
    let before = old.task_template.placement.as_ref();
    if let Some(before) = before.filter(|before| before.has_extensions()) {
        spec.task_template.placement.get_or_insert_default().keep_extensions(before);
    }
    let before = old.task_template.container_spec.as_ref();
    if let (Some(container), Some(before)) = (&mut spec.task_template.container_spec, before) {
        container.keep_extensions(before);
    }
    spec
}

/// Every node balances every service, so a service may ask only for what all of them can do. Nodes that have not said yet what
/// they have are passed over: should one lack something, its agent does the nearest and says so in its log.
pub(super) fn check(state: &State, spec: &ServiceSpec) -> Result<()> {
    let balancing = spec.endpoint_options()?.balancing();
    for balancer in Balancer::ALL.into_iter().filter(|balancer| !balancer.supports(balancing)) {
        let descriptions = state.nodes().values().filter_map(|node| node.description.as_ref());
        let having = descriptions.filter(|it| it.dataplane == balancer.as_str());
        let mut names: Vec<&str> = having.map(|it| it.hostname.as_str()).collect();
        names.sort_unstable();
        if !names.is_empty() {
            return Err(refusal(balancer, balancing, &names));
        }
    }
    Ok(())
}

fn refusal(balancer: Balancer, balancing: Balancing, nodes: &[&str]) -> Error {
    let can =
        |scheduler: &Scheduler| balancer.supports(Balancing { scheduler: *scheduler, ..balancing });
    let known: Vec<&str> =
        Scheduler::ALL.iter().filter(|it| can(it)).map(|it| it.as_str()).collect();
    let (named, more) = nodes.split_at(nodes.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Error::invalid(format!(
        "endpoint option scheduler={} is not supported by {balancer}, the data plane of {}{more}: it has {}",
        balancing.scheduler,
        named.join(", "),
        known.join(", "),
    ))
}
