//! `swarmlite secret ls` and `swarmlite config ls`.

use serde_json::Value;
use swarmlite_proto::api::Document;
use swarmlite_proto::id::Id;
use swarmlite_proto::time::Timestamp;

use super::Shown;
use crate::args::ListArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::format::Field;
use crate::output::format::Listing;
use crate::output::format::Style;
use crate::output::natural_order;
use crate::value::duration;

/// Lists secrets or configs.
pub(super) async fn ls<K: Shown>(
    args: &ListArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let documents = client.documents::<K>(&args.filter.iter().collect()).await?;
    let style = Style { format: args.format.as_deref(), quiet: args.quiet };
    console.print(&listing(documents, Timestamp::now()).render(style)?)
}

fn listing<K: Shown>(mut documents: Vec<Document<Id<K>>>, now: Timestamp) -> Listing {
    documents.sort_by(|a, b| natural_order(&a.spec.name, &b.spec.name));
    Listing {
        fields: &[
            Field { name: "ID", heading: "ID" },
            Field { name: "Name", heading: "NAME" },
            Field { name: "Driver", heading: "DRIVER" },
            Field { name: "CreatedAt", heading: "CREATED" },
            Field { name: "UpdatedAt", heading: "UPDATED" },
            Field { name: "Labels", heading: "LABELS" },
        ],
        default_table: K::TABLE,
        rows: documents.iter().map(|document| row(document, now)).collect(),
    }
}

fn row<K: Shown>(document: &Document<Id<K>>, now: Timestamp) -> Vec<Value> {
    let ago = |at| format!("{} ago", duration::human(now.since(at)));
    let spec = &document.spec;
    let labels = spec.labels.iter().map(|(key, value)| format!("{key}={value}"));
    vec![
        document.id.as_str().into(),
        spec.name.as_str().into(),
        spec.driver.as_ref().map_or("", |driver| &driver.name).into(),
        ago(document.created_at).into(),
        ago(document.updated_at).into(),
        labels.collect::<Vec<_>>().join(",").into(),
    ]
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::id::ConfigKind;
    use swarmlite_proto::id::SecretKind;

    use super::*;
    use crate::fixtures::document;

    #[test]
    fn the_tables_are_dockers() {
        let now = Timestamp::EPOCH + std::time::Duration::from_secs(100);
        let secrets = vec![document::<SecretKind>(1, "tls.10"), document(2, "tls.9")];
        insta::assert_snapshot!(listing(secrets, now).render(Style::default()).expect("prints"), @r"
        ID                          NAME      DRIVER    CREATED              UPDATED
        secret0000000000000000002   tls.9               about a minute ago   40 seconds ago
        secret0000000000000000001   tls.10              about a minute ago   40 seconds ago
        ");
        let configs = vec![document::<ConfigKind>(1, "site")];
        insta::assert_snapshot!(listing(configs, now).render(Style::default()).expect("prints"), @r"
        ID                          NAME      CREATED              UPDATED
        config0000000000000000001   site      about a minute ago   40 seconds ago
        ");
    }
}
