//! `swarmlite doctor`.

use swarmlite_proto::api::Check;
use swarmlite_proto::api::CheckResult;
use swarmlite_proto::api::Diagnosis;

use crate::args::DoctorArgs;
use crate::client::Client;
use crate::client::Connection;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::diagnosis;
use crate::output::inspect::render;

/// Checks the node behind `connection`. That its daemon does not answer is a check that has failed, and the only one.
pub(super) async fn doctor(
    args: &DoctorArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut checks = Vec::new();
    match examine(connection).await {
        Ok(diagnosis) => {
            checks.push(daemon(CheckResult::Ok, format!("answers at {}", connection.endpoint), ""));
            checks.extend(diagnosis.checks);
        }
        Err(error) => checks.push(daemon(CheckResult::Failed, error.to_string(), LOOK)),
    }
    let diagnosis = Diagnosis { checks };
    if args.format.is_some() {
        let text = serde_json::to_string(&diagnosis).map_err(|source| Error::Answer {
            request: "GET /swarmlite/v1/doctor".to_owned(),
            source,
        })?;
        console.print(&render(&[text], args.format.as_deref())?)?;
    } else {
        console.print(&diagnosis::page(&diagnosis))?;
    }
    let failed = |check: &&Check| check.result == CheckResult::Failed;
    match diagnosis.checks.iter().filter(failed).count() {
        0 => Ok(()),
        1 => Err(Error::Refused("1 check has failed".to_owned())),
        failed => Err(Error::Refused(format!("{failed} checks have failed"))),
    }
}

/// What to do about a daemon that does not answer.
const LOOK: &str = "its log says why it has ended or does not start: journalctl -u swarmlite";

async fn examine(connection: &Connection) -> Result<Diagnosis> {
    Client::connect(connection).await?.diagnosis().await
}

fn daemon(result: CheckResult, message: String, advice: &str) -> Check {
    Check { name: "daemon".to_owned(), result, message, advice: advice.to_owned() }
}
