//! One key, and the cipher that it makes.
//!
//! ChaCha20-Poly1305 (RFC 8439) has nonces of 96 bits, too few to be drawn at random for ever. So each record gets a key of its own, derived
//! by HKDF (RFC 5869, with SHA-256) from the key and 192 random bits that are stored with the record: no nonce is ever used twice.

use std::fmt;

use rand::CryptoRng;
use rand::RngExt;
use ring::aead::Aad;
use ring::aead::CHACHA20_POLY1305;
use ring::aead::LessSafeKey;
use ring::aead::Nonce;
use ring::aead::UnboundKey;
use ring::error::Unspecified;
use ring::hkdf;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use swarmlite_proto::unlock_key::UnlockKey;
use zeroize::Zeroize;

/// Bytes in a key.
const KEY_BYTES: usize = 32;

/// Bytes that make the key of one record.
const SALT_BYTES: usize = 24;

/// Bytes by which a sealed text is longer than the text, the salt apart.
const TAG_BYTES: usize = 16;

/// What the derived keys are for (RFC 5869, `info`).
const INFO: &[u8] = b"swarmlite record";

/// A key. Wiped from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; KEY_BYTES]);

impl Key {
    /// A new key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(rng.random())
    }

    /// The same key every time.
    #[cfg(feature = "testing")]
    pub(crate) fn for_tests(number: u32) -> Self {
        let mut bytes = [7; KEY_BYTES];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }

    /// `plain`, encrypted and authenticated together with `place`: salt, then ciphertext and tag.
    pub(crate) fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let mut sealed = Vec::with_capacity(SALT_BYTES + plain.len() + TAG_BYTES);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(plain);
        let text = &mut sealed[SALT_BYTES..];
        let tag =
            self.cipher(&salt)?.seal_in_place_separate_tag(nonce(), Aad::from(place), text)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// What [`Self::seal`] has sealed for `place` under this key.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (salt, text) = sealed.split_at_checked(SALT_BYTES).ok_or(Unspecified)?;
        let mut text = text.to_vec();
        let opened = self.cipher(salt)?.open_in_place(nonce(), Aad::from(place), &mut text)?.len();
        text.truncate(opened);
        Ok(text)
    }

    fn cipher(&self, salt: &[u8]) -> Result<LessSafeKey, Unspecified> {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0);
        let derived = extracted.expand(&[INFO], &CHACHA20_POLY1305)?;
        Ok(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

/// Always the same, as no derived key seals a second record.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; ring::aead::NONCE_LEN])
}

impl From<&UnlockKey> for Key {
    fn from(key: &UnlockKey) -> Self {
        Self(*key.as_bytes())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; KEY_BYTES]>::deserialize(deserializer).map(Self)
    }
}
