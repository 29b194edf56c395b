//! Waiting until a service runs as asked.

use std::time::Duration;

use swarmlite_proto::time::Timestamp;
use tokio::time::MissedTickBehavior;

use crate::client::Client;
use crate::convergence::Convergence;
use crate::convergence::End;
use crate::convergence::Observation;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::progress::Progress;
use crate::value::filter::Filters;

/// Time between two looks at the service, as in docker.
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows what becomes of a service until it runs as asked, cannot, or the user has seen enough.
pub(super) async fn wait(
    service: &str,
    quiet: bool,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut convergence = Convergence::default();
    let mut progress = Progress::new(quiet, console.interactive);
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = tokio::signal::ctrl_c() => break Ok(None),
        }
        match look(service, client, &mut convergence, &mut progress, console).await {
            Ok(None) => {}
            ended => break ended,
        }
    };
    progress.finish();
    match result? {
        Some(End::Converged) => Ok(()),
        Some(End::Failed(message)) => Err(Error::Refused(message)),
        None if convergence.is_converged() => Ok(()),
        None => {
            console.line("Operation continuing in background.")?;
            console.line(&format!("Use `swarmlite service ps {service}` to check progress."))
        }
    }
}

/// Looks once.
async fn look(
    service: &str,
    client: &Client,
    convergence: &mut Convergence,
    progress: &mut Progress,
    console: &mut Console<'_>,
) -> Result<Option<End>> {
    let service = client.service(service).await?;
    let current =
        Filters::default().with("service", service.id.as_str()).with("_up-to-date", "true");
    let tasks = client.tasks(&current).await?;
    let nodes = client.nodes(&Filters::default()).await?;
    let now = Timestamp::now();
    let seen = Observation { service: &service, tasks: &tasks, nodes: &nodes, now };
    let step = convergence.observe(seen);
    progress.show(&step.lines, console)?;
    Ok(step.end)
}
