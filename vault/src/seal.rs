//! Records, sealed and opened.
//!
//! A sealed record is one byte of format, the number of the key (4 bytes, big-endian), and what [`Key`] makes of the text. It is bound to its
//! purpose and its place: read for another purpose or in another place, it is damaged.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use crate::key::Key;

/// The first byte of a sealed record. No value in MessagePack or JSON that was ever stored here begins with it, so that plain text is
/// told from a damaged record.
const FORMAT: u8 = 0x01;

/// First bytes of forms to come. No text begins with them either.
const LATER: RangeInclusive<u8> = 0x02..=0x08;

/// Bytes before the sealed text: the format and the number of the key.
const HEADER_BYTES: usize = 5;

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The raft log.
    Log,
    /// A snapshot of the cluster state.
    Snapshot,
    /// The key of the node's certificate.
    NodeKey,
    /// The keys themselves, under the unlock key.
    Keys,
}

impl Purpose {
    /// What is authenticated together with a record at `place`.
    pub(crate) fn bind(self, place: &[u8]) -> Vec<u8> {
        let name: &[u8] = match self {
            Self::Log => b"raft log\0",
            Self::Snapshot => b"snapshot\0",
            Self::NodeKey => b"node key\0",
            Self::Keys => b"keys\0",
        };
        [name, place].concat()
    }
}

/// A record could not be sealed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The node has no keys, or they are locked.
    #[error("there is no key to encrypt with")]
    NoKey,
    /// The record is longer than the cipher allows, 256 GB.
    #[error("the record is too long to encrypt")]
    TooLong,
}

/// A record could not be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// It was never sealed.
    #[error("it is not encrypted")]
    Plain,
    /// It was sealed in a form that came later.
    #[error(
        "it was written by a newer swarmlite (format {0}, this one reads up to {FORMAT}): upgrade this node"
    )]
    Newer(u8),
    /// It was sealed with a key that is not there.
    #[error("it is encrypted with key number {0}, which this node does not have")]
    UnknownKey(u32),
    /// It was changed, or belongs elsewhere, or to another node.
    #[error("it is damaged, not where it belongs, or encrypted with another key")]
    Damaged,
}

/// What was never sealed, or was changed, is [`io::ErrorKind::InvalidData`]; what others may open is [`io::ErrorKind::Unsupported`].
impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        let kind = match error {
            OpenError::Plain | OpenError::Damaged => io::ErrorKind::InvalidData,
            OpenError::Newer(_) | OpenError::UnknownKey(_) => io::ErrorKind::Unsupported,
        };
        Self::new(kind, error)
    }
}

/// Seals with the newest of its keys, and opens with any of them. Clones share the keys.
#[derive(Clone, Default)]
pub struct Sealer {
    keys: Arc<RwLock<BTreeMap<u32, Key>>>,
}

impl Sealer {
    /// Seals with the one of `keys` that has the highest number.
    #[must_use]
    pub fn new(keys: BTreeMap<u32, Key>) -> Self {
        Self { keys: Arc::new(RwLock::new(keys)) }
    }

    /// Replaces the keys, for all clones.
    pub(crate) fn set(&self, keys: BTreeMap<u32, Key>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// `plain`, sealed for this purpose and place.
    ///
    /// # Errors
    ///
    /// See [`SealError`].
    pub fn seal(&self, purpose: Purpose, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (number, key) = keys.last_key_value().ok_or(SealError::NoKey)?;
        let text = key.seal(&purpose.bind(place), plain).map_err(|_| SealError::TooLong)?;
        Ok([[FORMAT].as_slice(), &number.to_be_bytes(), &text].concat())
    }

    /// What [`Self::seal`] was given for the same purpose and place.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(
        &self,
        purpose: Purpose,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        match sealed.first() {
            Some(&FORMAT) => {}
            Some(&format) if LATER.contains(&format) => return Err(OpenError::Newer(format)),
            _ => return Err(OpenError::Plain),
        }
        let (header, text) = sealed.split_at_checked(HEADER_BYTES).ok_or(OpenError::Damaged)?;
        let number = header[1..].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(&number).ok_or(OpenError::UnknownKey(number))?;
        key.open(&purpose.bind(place), text).map_err(|_| OpenError::Damaged)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::sealer;

    #[test]
    fn a_record_is_good_in_its_place_only() {
        let one = sealer(&[1]);
        let sealed = one.seal(Purpose::Log, b"7", b"a secret").expect("seals");
        assert!(!sealed.windows(8).any(|bytes| bytes == b"a secret"));
        assert_eq!(one.open(Purpose::Log, b"7", &sealed).expect("opens"), b"a secret");
        for (purpose, place) in [(Purpose::Log, &b"8"[..]), (Purpose::Snapshot, b"7")] {
            assert_eq!(one.open(purpose, place, &sealed), Err(OpenError::Damaged));
        }
        let again = one.seal(Purpose::Log, b"7", b"a secret").expect("seals");
        assert_ne!(again, sealed, "each record has a key of its own");
    }

    #[test]
    fn the_newest_key_seals_and_all_open() {
        let (one, two, both) = (sealer(&[1]), sealer(&[2]), sealer(&[1, 2]));
        let old = one.seal(Purpose::Log, b"", b"old").expect("seals");
        let new = both.seal(Purpose::Log, b"", b"new").expect("seals");
        assert_eq!(both.open(Purpose::Log, b"", &old).expect("opens"), b"old");
        assert_eq!(two.open(Purpose::Log, b"", &new).expect("opens"), b"new");
        assert_eq!(two.open(Purpose::Log, b"", &old), Err(OpenError::UnknownKey(1)));
        assert_eq!(Sealer::default().seal(Purpose::Log, b"", b""), Err(SealError::NoKey));
    }

    #[test]
    fn plain_text_is_told_from_a_damaged_record() {
        for plain in [&b""[..], b"\x82", b"{\"a\":1}", b"\xc0"] {
            assert_eq!(sealer(&[1]).open(Purpose::Log, b"", plain), Err(OpenError::Plain));
        }
        assert_eq!(sealer(&[1]).open(Purpose::Log, b"", &[FORMAT]), Err(OpenError::Damaged));
    }

    #[test]
    fn a_later_form_is_refused_by_a_sentence() {
        let sealed = sealer(&[1]).seal(Purpose::Log, b"", b"text").expect("seals");
        let later = [[2].as_slice(), &sealed[1..]].concat();
        let refused = sealer(&[1]).open(Purpose::Log, b"", &later).expect_err("is newer");
        assert_eq!(
            refused.to_string(),
            "it was written by a newer swarmlite (format 2, this one reads up to 1): upgrade this node"
        );
    }

    proptest! {
        #[test]
        fn no_bit_can_be_changed(plain in any::<Vec<u8>>(), at: prop::sample::Index, bit in 0..8) {
            let sealer = sealer(&[1]);
            let mut sealed = sealer.seal(Purpose::Log, b"here", &plain).expect("seals");
            prop_assert_eq!(&sealer.open(Purpose::Log, b"here", &sealed).expect("opens"), &plain);
            let at = at.index(sealed.len());
            sealed[at] ^= 1_u8 << bit;
            sealer.open(Purpose::Log, b"here", &sealed).expect_err("it was changed");
        }
    }
}
