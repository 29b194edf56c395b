//! `swarmlite service ls`.

use serde_json::Value;
use swarmlite_proto::api::Service;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::ServiceMode;

use crate::args::ListArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::format::Field;
use crate::output::format::Listing;
use crate::output::format::Style;
use crate::output::natural_order;
use crate::output::short_id;
use crate::value::image;

/// Lists the services.
pub(crate) async fn ls(args: &ListArgs, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let filters = args.filter.iter().collect();
    let services = client.services_with_status(&filters).await?;
    print(services, args, console)
}

/// Prints services.
pub(in crate::command) fn print(
    services: Vec<Service>,
    args: &ListArgs,
    console: &mut Console<'_>,
) -> Result<()> {
    let style = Style { format: args.format.as_deref(), quiet: args.quiet };
    console.print(&listing(services).render(style)?)
}

fn listing(mut services: Vec<Service>) -> Listing {
    services.sort_by(|a, b| natural_order(&a.spec.name, &b.spec.name));
    Listing {
        fields: &[
            Field { name: "ID", heading: "ID" },
            Field { name: "Name", heading: "NAME" },
            Field { name: "Mode", heading: "MODE" },
            Field { name: "Replicas", heading: "REPLICAS" },
            Field { name: "Image", heading: "IMAGE" },
            Field { name: "Ports", heading: "PORTS" },
        ],
        default_table: r"{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}",
        rows: services.iter().map(row).collect(),
    }
}

fn row(service: &Service) -> Vec<Value> {
    let container = service.spec.task_template.container_spec.as_ref();
    vec![
        short_id(service.id.as_str()).into(),
        service.spec.name.as_str().into(),
        service.spec.mode.name().replace('-', " ").into(),
        replicas(service).into(),
        container.map_or("", |container| image::familiar(&container.image)).into(),
        shown_ports(service).into(),
    ]
}

/// `running/desired`, and what limits or counts belong to the mode.
fn replicas(service: &Service) -> String {
    let status = service.service_status.unwrap_or_default();
    let (running, desired, completed) =
        (status.running_tasks, status.desired_tasks, status.completed_tasks);
    let placement = service.spec.task_template.placement.as_ref();
    match service.spec.mode {
        ServiceMode::ReplicatedJob(job) => {
            format!("{running}/{desired} ({completed}/{} completed)", job.total_completions)
        }
        ServiceMode::GlobalJob => {
            format!("{running}/{desired} ({completed}/{} completed)", desired + completed)
        }
        ServiceMode::Replicated { .. } if placement.is_some_and(|it| it.max_replicas > 0) => {
            let max = placement.map_or(0, |placement| placement.max_replicas);
            format!("{running}/{desired} (max {max} per node)")
        }
        ServiceMode::Replicated { .. } | ServiceMode::Global => format!("{running}/{desired}"),
    }
}

/// The ports that every node answers on, and the hosts and paths for which it does: `*:8000->80/tcp, shop.example.com/->80/http`.
fn shown_ports(service: &Service) -> String {
    let rules = service.spec.http_rules().unwrap_or_default();
    let rules = rules.iter().map(|rule| format!("{}->{}/http", rule.asked(), rule.target_port));
    let published = Some(ports(&service.endpoint.ports)).filter(|ports| !ports.is_empty());
    published.into_iter().chain(rules).collect::<Vec<_>>().join(", ")
}

/// The ports that every node answers on. Ports in a row are shown as a range: `*:8000-8001->80-81/tcp`.
fn ports(ports: &[PortConfig]) -> String {
    let mut ports: Vec<_> =
        ports.iter().filter(|port| port.publish_mode == PublishMode::Ingress).collect();
    ports.sort_by_key(|port| (port.protocol.as_str(), port.published_port));
    let mut ranges: Vec<(&PortConfig, &PortConfig)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((first, last)) if continues(first, last, port) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    let range = |first: u16, last: u16| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let shown: Vec<_> = ranges
        .iter()
        .map(|(first, last)| {
            let published = range(first.published_port, last.published_port);
            let target = range(first.target_port, last.target_port);
            format!("*:{published}->{target}/{}", first.protocol.as_str())
        })
        .collect();
    shown.join(", ")
}

/// Whether a port goes on with a range: next to it on both sides, or on the same target as long as that is a single port.
fn continues(first: &PortConfig, last: &PortConfig, next: &PortConfig) -> bool {
    let same_target = first.target_port == last.target_port && next.target_port == last.target_port;
    let follows = last.target_port.checked_add(1) == Some(next.target_port)
        // One target must not be mixed with several.
        && (first.published_port == last.published_port || first.target_port != last.target_port);
    next.protocol == last.protocol
        && last.published_port.checked_add(1) == Some(next.published_port)
        && (same_target || follows)
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::spec::PortProtocol;

    use super::*;
    use crate::fixtures::services;

    #[test]
    fn the_table_is_dockers() {
        let table = listing(services()).render(Style::default()).expect("prints");
        insta::assert_snapshot!(table, @r"
        ID             NAME      MODE         REPLICAS   IMAGE              PORTS
        service00000   agent     global       3/3        reg:5000/agent:1   
        service00000   web       replicated   1/2        whoami:latest      *:8000->8000/tcp
        ");
    }

    #[test]
    fn ports_in_a_row_are_ranges() {
        let port = |published_port, target_port| PortConfig {
            published_port,
            target_port,
            ..PortConfig::default()
        };
        let udp = PortConfig { protocol: PortProtocol::Udp, ..port(53, 53) };
        let host = PortConfig { publish_mode: PublishMode::Host, ..port(9, 9) };
        for (given, shown) in [
            (vec![port(8000, 8000)], "*:8000->8000/tcp"),
            (vec![port(81, 81), port(80, 80)], "*:80-81->80-81/tcp"),
            (vec![port(80, 80), port(81, 80)], "*:80-81->80/tcp"),
            (vec![port(80, 80), port(81, 81), port(82, 80)], "*:80-81->80-81/tcp, *:82->80/tcp"),
            (vec![port(80, 80), port(82, 82)], "*:80->80/tcp, *:82->82/tcp"),
            (vec![udp, port(80, 80), host], "*:80->80/tcp, *:53->53/udp"),
            (vec![], ""),
        ] {
            assert_eq!(ports(&given), shown);
        }
    }
}
