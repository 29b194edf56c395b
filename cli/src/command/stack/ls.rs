//! `swarmlite stack ls`.

use std::collections::BTreeMap;

use swarmlite_compose::LABEL_NAMESPACE;
use swarmlite_proto::api::Service;

use crate::args::StackListArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::format::Field;
use crate::output::format::Listing;
use crate::output::format::Style;
use crate::output::natural_order;
use crate::value::filter::Filters;

/// Lists the stacks: what services say they are of.
pub(crate) async fn ls(
    args: &StackListArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let services = client.services(&Filters::default().with("label", LABEL_NAMESPACE)).await?;
    let style = Style { format: args.format.as_deref(), quiet: false };
    console.print(&listing(&services).render(style)?)
}

fn listing(services: &[Service]) -> Listing {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for service in services {
        if let Some(stack) = service.spec.labels.get(LABEL_NAMESPACE) {
            *counts.entry(stack).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, _), (b, _)| natural_order(a, b));
    Listing {
        fields: &[
            Field { name: "Name", heading: "NAME" },
            Field { name: "Services", heading: "SERVICES" },
        ],
        default_table: r"{{.Name}}\t{{.Services}}",
        rows: counts
            .into_iter()
            .map(|(stack, count)| vec![stack.into(), count.to_string().into()])
            .collect(),
    }
}
