//! `swarmlite service scale`.

use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::ServiceSpec;

use super::wait::wait;
use crate::args::ScaleTarget;
use crate::args::ServiceScaleArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::convergence::Aim;
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
    for service in scaled {
        let waited = wait(service, Aim::NewSpec, &args.wait, client, console).await;
        failures.note_for(service, waited)?;
    }
    failures.into_result()
}

async fn scale_one(target: &ScaleTarget, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let change = |spec: &mut ServiceSpec| set_replicas(&mut spec.mode, target.replicas);
    for warning in client.service_change(&target.service, None, change).await? {
        console.warn(&warning)?;
    }
    console.line(&format!("{} scaled to {}", target.service, target.replicas))
}

fn set_replicas(mode: &mut ServiceMode, count: u64) -> Result<()> {
    match mode {
        ServiceMode::Replicated { replicas } => *replicas = count,
        ServiceMode::ReplicatedJob(job) => job.total_completions = count,
        ServiceMode::Global | ServiceMode::GlobalJob => {
            let message = "scale can only be used with replicated or replicated-job mode";
            return Err(Error::refused(message));
        }
    }
    Ok(())
}
