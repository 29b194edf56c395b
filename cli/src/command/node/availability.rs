//! `swarmlite node drain`, `swarmlite node activate` and `swarmlite node pause`.

use std::time::Duration;

use swarmlite_proto::api::Node;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeSpec;
use tokio::time::Instant;

use super::resolve;
use crate::args::NodeAvailabilityArgs;
use crate::args::NodeDrainArgs;
use crate::client::Client;
use crate::command::poll;
use crate::drain::Drain;
use crate::drain::Observation;
use crate::drain::Remaining;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::progress::Progress;
use crate::value::duration;
use crate::value::filter::Filters;

/// Lets nodes have tasks again.
pub(crate) async fn activate(
    args: &NodeAvailabilityArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    for reference in &args.nodes {
        set(&resolve(reference, client).await?, Availability::Active, client).await?;
        console.line(&format!("Node {reference} is active."))?;
    }
    Ok(())
}

/// Lets nodes keep the tasks that they have, and have no others.
pub(crate) async fn pause(
    args: &NodeAvailabilityArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    for reference in &args.nodes {
        set(&resolve(reference, client).await?, Availability::Pause, client).await?;
        console.line(&format!("Node {reference} is paused."))?;
    }
    Ok(())
}

/// Moves the tasks of nodes to other nodes, and waits for that if asked to.
pub(crate) async fn drain(
    args: &NodeDrainArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    // All of them have to be there before anything is changed.
    let mut nodes = Vec::new();
    for reference in &args.nodes {
        nodes.push(client.node(&resolve(reference, client).await?).await?);
    }
    // What runs there is looked at first: the answer to the change comes after the first tasks have gone.
    let mut drain = Drain::new(nodes.iter().map(|node| node.id.clone()).collect());
    drain.take_in(&client.tasks(&on(&nodes)).await?);
    for (node, reference) in nodes.iter().zip(&args.nodes) {
        set(node.id.as_str(), Availability::Drain, client).await?;
        if !args.wait {
            console.line(&format!("Node {reference} is being drained."))?;
        }
    }
    if args.wait { wait(args, drain, &nodes, client, console).await } else { Ok(()) }
}

async fn set(reference: &str, availability: Availability, client: &Client) -> Result<Node> {
    let change = |spec: &mut NodeSpec| {
        spec.availability = availability;
        Ok(())
    };
    client.node_change(reference, change).await
}

/// A filter for what is on nodes.
fn on(nodes: &[Node]) -> Filters {
    any("node", nodes.iter().map(|node| node.id.as_str()))
}

/// A filter for any of several values.
fn any<'a>(key: &str, values: impl Iterator<Item = &'a str>) -> Filters {
    values.fold(Filters::default(), |filters, value| filters.with(key, value))
}

/// Shows what becomes of the tasks until all is done, the time is over, or the user has seen enough.
async fn wait(
    args: &NodeDrainArgs,
    mut drain: Drain,
    nodes: &[Node],
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let started = Instant::now();
    let mut progress = Progress::new(args.quiet, console.interactive);
    let left = poll::until(async || {
        let Some(remaining) = look(&mut drain, nodes, client).await? else { return Ok(None) };
        progress.show(&remaining.lines, console)?;
        let is_over = !args.deadline.is_zero() && started.elapsed() >= args.deadline;
        Ok((remaining.left.is_empty() || is_over).then_some(remaining.left))
    })
    .await;
    progress.finish();
    match left? {
        Some(left) if left.is_empty() => args
            .nodes
            .iter()
            .try_for_each(|reference| console.line(&format!("Node {reference} is drained."))),
        Some(left) => Err(late(&args.nodes, started.elapsed(), &left)),
        None => {
            console.line("Operation continuing in background.")?;
            let nodes = args.nodes.join(" ");
            console.line(&format!("Use `swarmlite node ps {nodes}` to check progress."))
        }
    }
}

/// Looks once. None if services went away meanwhile, so that the answers do not fit together.
async fn look(drain: &mut Drain, nodes: &[Node], client: &Client) -> Result<Option<Remaining>> {
    let on_nodes = client.tasks(&on(nodes)).await?;
    drain.take_in(&on_nodes);
    let (mut services, mut tasks) = (Vec::new(), Vec::new());
    if !drain.services().is_empty() {
        let ids = drain.services().into_iter().map(|service| service.as_str());
        services = client.services(&any("id", ids)).await?;
    }
    if !services.is_empty() {
        let ids = services.iter().map(|service| service.id.as_str());
        tasks = match client.tasks(&any("service", ids)).await {
            Err(error) if error.is_not_found() => return Ok(None),
            found => found?,
        };
    }
    let nodes = client.nodes(&Filters::default()).await?;
    let seen =
        Observation { on_nodes: &on_nodes, services: &services, tasks: &tasks, nodes: &nodes };
    Ok(Some(drain.observe(seen)))
}

/// The end of a wait that has taken too long.
fn late(nodes: &[String], elapsed: Duration, left: &[String]) -> Error {
    let (names, is) = match nodes {
        [node] => (format!("node {node}"), "is"),
        nodes => (format!("nodes {}", nodes.join(", ")), "are"),
    };
    let list: String = left.iter().map(|one| format!("\n    {one}")).collect();
    Error::Refused(format!("{names} {is} not drained after {}:{list}", duration::human(elapsed)))
}
