//! What a log entry holds: transactions, in the format of the cluster at the time of the entry, on the wire and on every disk alike.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde::de::value::SeqAccessDeserializer;
use serde::ser;
use swarmlite_proto::format;
use swarmlite_proto::format::Format;

use crate::state::Transaction;

/// What refusals call it.
const WHAT: &str = "the log entry";

/// Transactions that share one log entry. Shared, because the log, the replication to each follower and the state machine all hold them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transactions {
    format: Format,
    list: Arc<Vec<Transaction>>,
}

impl Transactions {
    /// The transactions of an entry that is written in `format`.
    pub(crate) fn new(format: Format, list: Vec<Transaction>) -> Self {
        Self { format, list: Arc::new(list) }
    }

    /// The transactions themselves.
    pub(crate) fn into_list(self) -> Vec<Transaction> {
        Arc::unwrap_or_clone(self.list)
    }
}

impl Serialize for Transactions {
    /// As a record in its format, or as a plain list where entries had none.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.format == Format::UNMARKED {
            return self.list.serialize(serializer);
        }
        let record = format::encode(self.format, &*self.list).map_err(ser::Error::custom)?;
        serializer.serialize_bytes(&record)
    }
}

impl<'de> Deserialize<'de> for Transactions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormatVisitor)
    }
}

struct FormatVisitor;

impl<'de> Visitor<'de> for FormatVisitor {
    type Value = Transactions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transactions")
    }

    fn visit_bytes<E: de::Error>(self, record: &[u8]) -> Result<Transactions, E> {
        let list = format::decode(WHAT, record).map_err(E::custom)?;
        Ok(Transactions::new(format::of(record), list))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Transactions, A::Error> {
        let list = Vec::deserialize(SeqAccessDeserializer::new(items))?;
        Ok(Transactions::new(Format::UNMARKED, list))
    }
}
