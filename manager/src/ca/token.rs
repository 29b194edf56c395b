//! Join tokens, in Docker's form: `SWMTKN-1-<digest of the authority>-<secret>` (swarmkit `ca/config.go`).
//!
//! The digest tells a new machine which cluster it talks to, the secret tells the cluster that the machine may come in.

use std::fmt;
use std::str::FromStr;

use rand::CryptoRng;
use rand::RngExt;
use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use swarmlite_proto::error::Error;
use swarmlite_proto::object::JoinTokens;

/// What every token starts with. The number is the version of the form.
const PREFIX: &str = "SWMTKN-1-";

/// Bytes in the digest of the authority: SHA-256.
const DIGEST_BYTES: usize = 32;

/// Base-36 digits of the digest: 50 are enough for 256 bits.
const DIGEST_DIGITS: usize = 50;

/// Bytes in the secret.
const SECRET_BYTES: usize = 16;

/// Base-36 digits of the secret: 25 are enough for 128 bits.
const SECRET_DIGITS: usize = 25;

/// A token is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is not a token.
    #[error("invalid join token")]
    Invalid,
    /// The authority is not the one that the token names: the manager belongs to another cluster, or somebody is in between.
    #[error("remote CA does not match fingerprint. Expected: {expected}")]
    OtherAuthority {
        /// The digest in the token, in hexadecimal.
        expected: String,
    },
}

impl From<TokenError> for Error {
    /// Docker gives these errors no type.
    fn from(error: TokenError) -> Self {
        Self::unknown(error.to_string())
    }
}

/// A token, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    digest: [u8; DIGEST_BYTES],
    secret: String,
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("digest", &hex(&self.digest)).finish_non_exhaustive()
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (digest, secret) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .ok_or(TokenError::Invalid)?;
        if digest.len() != DIGEST_DIGITS || secret.len() != SECRET_DIGITS {
            return Err(TokenError::Invalid);
        }
        let _well_formed: [u8; SECRET_BYTES] = from_base36(secret).ok_or(TokenError::Invalid)?;
        let digest = from_base36(digest).ok_or(TokenError::Invalid)?;
        Ok(Self { digest, secret: secret.to_owned() })
    }
}

impl JoinToken {
    /// Checks that `root_ca`, PEM, is the authority that this token names. A machine does this before it sends the secret.
    ///
    /// # Errors
    ///
    /// [`TokenError::OtherAuthority`] when it is another.
    pub fn check_authority(&self, root_ca: &str) -> Result<(), TokenError> {
        if digest(root_ca) == self.digest {
            Ok(())
        } else {
            Err(TokenError::OtherAuthority { expected: hex(&self.digest) })
        }
    }

    /// Whether the secret is that of `token`, a token of the cluster. The digest does not count, so that tokens stay good while the
    /// authority is replaced. Takes the same time whatever the difference.
    pub(super) fn has_secret_of(&self, token: &str) -> bool {
        let secret = token.rsplit('-').next().unwrap_or_default();
        self.secret.as_bytes().ct_eq(secret.as_bytes()).into()
    }
}

/// New tokens for the cluster of `root_ca`, PEM.
pub fn new_tokens(root_ca: &str, rng: &mut impl CryptoRng) -> JoinTokens {
    JoinTokens { worker: new_token(root_ca, rng), manager: new_token(root_ca, rng) }
}

/// One new token for the cluster of `root_ca`, PEM.
fn new_token(root_ca: &str, rng: &mut impl CryptoRng) -> String {
    let digest = to_base36(digest(root_ca), DIGEST_DIGITS);
    let secret = to_base36(rng.random::<[u8; SECRET_BYTES]>(), SECRET_DIGITS);
    format!("{PREFIX}{digest}-{secret}")
}

/// The digest is of the PEM text as it stands (swarmkit `ca/certificates.go`, `digest.FromBytes(rootCA.Certs)`).
fn digest(root_ca: &str) -> [u8; DIGEST_BYTES] {
    Sha256::digest(root_ca.as_bytes()).into()
}

/// A big-endian number as `width` base-36 digits, which have to be enough.
fn to_base36<const N: usize>(mut number: [u8; N], width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            // Both fit: the remainder is less than 36.
            *byte = (value / 36) as u8;
            remainder = value % 36;
        }
        *digit = char::from_digit(remainder, 36).map_or(b'0', |digit| digit as u8);
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// The number that [`to_base36`] made these digits of; `None` when they are not lower-case base 36 or stand for a greater number than fits.
fn from_base36<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut number = [0_u8; N];
    for digit in digits.chars() {
        let mut carry = digit.to_digit(36).filter(|_| !digit.is_ascii_uppercase())?;
        for byte in number.iter_mut().rev() {
            let value = u32::from(*byte) * 36 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::tests::rng;

    #[test]
    fn tokens_have_dockers_shape() {
        let tokens = new_tokens("a certificate", &mut rng(1));
        for token in [&tokens.worker, &tokens.manager] {
            let parts: Vec<_> = token.split('-').collect();
            assert_eq!(parts[..2], ["SWMTKN", "1"]);
            assert_eq!((parts[2].len(), parts[3].len()), (DIGEST_DIGITS, SECRET_DIGITS));
            assert_eq!(token.len(), 85);
        }
        assert_ne!(tokens.worker, tokens.manager);
    }

    #[test]
    fn base_36_is_that_of_go() {
        // `new(big.Int).SetBytes(..).Text(36)`.
        assert_eq!(to_base36([0xff; 16], 25), "f5lxx1zz5pnorynqglhzmsp33");
        assert_eq!(to_base36([0, 0, 0, 35], 3), "00z");
        assert_eq!(to_base36([0, 0, 0, 36], 3), "010");
    }

    #[test]
    fn a_token_knows_its_authority() {
        let token = new_token("a certificate", &mut rng(1)).parse::<JoinToken>().expect("a token");
        assert_eq!(token.check_authority("a certificate"), Ok(()));
        let refused = token.check_authority("another").expect_err("is another");
        let hex = "81acd762140fa692a142822d2fbe4dc6f54bcaa501f68ab37e5aeed0bafe4d99";
        assert_eq!(
            refused.to_string(),
            format!("remote CA does not match fingerprint. Expected: {hex}")
        );
    }

    #[test]
    fn only_the_secret_lets_in() {
        let tokens = new_tokens("a certificate", &mut rng(1));
        let other = new_tokens("another certificate", &mut rng(1));
        let token = tokens.worker.parse::<JoinToken>().expect("a token");
        assert!(token.has_secret_of(&tokens.worker));
        assert!(token.has_secret_of(&other.worker));
        assert!(!token.has_secret_of(&tokens.manager));
        assert!(!token.has_secret_of(""));
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let good = new_token("a certificate", &mut rng(1));
        let z = "z";
        for bad in [
            "",
            "SWMTKN-1-",
            "SWMTKN-2-abc-def",
            good.trim_end_matches(char::is_alphanumeric),
            &good.to_uppercase(),
            &format!("{good}0"),
            &format!("SWMTKN-1-{}-{}", z.repeat(DIGEST_DIGITS), z.repeat(SECRET_DIGITS)),
        ] {
            assert_eq!(bad.parse::<JoinToken>(), Err(TokenError::Invalid), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn base_36_reads_back(bytes: [u8; 32]) {
            prop_assert_eq!(from_base36(&to_base36(bytes, DIGEST_DIGITS)), Some(bytes));
        }
    }
}
