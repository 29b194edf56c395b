//! What the changes of secrets and configs mean: functions of the state, in Docker's words where they refuse.

use rand::RngExt;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::document::DocumentKind;
use swarmlite_manager::state::document::already_exists;
use swarmlite_manager::state::lookup;
use swarmlite_manager::state::out_of_sequence;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Reason;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::Id;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Meta;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

/// Makes one.
pub(super) fn create<K: DocumentKind>(
    state: &State,
    spec: DocumentSpec,
    now: Timestamp,
    rng: &mut impl RngExt,
) -> Result<(Id<K>, Transaction)> {
    if state.document_by_name::<K>(&spec.name).is_some() {
        return Err(already_exists::<K>(&spec.name));
    }
    let id = Id::random(rng);
    let document = Document { id: id.clone(), meta: Meta::default(), spec };
    Ok((id, Transaction::new(now).with(K::put(document))))
}

/// Replaces the labels of one that still has `version`. Clients send the rest as they read it, or not at all: a secret is read without its
/// content.
pub(super) fn update<K: DocumentKind>(
    state: &State,
    reference: &str,
    version: Version,
    spec: &DocumentSpec,
    now: Timestamp,
) -> Result<Transaction> {
    let old = lookup::document::<K>(state, reference)?;
    let DocumentSpec { name, labels, data, driver, templating } = spec;
    let same_content = data.is_empty() || *data == old.spec.data;
    let same_templating = templating.is_none() || *templating == old.spec.templating;
    if *name != old.spec.name || !same_content || !same_templating || driver.is_some() {
        return Err(
            Error::invalid("only updates to Labels are allowed").because(Reason::LabelsOnly)
        );
    }
    if old.meta.version != version {
        return Err(out_of_sequence());
    }
    let spec = DocumentSpec { labels: labels.clone(), ..old.spec.clone() };
    let document = Document { spec, ..Document::clone(old) };
    Ok(Transaction::new(now).with(K::put(document)))
}

/// Removes one that no service needs.
pub(super) fn remove<K: DocumentKind>(
    state: &State,
    reference: &str,
    now: Timestamp,
) -> Result<Transaction> {
    let document = lookup::document::<K>(state, reference)?;
    state.check_unneeded::<K>(document)?;
    let op = Op::Remove(K::object(document.id.clone()), document.meta.version);
    Ok(Transaction::new(now).with(op))
}
