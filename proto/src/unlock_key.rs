//! The key that unlocks the managers of a cluster with autolock, in Docker's form (swarmkit `manager/encryption/encryption.go`).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rand::CryptoRng;
use rand::RngExt;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;

/// What every key starts with. The number is the version of the form.
const PREFIX: &str = "SWMKEY-1-";

/// Bytes in a key.
const BYTES: usize = 32;

/// The key that unlocks managers: `SWMKEY-1-` and 32 bytes in base 64. `Display` gives the whole key, `Debug` nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct UnlockKey([u8; BYTES]);

/// The text is not an unlock key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid key string")]
pub struct InvalidUnlockKey;

impl UnlockKey {
    /// A new key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(rng.random())
    }

    /// The key itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl fmt::Debug for UnlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnlockKey(..)")
    }
}

impl fmt::Display for UnlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl FromStr for UnlockKey {
    type Err = InvalidUnlockKey;

    fn from_str(text: &str) -> Result<Self, InvalidUnlockKey> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidUnlockKey)?;
        let bytes = STANDARD_NO_PAD.decode(digits).map_err(|_| InvalidUnlockKey)?;
        bytes.try_into().map(Self).map_err(|_| InvalidUnlockKey)
    }
}

impl Serialize for UnlockKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnlockKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_dockers_and_debug_tells_nothing() {
        let key = UnlockKey([0xff; BYTES]);
        let text = "SWMKEY-1-//////////////////////////////////////////8";
        assert_eq!(key.to_string(), text);
        assert_eq!(text.parse(), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "UnlockKey(..)");
        let random = UnlockKey::random(&mut rand::rng());
        assert_eq!(random.to_string().parse(), Ok(random));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "SWMKEY-1-", "SWMKEY-2-//////////////////////////////////////////8", "x"] {
            assert_eq!(text.parse::<UnlockKey>(), Err(InvalidUnlockKey), "{text}");
        }
    }
}
