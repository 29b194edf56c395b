//! `swarmlite service inspect`.

use std::collections::BTreeMap;

use swarmlite_proto::api::Service;
use swarmlite_proto::time::Timestamp;

use super::pretty;
use crate::args::ServiceInspectArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::inspect::render;

/// Prints all about services. What is found is printed even if something else is not.
pub(crate) async fn inspect(
    args: &ServiceInspectArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    let mut services: Vec<String> = Vec::new();
    for reference in &args.services {
        match client.service_text(reference).await {
            Ok(service) => services.push(service),
            // In docker's words, which are the client's own.
            Err(error) if error.is_not_found() => {
                failures
                    .note(Err(Error::refused(format!("Error: no such service: {reference}"))))?;
            }
            Err(error) => failures.note(Err(error))?,
        }
    }
    if args.inspect.pretty {
        for service in services {
            let service: Service = serde_json::from_str(&service)
                .map_err(|source| Error::Answer { request: "GET /services".to_owned(), source })?;
            let networks = networks(&service, client).await?;
            console.print(&pretty::service(&service, &networks, Timestamp::now()))?;
        }
    } else {
        console.print(&render(&services, args.inspect.format.as_deref())?)?;
    }
    failures.into_result()
}

/// The names of the networks of a service. A network that is gone keeps its id.
async fn networks(service: &Service, client: &Client) -> Result<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    for network in &service.spec.task_template.networks {
        let name = match client.swarm_network(&network.target).await {
            Ok(found) => found.name,
            Err(error) if error.is_not_found() => network.target.clone(),
            Err(error) => return Err(error),
        };
        names.insert(network.target.clone(), name);
    }
    Ok(names)
}
