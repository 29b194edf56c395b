//! `swarmlite node ls`.

use serde_json::Value;
use swarmlite_proto::api::Node;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::api::TlsInfo;

use crate::args::NodeListArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::format::Field;
use crate::output::format::Listing;
use crate::output::format::Style;
use crate::output::template::pretty;

/// Lists the nodes.
pub(crate) async fn ls(
    args: &NodeListArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let nodes = client.nodes(&args.list.filter.iter().collect()).await?;
    let info = if args.list.quiet { SwarmInfo::default() } else { client.info().await?.swarm };
    let style = Style { format: args.list.format.as_deref(), quiet: args.list.quiet };
    console.print(&listing(nodes, &info).render(style)?)
}

/// The nodes as rows, by host name as a person sorts.
fn listing(mut nodes: Vec<Node>, info: &SwarmInfo) -> Listing {
    nodes.sort_by(|a, b| {
        crate::output::natural_order(&a.description.hostname, &b.description.hostname)
    });
    Listing {
        fields: &[
            Field { name: "ID", heading: "ID" },
            Field { name: "Self", heading: "" },
            Field { name: "Hostname", heading: "HOSTNAME" },
            Field { name: "Status", heading: "STATUS" },
            Field { name: "Availability", heading: "AVAILABILITY" },
            Field { name: "ManagerStatus", heading: "MANAGER STATUS" },
            Field { name: "EngineVersion", heading: "ENGINE VERSION" },
            Field { name: "TLSStatus", heading: "TLS STATUS" },
        ],
        default_table: concat!(
            r"{{.ID}} {{if .Self}}*{{else}} {{end}}\t{{.Hostname}}\t{{.Status}}\t",
            r"{{.Availability}}\t{{.ManagerStatus}}\t{{.EngineVersion}}"
        ),
        rows: nodes.iter().map(|node| row(node, info)).collect(),
    }
}

fn row(node: &Node, info: &SwarmInfo) -> Vec<Value> {
    vec![
        node.id.as_str().into(),
        (node.id.as_str() == info.node_id).into(),
        node.description.hostname.as_str().into(),
        pretty(node.status.state.as_str()).into(),
        pretty(node.spec.availability.as_str()).into(),
        manager_status(node).into(),
        node.description.engine.engine_version.as_str().into(),
        tls_status(node, info).into(),
    ]
}

fn manager_status(node: &Node) -> &'static str {
    match &node.manager_status {
        None => "",
        Some(manager) if manager.leader => "Leader",
        Some(manager) => match manager.reachability {
            Reachability::Unknown => "Unknown",
            Reachability::Unreachable => "Unreachable",
            Reachability::Reachable if manager.witness => "Witness",
            Reachability::Reachable => "Reachable",
        },
    }
}

/// Whether the node's certificate is from the present certificate authority.
fn tls_status(node: &Node, info: &SwarmInfo) -> &'static str {
    let own = &node.description.tls_info;
    match &info.cluster {
        Some(cluster) if *own != TlsInfo::default() && cluster.tls_info != TlsInfo::default() => {
            if *own == cluster.tls_info {
                "Ready"
            } else {
                "Needs Rotation"
            }
        }
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::nodes;

    #[test]
    fn the_table_is_dockers() {
        let info = SwarmInfo { node_id: nodes()[0].id.to_string(), ..SwarmInfo::default() };
        let table = listing(nodes(), &info).render(Style::default()).expect("prints");
        insta::assert_snapshot!(table, @r"
        ID                            HOSTNAME   STATUS    AVAILABILITY   MANAGER STATUS   ENGINE VERSION
        node000000000000000000001 *   node1      Ready     Active         Leader           20.10.24
        node000000000000000000002     node2      Ready     Drain          Reachable        20.10.24
        node000000000000000000003     node10     Down      Active                          20.10.24
        ");
    }
}
