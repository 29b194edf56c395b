//! `swarmlite service scale`.

use swarmlite_proto::spec::ServiceMode;

use super::wait::wait;
use crate::args::ScaleTarget;
use crate::args::ServiceScaleArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Changes how many tasks services have, and waits until these run. One that fails does not keep the others.
pub(crate) async fn scale(
    args: &ServiceScaleArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    let mut scaled = Vec::new();
    for target in &args.targets {
        let done = scale_one(target, client, console).await.map(|()| scaled.push(&*target.service));
        failures.note_for(&target.service, done)?;
    }
    if !args.detach {
        for service in scaled {
            failures.note_for(service, wait(service, false, client, console).await)?;
        }
    }
    failures.into_result()
}

async fn scale_one(target: &ScaleTarget, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let mut service = client.service(&target.service).await?;
    match &mut service.spec.mode {
        ServiceMode::Replicated { replicas } => *replicas = target.replicas,
        ServiceMode::ReplicatedJob(job) => job.total_completions = target.replicas,
        ServiceMode::Global | ServiceMode::GlobalJob => {
            let message = "scale can only be used with replicated or replicated-job mode";
            return Err(Error::refused(message));
        }
    }
    for warning in client.service_update(&service).await? {
        console.warn(&warning)?;
    }
    console.line(&format!("{} scaled to {}", target.service, target.replicas))
}
