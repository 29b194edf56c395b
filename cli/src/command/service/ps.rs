//! `swarmlite service ps`.

use swarmlite_proto::api::Service;

use crate::args::ServicePsArgs;
use crate::client::Client;
use crate::command::tasks;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::filter::Filters;

/// Lists the tasks of services. What is found is printed even if something else is not.
pub(crate) async fn ps(
    args: &ServicePsArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let (mut by_id, mut by_name) = (Filters::default(), Filters::default());
    for service in &args.services {
        by_id = by_id.with("id", service);
        by_name = by_name.with("name", service);
    }
    let mut candidates = client.services(&by_id).await?;
    candidates.extend(client.services(&by_name).await?);

    let mut filters: Filters = args.tasks.list.filter.iter().collect();
    for node in filters.take("node") {
        let node = crate::command::node::resolve(&node, client).await?;
        filters = filters.with("node", &node);
    }
    let (mut found, mut missing) = (false, Vec::new());
    for reference in &args.services {
        match choose(reference, &candidates)? {
            Some(service) => {
                filters = filters.with("service", service.id.as_str());
                found = true;
            }
            None => missing.push(format!("no such service: {reference}")),
        }
    }
    if found {
        let listed = client.tasks(&filters).await?;
        tasks::print(listed, &args.tasks, client, console).await?;
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::Refused(missing.join("\n"))) }
}

/// The service that a name, an id or the beginning of an id stands for.
fn choose<'a>(reference: &str, services: &'a [Service]) -> Result<Option<&'a Service>> {
    let exact = services
        .iter()
        .find(|service| service.id.as_str() == reference)
        .or_else(|| services.iter().find(|service| service.spec.name == reference));
    if exact.is_some() {
        return Ok(exact);
    }
    let mut matching = services.iter().filter(|service| service.id.as_str().starts_with(reference));
    let first = matching.next();
    if let Some(first) = first
        && matching.any(|other| other.id != first.id)
    {
        let message = format!("multiple services found with provided prefix: {reference}");
        return Err(Error::Refused(message));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::services;

    #[test]
    fn a_service_is_named_exactly_or_by_a_unique_beginning_of_its_id() {
        let services = services();
        let name = |reference| {
            choose(reference, &services).map(|found| found.map(|it| it.spec.name.clone()))
        };
        assert_eq!(name("web").expect("chosen").as_deref(), Some("web"));
        assert_eq!(
            name(services[1].id.as_str()).expect("chosen"),
            Some(services[1].spec.name.clone())
        );
        assert_eq!(name("we").expect("chosen"), None);
        assert_eq!(
            name("serv").expect_err("several").to_string(),
            "multiple services found with provided prefix: serv"
        );
    }
}
