//! The secrets and configs of a stack.

use swarmlite_proto::api::Document;
use swarmlite_proto::error::Reason;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::spec::DocumentSpec;

use crate::client::Client;
use crate::command::Failures;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Makes those that are not there, and gives the others their labels.
pub(super) async fn put<K: Kind>(
    specs: &[DocumentSpec],
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    for spec in specs {
        let (kind, name) = (K::NAME, &spec.name);
        match client.document::<K>(name).await {
            Ok(present) if present.spec == *spec => {}
            Ok(present) => {
                // A secret is shown without its content: only the daemon can tell whether it is the same.
                let changed = Document { spec: spec.clone(), ..present };
                let updated = client.document_update::<K>(&changed).await;
                updated.map_err(|error| refused::<K>(name, &error))?;
            }
            Err(error) if error.is_not_found() => {
                console.line(&format!("Creating {kind} {name}"))?;
                let created = client.document_create::<K>(spec).await;
                created.map_err(|error| {
                    Error::refused(format!("failed to create {kind} {name}: {error}"))
                })?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Why an update failed, and what to do about it.
fn refused<K: Kind>(name: &str, error: &Error) -> Error {
    let kind = K::NAME;
    let what_to_do = if error.is(Reason::LabelsOnly) {
        format!(
            "\nThe content of a {kind} never changes, as tasks that have it do not see changes. Give the new content a name of its own, \
             such as `name: {name}_2` below the {kind} in the Compose file: the services then get it by an update."
        )
    } else {
        String::new()
    };
    Error::refused(format!("failed to update {kind} {name}: {error}{what_to_do}"))
}

/// Removes all of them.
pub(super) async fn remove<K: Kind>(
    documents: Vec<Document<Id<K>>>,
    failures: &mut Failures,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    for document in documents {
        let name = &document.spec.name;
        console.line(&format!("Removing {} {name}", K::NAME))?;
        let removed = client.document_remove::<K>(document.id.as_str()).await;
        failures.note_for(name, removed)?;
    }
    Ok(())
}
