//! `swarmlite secret inspect` and `swarmlite config inspect`.

use swarmlite_proto::api::Document;
use swarmlite_proto::id::ConfigId;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::SecretKind;

use super::Shown;
use crate::args::DocumentInspectArgs;
use crate::client::Client;
use crate::command::Failures;
use crate::error::Result;
use crate::output::Console;
use crate::output::inspect::render;
use crate::output::pretty::Page;

/// Prints all about secrets or configs. What is found is printed even if something else is not.
pub(super) async fn inspect<K: Shown>(
    args: &DocumentInspectArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let mut failures = Failures::default();
    let mut found: Vec<String> = Vec::new();
    for reference in &args.names {
        if args.inspect.pretty {
            let page = client.document::<K>(reference).await.map(|document| K::page(&document));
            failures.note(page.and_then(|page| console.print(&page)))?;
        } else {
            let text = client.document_text::<K>(reference).await;
            failures.note(text.map(|text| found.push(text)))?;
        }
    }
    if !args.inspect.pretty {
        console.print(&render(&found, args.inspect.format.as_deref())?)?;
    }
    failures.into_result()
}

impl Shown for SecretKind {
    const TABLE: &'static str = r"{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}";

    fn page(secret: &Document<SecretId>) -> String {
        let mut page = Page::default();
        page.entry("ID:              ", &secret.id);
        page.entry("Name:              ", &secret.spec.name);
        page.section("Labels:", labels(secret));
        let driver = secret.spec.driver.as_ref().map_or("", |driver| &driver.name);
        page.entry("Driver:            ", driver);
        page.entry("Created at:        ", secret.created_at);
        page.entry("Updated at:        ", secret.updated_at);
        page.finish()
    }
}

impl Shown for ConfigKind {
    const TABLE: &'static str = r"{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.UpdatedAt}}";

    fn page(config: &Document<ConfigId>) -> String {
        let mut page = Page::default();
        page.entry("ID:\t\t\t", &config.id);
        page.entry("Name:\t\t\t", &config.spec.name);
        page.section("Labels:", labels(config));
        page.entry("Created at:            \t", config.created_at);
        page.entry("Updated at:            \t", config.updated_at);
        page.line("Data:");
        page.line(String::from_utf8_lossy(config.spec.data.as_bytes()));
        page.finish()
    }
}

fn labels<I>(document: &Document<I>) -> impl Iterator<Item = String> {
    document.spec.labels.iter().map(|(key, value)| {
        let equals = if value.is_empty() { "" } else { "=" };
        format!(" - {key}{equals}{value}")
    })
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::spec::Data;

    use super::*;
    use crate::fixtures::document;

    #[test]
    fn the_pages_are_dockers() {
        let mut secret = document::<SecretKind>(1, "tls");
        secret.spec.labels =
            [("a", "b"), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        insta::assert_snapshot!(SecretKind::page(&secret), @r"
        ID:              secret0000000000000000001
        Name:              tls
        Labels:
         - a=b
         - c
        Driver:            
        Created at:        1970-01-01T00:00:10Z
        Updated at:        1970-01-01T00:01:00Z
        ");
        let mut config = document::<ConfigKind>(1, "site");
        config.spec.data = Data::from(b"server {\n}".to_vec());
        insta::assert_snapshot!(ConfigKind::page(&config), @r"
        ID:			config0000000000000000001
        Name:			site
        Created at:            	1970-01-01T00:00:10Z
        Updated at:            	1970-01-01T00:01:00Z
        Data:
        server {
        }
        ");
    }
}
