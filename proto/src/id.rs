//! Typed identifiers, one registry for the whole project.
//!
//! An id is 25 characters of base 36 (128 random bits), as Docker's (swarmkit `identity/randomid.go`).
//! The kind is part of the type, so that a task id cannot be passed where a node id is meant.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use rand::RngExt;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Visitor;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;
use utoipa::openapi::Type;

/// Characters in an id: enough base-36 digits for 128 bits.
pub const ID_LEN: usize = 25;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Names what an [`Id`] identifies.
pub trait Kind {
    /// The word for it in messages, as in `service X not found`.
    const NAME: &'static str;
}

/// An identifier of one kind of object. It holds its own text, so that comparing two follows no pointer: tables of a million objects are
/// searched by ids.
pub struct Id<K: Kind> {
    text: [u8; ID_LEN],
    kind: PhantomData<fn() -> K>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident, $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $kind {}
        impl Kind for $kind {
            const NAME: &'static str = $name;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    /// A standalone container, one that is not of a service, on a network of the cluster.
    AttachmentKind, AttachmentId, "attachment";
    /// The cluster itself.
    ClusterKind, ClusterId, "cluster";
    /// A configuration file kept by the cluster.
    ConfigKind, ConfigId, "config";
    /// A cluster-wide (overlay) network.
    NetworkKind, NetworkId, "network";
    /// A machine that is a member of the cluster.
    NodeKind, NodeId, "node";
    /// A secret kept by the cluster.
    SecretKind, SecretId, "secret";
    /// A service.
    ServiceKind, ServiceId, "service";
    /// A task: one container of a service, on one node, once.
    TaskKind, TaskId, "task";
}

/// The text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid {kind} id: {text:?}")]
pub struct InvalidId {
    kind: &'static str,
    text: String,
}

impl<K: Kind> Id<K> {
    /// Draws a new id from `rng`. Reducers get a seeded one, so that a plan can be repeated.
    pub fn random(rng: &mut impl RngExt) -> Self {
        let mut bits: u128 = rng.random();
        let mut text = [b'0'; ID_LEN];
        for slot in text.iter_mut().rev() {
            *slot = DIGITS[(bits % 36) as usize];
            bits /= 36;
        }
        Self { text, kind: PhantomData }
    }

    /// The least of all ids, for ranges that begin with the first object.
    pub const FIRST: Self = Self { text: [b'0'; ID_LEN], kind: PhantomData };

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits of base 36 are ASCII: it never fails.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.as_bytes().try_into() {
            Ok(digits) if text.bytes().all(|byte| DIGITS.contains(&byte)) => {
                Ok(Self { text: digits, kind: PhantomData })
            }
            _ => Err(InvalidId { kind: K::NAME, text: text.to_owned() }),
        }
    }
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self { text: self.text, kind: PhantomData }
    }
}

impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K: Kind> Eq for Id<K> {}

impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<K: Kind> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", K::NAME, self.as_str())
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// Reads an id from text without keeping a copy of it.
struct Text<K>(PhantomData<fn() -> K>);

impl<K: Kind> Visitor<'_> for Text<K> {
    type Value = Id<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the id of a {}", K::NAME)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id<K>, E> {
        text.parse().map_err(E::custom)
    }
}

/// One schema for all kinds: what tells them apart is where they stand.
impl<K: Kind> PartialSchema for Id<K> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^[0-9a-z]{{{ID_LEN}}}$")))
            .description(Some("128 random bits in base 36."))
            .into()
    }
}

impl<K: Kind> ToSchema for Id<K> {
    fn name() -> Cow<'static, str> {
        "Id".into()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn random_ids_have_dockers_shape_and_read_back() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..100 {
            let id = TaskId::random(&mut rng);
            assert_eq!(id.as_str().len(), ID_LEN);
            assert_eq!(id.as_str().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_not_an_id_is_refused_by_kind() {
        for text in ["", "short", "UPPERCASEUPPERCASEUPPERCA", "has-a-dash-in-it-has-a-da"] {
            let refused = text.parse::<NodeId>().expect_err("not an id");
            assert!(refused.to_string().starts_with("invalid node id"), "{refused}");
        }
    }
}
