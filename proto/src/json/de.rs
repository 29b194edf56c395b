//! The serde side of lenient reading: a deserializer over a parsed JSON value.

use std::cell::RefCell;
use std::fmt;

use serde::de;
use serde::de::DeserializeSeed;
use serde::de::IntoDeserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde::forward_to_deserialize_any;
use serde_json::Map;
use serde_json::Value;

use super::is_empty;
use crate::error::Error;

/// Where in the document a value is. Lives on the stack, so that a path is only made into text when something is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Self, &'a str),
    Element(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Why a document is not what it should be.
#[derive(Debug)]
pub(super) struct Failure {
    path: Option<String>,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// It has the wrong type or range.
    Shape(String),
    /// It is a name that is none of those allowed.
    UnknownName(String),
    /// The type's own refusal, in its own words.
    Refused(String),
}

impl Failure {
    const fn new(reason: Reason) -> Self {
        Self { path: None, reason }
    }

    /// Remembers the path unless the failure came from further down.
    fn at(mut self, path: &Path<'_>) -> Self {
        if self.path.is_none() {
            self.path = Some(path.to_string());
        }
        self
    }

    /// As the user gets to see it.
    pub(super) fn into_error(self) -> Error {
        Error::invalid(self.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or_default();
        let colon = if path.is_empty() { "" } else { ": " };
        match &self.reason {
            Reason::Shape(message) => write!(f, "invalid JSON: {path}{colon}{message}"),
            // Docker's words: `invalid Role: "boss"`.
            Reason::UnknownName(name) => write!(f, "invalid {path}: {name:?}"),
            Reason::Refused(message) => write!(f, "{path}{colon}{message}"),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Refused(message.to_string()))
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Reason::Shape(format!("invalid type: {unexpected}, expected {expected}")))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Reason::Shape(format!("invalid value: {unexpected}, expected {expected}")))
    }

    fn unknown_variant(variant: &str, _expected: &'static [&'static str]) -> Self {
        Self::new(Reason::UnknownName(variant.to_owned()))
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'a> {
    value: &'a Value,
    path: Path<'a>,
    /// The paths of the members that nobody asked for.
    unknown: &'a RefCell<Vec<String>>,
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(value: &'a Value, unknown: &'a RefCell<Vec<String>>) -> Self {
        Self { value, path: Path::Root, unknown }
    }

    /// The value, or what Go leaves in its place when it is `null`.
    fn or<'v>(&'v self, zero: &'v Value) -> &'v Value {
        if self.value.is_null() { zero } else { self.value }
    }
}

/// A scalar: `null` is its zero.
macro_rules! scalars {
    ($($method:ident => $zero:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let zero = $zero;
            Decoder { value: self.or(&zero), ..self }.deserialize_any(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Decoder<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, Some(value)) => visitor.visit_f64(value),
                (None, None, None) => Err(de::Error::custom("number out of range")),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(elements) => {
                visitor.visit_seq(Elements { decoder: self, elements, next: 0 })
            }
            Value::Object(members) => {
                visitor.visit_map(Entries { decoder: self, entries: members.iter(), current: None })
            }
        }
    }

    scalars! {
        deserialize_bool => Value::Bool(false);
        deserialize_i8 => Value::from(0);
        deserialize_i16 => Value::from(0);
        deserialize_i32 => Value::from(0);
        deserialize_i64 => Value::from(0);
        deserialize_u8 => Value::from(0);
        deserialize_u16 => Value::from(0);
        deserialize_u32 => Value::from(0);
        deserialize_u64 => Value::from(0);
        deserialize_f32 => Value::from(0);
        deserialize_f64 => Value::from(0);
        deserialize_str => Value::from("");
        deserialize_string => Value::from("");
        deserialize_seq => Value::Array(Vec::new());
        deserialize_map => Value::Object(Map::new());
    }

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let zero = Value::Object(Map::new());
        match self.or(&zero) {
            Value::Object(members) => visitor.visit_map(self.members(members, fields)?),
            // Not left to the visitor: serde would take a list of the members' values, too.
            other => Err(de::Error::invalid_type(unexpected(other), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let zero = Value::from("");
        match self.or(&zero) {
            // Docker takes the names of an enumeration in any case, too.
            Value::String(text) => {
                let known = variants.iter().find(|variant| variant.eq_ignore_ascii_case(text));
                let name = known.copied().unwrap_or(text);
                visitor.visit_enum(IntoDeserializer::<Failure>::into_deserializer(name))
            }
            other => Err(de::Error::invalid_type(unexpected(other), &visitor)),
        }
    }
}

/// What a value is, for messages.
fn unexpected(value: &Value) -> de::Unexpected<'_> {
    match value {
        Value::Null => de::Unexpected::Unit,
        Value::Bool(value) => de::Unexpected::Bool(*value),
        Value::Number(_) => de::Unexpected::Other("number"),
        Value::String(text) => de::Unexpected::Str(text),
        Value::Array(_) => de::Unexpected::Seq,
        Value::Object(_) => de::Unexpected::Map,
    }
}

impl Decoder<'_> {
    /// The members that are one of `fields`, under the names that those have. Notes the others.
    fn members<'m>(
        &'m self,
        members: &'m Map<String, Value>,
        fields: &'static [&'static str],
    ) -> Result<Members<'m>, Failure> {
        let mut known: Vec<(&'static str, &'m Value)> = Vec::with_capacity(members.len());
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let Some(field) = fields.iter().find(|field| field.eq_ignore_ascii_case(name)) else {
                if !is_empty(value) {
                    self.unknown.borrow_mut().push(Path::Member(&self.path, name).to_string());
                }
                continue;
            };
            if known.iter().any(|(other, _)| other == field) {
                let path = Path::Member(&self.path, field);
                let twice = Reason::Shape("given twice, in different case".to_owned());
                return Err(Failure::new(twice).at(&path));
            }
            known.push((field, value));
        }
        Ok(Members {
            decoder: *self,
            parent: &self.path,
            members: known.into_iter(),
            current: None,
        })
    }
}

/// The members of a struct.
struct Members<'a> {
    decoder: Decoder<'a>,
    parent: &'a Path<'a>,
    members: std::vec::IntoIter<(&'static str, &'a Value)>,
    current: Option<(&'static str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.current = self.members.next();
        let Some((name, _)) = self.current else { return Ok(None) };
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((name, value)) = self.current.take() else {
            return Err(de::Error::custom("a value without its name"));
        };
        let path = Path::Member(self.parent, name);
        let decoder = Decoder { value, path, unknown: self.decoder.unknown };
        seed.deserialize(decoder).map_err(|failure| failure.at(&path))
    }
}

/// The entries of a map: their keys are data.
struct Entries<'a> {
    decoder: Decoder<'a>,
    entries: serde_json::map::Iter<'a>,
    current: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.current = self.entries.next().map(|(key, value)| (key.as_str(), value));
        let Some((key, _)) = self.current else { return Ok(None) };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((key, value)) = self.current.take() else {
            return Err(de::Error::custom("a value without its key"));
        };
        let path = Path::Member(&self.decoder.path, key);
        let decoder = Decoder { value, path, unknown: self.decoder.unknown };
        seed.deserialize(decoder).map_err(|failure| failure.at(&path))
    }
}

/// The elements of a list.
struct Elements<'a> {
    decoder: Decoder<'a>,
    elements: &'a [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some(value) = self.elements.get(self.next) else { return Ok(None) };
        let path = Path::Element(&self.decoder.path, self.next);
        self.next += 1;
        let decoder = Decoder { value, path, unknown: self.decoder.unknown };
        seed.deserialize(decoder).map(Some).map_err(|failure| failure.at(&path))
    }
}
