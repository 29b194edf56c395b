//! `swarmlite simulate`.

use swarmlite_proto::api::SimulateRequest;

use crate::args::SimulateArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::explanation::Canvas;
use crate::output::inspect::render;
use crate::output::simulation;

/// Says what would become of the cluster if nodes were lost or added.
pub(super) async fn simulate(
    args: SimulateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let request = SimulateRequest { lose: args.lose, add: args.add, rebalance: args.rebalance };
    let simulated = client.simulation(&request).await?;
    if args.output.format.is_some() {
        let text = serde_json::to_string(&simulated).map_err(|source| Error::Answer {
            request: "POST /swarmlite/v1/simulate".to_owned(),
            source,
        })?;
        return console.print(&render(&[text], args.output.format.as_deref())?);
    }
    console.print(&simulation::page(&simulated, Canvas::new(console.interactive)))
}
