//! Bytes that may be secret.

use std::fmt;
use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;
use serde::de::Visitor;
use utoipa::ToSchema;

/// Bytes that may be secret: never printed, and gone from memory when dropped. Base 64 in JSON, as they are in binary formats.
#[derive(Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = Byte)]
pub struct Data(Vec<u8>);

impl Data {
    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.0.len())
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.0.fill(0);
        // Who looks at the zeros keeps the compiler from leaving them out.
        black_box(self.0.as_slice());
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            // Without the decoder's own words, which quote what they stumble over.
            STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("illegal base64 data"))
        } else {
            deserializer.deserialize_byte_buf(Binary)
        }
    }
}

/// Takes bytes as binary formats give them.
struct Binary;

impl Visitor<'_> for Binary {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Data, E> {
        Ok(Data(bytes.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Data, E> {
        Ok(Data(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_of_it_is_printed() {
        let data = Data::from(b"hunter2".to_vec());
        assert_eq!(format!("{data:?} {data:#?}"), "Data(7 bytes) Data(7 bytes)");
        let refused = serde_json::from_str::<Data>("\"hunter2!\"").expect_err("not base 64");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }

    proptest! {
        #[test]
        fn bytes_survive_both_kinds_of_formats(bytes: Vec<u8>) {
            let data = Data::from(bytes.clone());
            let text = serde_json::to_string(&data).expect("is written");
            prop_assert_eq!(&text, &format!("\"{}\"", STANDARD.encode(&bytes)));
            let read: Data = serde_json::from_str(&text).expect("is read");
            prop_assert_eq!(read.as_bytes(), &bytes);
            let packed = rmp_serde::to_vec_named(&data).expect("is written");
            prop_assert!(packed.len() <= bytes.len() + 5, "{} for {}", packed.len(), bytes.len());
            let read: Data = rmp_serde::from_slice(&packed).expect("is read");
            prop_assert_eq!(read, data);
        }
    }
}
