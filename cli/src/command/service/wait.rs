//! Waiting until a service runs as asked.

use std::time::Duration;

use swarmlite_proto::id::TaskId;
use swarmlite_proto::time::Timestamp;

use crate::args::WaitFlags;
use crate::client::Client;
use crate::command::poll;
use crate::command::tasks;
use crate::convergence::Aim;
use crate::convergence::Convergence;
use crate::convergence::End;
use crate::convergence::Observation;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::explanation;
use crate::output::explanation::Canvas;
use crate::output::failure;
use crate::output::progress::Progress;
use crate::value::filter::Filters;

/// How many of the last lines of its log are told of a task that has failed.
const LOG_LINES: usize = 10;

/// How long the logs may take.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// Shows what becomes of a service until it runs as asked, cannot, or the user has seen enough. Does not wait if the user does not want to.
pub(in crate::command) async fn wait(
    service: &str,
    aim: Aim,
    flags: &WaitFlags,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if flags.detach {
        return Ok(());
    }
    let mut convergence = Convergence::new(aim, flags.max_failures);
    let mut progress = Progress::new(flags.quiet, console.interactive);
    let result =
        poll::until(async || look(service, client, &mut convergence, &mut progress, console).await)
            .await;
    progress.finish();
    match result? {
        Some(End::Converged) => Ok(()),
        Some(End::Failed { why, task }) => Err(explained(why, task, client).await),
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
    let findings = convergence.observe(seen);
    progress.show(&findings.lines, console)?;
    // That nothing can be said about it is not what keeps the service waiting.
    if findings.explain
        && let Ok(explained) = client.explanation(service.id.as_str()).await
    {
        let page = explanation::page(&explained, Canvas::new(console.interactive));
        progress.tell(&page, console)?;
    }
    Ok(findings.end)
}

/// The failure, with what is known about the task that shows why.
async fn explained(why: String, task: Option<TaskId>, client: &Client) -> Error {
    // The failure itself counts, and not that nothing more is known about it.
    match report(task, client).await {
        Ok(Some(report)) => Error::Refused(format!("{why}\n{report}")),
        Ok(None) | Err(_) => Error::Refused(why),
    }
}

async fn report(task: Option<TaskId>, client: &Client) -> Result<Option<String>> {
    let Some(id) = task else { return Ok(None) };
    let task = client.task(id.as_str()).await?;
    let names = tasks::names(std::slice::from_ref(&task), client).await?;
    let name = tasks::name(&task, &names);
    let node = task.node_id.as_ref().map(|node| tasks::resolved(node.as_str(), &names));
    // Logs that cannot be read, or that a node keeps us waiting for, are not what has gone wrong.
    let log = tokio::time::timeout(LOG_PATIENCE, client.task_logs(&id, LOG_LINES)).await;
    let log = log.ok().and_then(Result::ok).unwrap_or_default();
    Ok(Some(failure::report(&task, &name, node, &log)))
}
