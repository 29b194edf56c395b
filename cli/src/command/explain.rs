//! `swarmlite service explain`, `swarmlite task explain`, and what `--plan` prints.

use swarmlite_proto::api::Explanation;
use swarmlite_proto::api::ServiceToPlan;

use crate::args::ExplainFormat;
use crate::args::ServiceExplainArgs;
use crate::args::TaskCommand;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::explanation;
use crate::output::explanation::Canvas;
use crate::output::inspect::render;
use crate::output::plan;

/// Says where the tasks of a service that wait could be, or one more.
pub(super) async fn service(
    args: &ServiceExplainArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    print(client.service_explanation(&args.service).await?, &args.output, console)
}

/// Says where tasks could be.
pub(super) async fn task(
    command: TaskCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let TaskCommand::Explain(args) = command;
    print(client.task_explanation(&args.task).await?, &args.output, console)
}

/// Says where the tasks of services would go, and changes nothing.
pub(super) async fn plan(
    services: Vec<ServiceToPlan>,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let planned = client.plan(services).await?;
    console.print(&plan::page(&planned, Canvas::new(console.interactive)))
}

fn print(text: String, output: &ExplainFormat, console: &mut Console<'_>) -> Result<()> {
    if output.format.is_some() {
        return console.print(&render(&[text], output.format.as_deref())?);
    }
    let explained: Explanation = serde_json::from_str(&text)
        .map_err(|source| Error::Answer { request: "GET .../explain".to_owned(), source })?;
    console.print(&explanation::page(&explained, Canvas::new(console.interactive)))
}
