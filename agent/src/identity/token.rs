//! Join tokens: `SWMTKN-1-<digest>-<secret>`. The digest is the SHA-256 of the certificate of the cluster's authority as PEM, in base 36
//! padded to 50 digits (swarmkit `ca/config.go`). The secret is for the manager to judge.

use std::str::FromStr;

use sha2::Digest;
use sha2::Sha256;

/// Digits of the digest: enough base-36 digits for 256 bits.
const DIGEST_DIGITS: usize = 50;

/// Digits of the secret: enough base-36 digits for 128 bits.
const SECRET_DIGITS: usize = 25;

/// The text is not a join token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid join token")]
pub struct InvalidToken;

/// What a machine that joins has to know from its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JoinToken {
    digest: [u8; 32],
}

impl JoinToken {
    /// Whether `root_ca` is the certificate that the token names.
    #[must_use]
    pub(crate) fn matches(&self, root_ca: &str) -> bool {
        Sha256::digest(root_ca.as_bytes()).as_slice() == self.digest
    }

    /// The digest in hexadecimal, as messages show it.
    #[must_use]
    pub(crate) fn digest_hex(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for JoinToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let rest = text.strip_prefix("SWMTKN-1-").ok_or(InvalidToken)?;
        let (digest, secret) = rest.split_once('-').ok_or(InvalidToken)?;
        let sizes = digest.len() == DIGEST_DIGITS && secret.len() == SECRET_DIGITS;
        if !sizes || !secret.chars().all(|digit| base36(digit).is_some()) {
            return Err(InvalidToken);
        }
        digest_of(digest).map(|digest| Self { digest }).ok_or(InvalidToken)
    }
}

/// Reads a number of 256 bits; `None` if it has other digits or does not fit.
fn digest_of(text: &str) -> Option<[u8; 32]> {
    let mut number = [0u8; 32];
    for digit in text.chars() {
        let mut carry = base36(digit)?;
        for byte in number.iter_mut().rev() {
            let [high, low] = (u16::from(*byte) * 36 + carry).to_be_bytes();
            (*byte, carry) = (low, u16::from(high));
        }
        if carry > 0 {
            return None;
        }
    }
    Some(number)
}

fn base36(digit: char) -> Option<u16> {
    // Only lower case: a token is copied, not typed, and Docker refuses others too.
    let value = digit.to_digit(36).filter(|_| !digit.is_ascii_uppercase())?;
    u16::try_from(value).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The token of a cluster whose authority has the certificate `root_ca`.
    pub(crate) fn token_for(root_ca: &str) -> String {
        let mut number: Vec<u8> = Sha256::digest(root_ca.as_bytes()).to_vec();
        let mut digits = Vec::new();
        for _ in 0..DIGEST_DIGITS {
            let mut rest = 0u32;
            for byte in &mut number {
                let value = (rest << 8) | u32::from(*byte);
                *byte = u8::try_from(value / 36).expect("fits");
                rest = value % 36;
            }
            digits.push(char::from_digit(rest, 36).expect("a digit"));
        }
        let digest: String = digits.into_iter().rev().collect();
        format!("SWMTKN-1-{digest}-{}", "s".repeat(SECRET_DIGITS))
    }

    #[test]
    fn a_token_names_one_certificate() {
        for root_ca in ["one", "two", ""] {
            let token: JoinToken = token_for(root_ca).parse().expect("a token");
            assert!(token.matches(root_ca));
            assert!(!token.matches("three"));
        }
        let token: JoinToken = token_for("").parse().expect("a token");
        // The SHA-256 of nothing (FIPS 180-4 examples).
        assert!(token.digest_hex().starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let good = token_for("x");
        let too_great = format!("SWMTKN-1-{}-{}", "z".repeat(50), "s".repeat(25));
        for text in [
            "",
            "SWMTKN-1",
            "hello",
            &good[..good.len() - 1],
            &format!("{good}x"),
            &good.to_uppercase(),
            &good.replace("SWMTKN-1", "SWMTKN-2"),
            &too_great,
        ] {
            assert_eq!(text.parse::<JoinToken>(), Err(InvalidToken), "{text:?}");
        }
    }
}
