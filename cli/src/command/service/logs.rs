//! `swarmlite service logs`, printed as docker prints it (docker/cli `cli/command/service/logs.go`).

mod label;
mod tail;

use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::TaskSpec;
use swarmlite_proto::time::Timestamp;

use self::label::Labels;
use self::label::Line;
use self::tail::Lines;
use crate::args::ServiceLogsArgs;
use crate::client::Client;
use crate::client::LogFrames;
use crate::client::LogQuery;
use crate::client::LogSource;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::moment;

/// How the daemon begins to say that something is missing.
const INCOMPLETE: &str = "warning: incomplete log stream";

/// Prints the logs of a service or of one task.
pub(crate) async fn logs(
    args: &ServiceLogsArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let target = Target::find(&args.target, client).await?;
    let tty = target.has_terminal();
    if tty && !args.raw {
        return Err(Error::refused("tty service logs only supported with --raw"));
    }
    let since = args.since.as_deref().map(|since| moment::to_unix(since, Timestamp::now()));
    let query = LogQuery {
        follow: args.follow,
        since: since.transpose().map_err(Error::Refused)?,
        tail: args.tail.clone(),
        timestamps: args.timestamps,
        // Without them nobody could tell whose line it is.
        details: args.details || !args.raw,
    };
    if tty {
        return copy(&mut target.frames(&query, client).await?, console).await;
    }
    let mut lines = match &target {
        Target::Service(service) => Lines::of_service(service.id.as_str(), query, client).await?,
        Target::Task(_) => Lines::whole(target.frames(&query, client).await?, query),
    };
    let mut labels = Labels::new(args, target.width());
    while let Some((source, data)) = lines.next().await? {
        if source == LogSource::Daemon {
            note(&String::from_utf8_lossy(&data), console)?;
            continue;
        }
        let text = if args.raw {
            data
        } else {
            let line = Line::parse(&data, args.timestamps)?;
            let label = labels.of(&line, client).await?;
            line.print(&label, args.details)
        };
        let out = if source == LogSource::Stdout { &mut *console.out } else { &mut *console.err };
        out.write_all(&text)?;
        out.flush()?;
    }
    Ok(())
}

/// Whose logs.
enum Target {
    Service(Box<Service>),
    Task(Box<Task>),
}

impl Target {
    async fn find(reference: &str, client: &Client) -> Result<Self> {
        match client.service(reference).await {
            Err(error) if error.is_not_found() => {}
            found => return found.map(|service| Self::Service(Box::new(service))),
        }
        match client.task(reference).await {
            Err(error) if error.is_not_found() => {
                Err(Error::Refused(format!("no such task or service: {reference}")))
            }
            found => found.map(|task| Self::Task(Box::new(task))),
        }
    }

    async fn frames(&self, query: &LogQuery, client: &Client) -> Result<LogFrames> {
        match self {
            Self::Service(service) => client.service_logs(service.id.as_str(), query).await,
            Self::Task(task) => client.task_log_frames(task.id.as_str(), query).await,
        }
    }

    fn has_terminal(&self) -> bool {
        let spec: &TaskSpec = match self {
            Self::Service(service) => &service.spec.task_template,
            Self::Task(task) => &task.spec,
        };
        spec.container_spec.as_ref().is_some_and(|container| container.tty)
    }

    /// How many digits the number of a replica has at most, so that the lines of all begin in one column.
    fn width(&self) -> usize {
        let highest = match self {
            Self::Service(service) => match service.spec.mode {
                ServiceMode::Replicated { replicas } => replicas,
                _ => return 0,
            },
            Self::Task(task) => task.slot,
        };
        highest.to_string().len()
    }
}

/// Prints what the daemon has to say: that something is missing is worth a warning, anything else is a failure.
fn note(text: &str, console: &mut Console<'_>) -> Result<()> {
    let text = text.trim_end();
    match text.find(INCOMPLETE) {
        Some(start) => console.warn(&text[start..]),
        None => Err(Error::Refused(format!("error from daemon in stream: {text}"))),
    }
}

async fn copy(frames: &mut LogFrames, console: &mut Console<'_>) -> Result<()> {
    while let Some(bytes) = frames.raw().await? {
        console.out.write_all(&bytes)?;
        console.out.flush()?;
    }
    Ok(())
}
