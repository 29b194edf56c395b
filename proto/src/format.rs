//! The form of what lies on disks, and of what managers replicate.
//!
//! Everything that outlives the process that wrote it begins with one byte, its [`Format`]. A newer swarmlite reads every older format; an
//! older one refuses a newer format by a sentence that says what to do, and changes nothing.
//!
//! Format 0 is what was written before there was that byte. It was MessagePack that began with a map, a list or nothing, and so with a byte
//! from `0x80` on: no format has such a number.
//!
//! What is written is not the newest format that a node knows, but the one that the cluster has reached
//! ([`crate::object::Cluster::format`]). The leader raises that once every manager has announced ([`Versions`]) that it reads more. Until
//! then every manager reads what any other sends, and every node can go back to the version it had. How records may change:
//!
//! - A field may be added to a record within a format, if its default means what its absence has meant. Older nodes ignore it, and lose it
//!   when they write the record: it must not be set before the cluster's format is one whose readers all know it, unless losing it is harmless.
//! - A new variant of an enum, another meaning, or a field that must not be lost needs a new format: an older node cannot read it, or
//!   would misread it.
//! - The few small files in JSON (which member a manager is, where a node listens) have no number: they only ever get new fields with defaults.
//! - Names of fields and variants never change. The kept files in `golden` folders hold all of this in place.

use std::fmt;
use std::io;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::messagepack;
use crate::next;
use crate::protocol::Range;

/// The number of a form of records.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Format(u8);

impl Format {
    /// What was written before records said what they are.
    pub const UNMARKED: Self = Self(0);

    /// The first format whose records say what they are.
    pub const FIRST: Self = Self(1);

    /// The first with rules of HTTP routing, which all managers have to see to keep them apart.
    pub const HTTP: Self = Self(2);

    /// The first with certificates by ACME, which are changes that older managers cannot read.
    pub const ACME: Self = Self(3);

    /// The first with options of HTTP routing that older managers would lose.
    pub const HTTP_OPTIONS: Self = Self(4);

    /// The first with witnesses, which older managers would take for managers.
    pub const WITNESS: Self = Self(4);

    /// The first with authorities outside of the cluster, for which older managers cannot sign.
    pub const EXTERNAL_CA: Self = Self(4);

    /// The newest that this version knows.
    const NEWEST: Self = Self::HTTP_OPTIONS;

    /// The smallest number that is not one of a format: what an unmarked record begins with.
    const UNMARKED_BEGIN: u8 = 0x80;

    /// The newest that this program knows.
    #[must_use]
    pub fn newest() -> Self {
        Self(Self::NEWEST.0 + u8::from(next::is_played()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a node says of its version: which calls it makes and takes, and which records it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The protocols it speaks.
    pub protocol: Range,
    /// The newest format it reads.
    pub format: Format,
}

impl Versions {
    /// Those of this program. The default is that of programs that did not announce any.
    #[must_use]
    pub fn own() -> Self {
        Self { protocol: Range::own(), format: Format::newest() }
    }
}

/// The record is in a format that this build does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} was written by a newer swarmlite (format {found}, this one reads up to {newest}): upgrade this node",
    newest = Format::newest()
)]
pub struct Newer {
    /// What was read: a file, or what else holds the record.
    pub what: String,
    /// The format it is in.
    pub found: Format,
}

impl Newer {
    /// Refuses `found`, the format of `what`, if this build does not know it.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn check(what: &str, found: Format) -> Result<(), Self> {
        if found <= Format::newest() {
            return Ok(());
        }
        Err(Self { what: what.to_owned(), found })
    }
}

/// A record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is in a format that this build does not know.
    #[error(transparent)]
    Newer(#[from] Newer),
    /// It is not what it should be.
    #[error("cannot read {what}: {why}")]
    Damaged {
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: rmp_serde::decode::Error,
    },
}

/// What is damaged is [`io::ErrorKind::InvalidData`]; what a newer version reads is [`io::ErrorKind::Unsupported`].
impl From<FormatError> for io::Error {
    fn from(error: FormatError) -> Self {
        let kind = match error {
            FormatError::Newer(_) => io::ErrorKind::Unsupported,
            FormatError::Damaged { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// `value` as a record in `format`.
///
/// # Errors
///
/// When `value` has a shape that MessagePack cannot hold.
pub fn encode<T: Serialize>(
    format: Format,
    value: &T,
) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    let body = messagepack::encode(value)?;
    match format.min(Format::newest()) {
        Format::UNMARKED => Ok(body),
        format => Ok([[format.0].as_slice(), &mapped(format, &body)].concat()),
    }
}

/// The value that [`encode`] made a record of, in whichever format. `what` names it in refusals.
///
/// # Errors
///
/// See [`FormatError`].
pub fn decode<T: DeserializeOwned>(what: &str, record: &[u8]) -> Result<T, FormatError> {
    let damaged = |why| FormatError::Damaged { what: what.to_owned(), why };
    let format = of(record);
    Newer::check(what, format)?;
    if format == Format::UNMARKED {
        return messagepack::decode(record).map_err(damaged);
    }
    messagepack::decode(&mapped(format, record.get(1..).unwrap_or_default())).map_err(damaged)
}

/// The format of what [`encode`] made.
#[must_use]
pub fn of(record: &[u8]) -> Format {
    match record.first() {
        Some(&number) if number < Format::UNMARKED_BEGIN => Format(number),
        _ => Format::UNMARKED,
    }
}

/// `body` as it stands in records of `format`, and back. There is nothing to do yet; in the next version, as it is played, every bit of the
/// newest format is the other one, so that whoever reads it without knowing it is noticed.
fn mapped(format: Format, body: &[u8]) -> Vec<u8> {
    if format > Format::NEWEST {
        return body.iter().map(|byte| !byte).collect();
    }
    body.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Now {
        kept: u32,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Later {
        kept: u32,
        #[serde(default)]
        added: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Known {
        One,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Further {
        One,
        Two(u32),
    }

    fn formats() -> impl Iterator<Item = Format> {
        (0..=Format::newest().0).map(Format)
    }

    #[test]
    fn every_format_is_read() {
        for format in formats() {
            let record = encode(format, &Now { kept: 7 }).expect("encodes");
            assert_eq!(decode::<Now>("it", &record).expect("decodes"), Now { kept: 7 });
            assert_eq!(record[0] < Format::UNMARKED_BEGIN, format > Format::UNMARKED);
        }
    }

    #[test]
    fn what_was_never_marked_cannot_be_taken_for_a_format() {
        let nothing: Option<u8> = None;
        let values = [
            messagepack::encode(&nothing),
            messagepack::encode(&vec![1_u8]),
            messagepack::encode(&Now { kept: 1 }),
        ];
        for record in values {
            let first = record.expect("encodes")[0];
            assert!(first >= Format::UNMARKED_BEGIN, "{first:#x}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_a_sentence() {
        let mut record = encode(Format::FIRST, &Now { kept: 7 }).expect("encodes");
        record[0] = 9;
        let refused = decode::<Now>("/var/lib/swarmlite/x", &record).expect_err("is newer");
        assert_eq!(
            refused.to_string(),
            format!(
                "/var/lib/swarmlite/x was written by a newer swarmlite (format 9, this one reads up to {}): upgrade this node",
                Format::newest()
            )
        );
    }

    #[test]
    fn what_is_cut_off_is_damaged() {
        for format in formats() {
            let record = encode(format, &Now { kept: 7 }).expect("encodes");
            for length in 0..record.len() {
                let refused = decode::<Now>("it", &record[..length]).expect_err("is cut off");
                assert!(matches!(refused, FormatError::Damaged { .. }), "{refused}");
            }
        }
    }

    #[test]
    fn a_new_field_is_ignored_by_older_readers_and_has_a_default_for_newer_ones() {
        let later = Later { kept: 7, added: Some("new".to_owned()) };
        let record = encode(Format::FIRST, &later).expect("encodes");
        assert_eq!(decode::<Now>("it", &record).expect("decodes"), Now { kept: 7 });
        let record = encode(Format::FIRST, &Now { kept: 7 }).expect("encodes");
        let read = decode::<Later>("it", &record).expect("decodes");
        assert_eq!(read, Later { kept: 7, added: None });
    }

    #[test]
    fn a_new_variant_cannot_be_read_and_so_needs_a_new_format() {
        let record = encode(Format::FIRST, &Further::One).expect("encodes");
        assert_eq!(decode::<Known>("it", &record).expect("decodes"), Known::One);
        let record = encode(Format::FIRST, &Further::Two(2)).expect("encodes");
        decode::<Known>("it", &record).expect_err("is not known");
    }
}
