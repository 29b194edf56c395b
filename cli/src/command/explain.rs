//! `swarmlite service explain` and `swarmlite task explain`.

use swarmlite_proto::api::Explanation;

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

fn print(text: String, output: &ExplainFormat, console: &mut Console<'_>) -> Result<()> {
    if output.format.is_some() {
        return console.print(&render(&[text], output.format.as_deref())?);
    }
    let explained: Explanation = serde_json::from_str(&text)
        .map_err(|source| Error::Answer { request: "GET .../explain".to_owned(), source })?;
    console.print(&explanation::page(&explained, Canvas::new(console.interactive)))
}
