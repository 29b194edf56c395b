//! `swarmlite network ls`.

use serde_json::Value;

use crate::args::NetworkListArgs;
use crate::client::Client;
use crate::client::NetworkSummary;
use crate::error::Result;
use crate::output::Console;
use crate::output::format::Field;
use crate::output::format::Listing;
use crate::output::format::Style;
use crate::output::natural_order;
use crate::output::short_id;

/// Lists networks.
pub(crate) async fn ls(
    args: &NetworkListArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let networks = client.networks(&args.list.filter.iter().collect()).await?;
    let style = Style { format: args.list.format.as_deref(), quiet: args.list.quiet };
    console.print(&listing(networks, !args.no_trunc).render(style)?)
}

fn listing(mut networks: Vec<NetworkSummary>, truncate: bool) -> Listing {
    networks.sort_by(|a, b| natural_order(&a.name, &b.name));
    Listing {
        fields: &[
            Field { name: "ID", heading: "NETWORK ID" },
            Field { name: "Name", heading: "NAME" },
            Field { name: "Driver", heading: "DRIVER" },
            Field { name: "Scope", heading: "SCOPE" },
            Field { name: "IPv4", heading: "IPV4" },
            Field { name: "IPv6", heading: "IPV6" },
            Field { name: "Internal", heading: "INTERNAL" },
            Field { name: "Labels", heading: "LABELS" },
            Field { name: "CreatedAt", heading: "CREATED AT" },
        ],
        default_table: r"{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        rows: networks.iter().map(|network| row(network, truncate)).collect(),
    }
}

fn row(network: &NetworkSummary, truncate: bool) -> Vec<Value> {
    let labels = network.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    vec![
        if truncate { short_id(&network.id) } else { &network.id }.into(),
        network.name.as_str().into(),
        network.driver.as_str().into(),
        network.scope.as_str().into(),
        network.enable_ipv4.to_string().into(),
        network.enable_ipv6.to_string().into(),
        network.internal.to_string().into(),
        labels.collect::<Vec<_>>().join(",").into(),
        network.created.as_str().into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_dockers() {
        let network = |id: &str, name: &str, driver: &str, scope: &str| NetworkSummary {
            id: id.to_owned(),
            name: name.to_owned(),
            driver: driver.to_owned(),
            scope: scope.to_owned(),
            ..NetworkSummary::default()
        };
        let networks = vec![
            network("s0ut1wqvbxe4jl4tqzg0uvw8y", "ingress", "overlay", "swarm"),
            network("3f1b0a9bd4c3b3b0", "bridge", "bridge", "local"),
        ];
        insta::assert_snapshot!(listing(networks, true).render(Style::default()).expect("prints"), @r"
        NETWORK ID     NAME      DRIVER    SCOPE
        3f1b0a9bd4c3   bridge    bridge    local
        s0ut1wqvbxe4   ingress   overlay   swarm
        ");
    }
}
