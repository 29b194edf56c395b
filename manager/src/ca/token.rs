//! Join tokens, in Docker's form: `SWMTKN-1-<digest of the authority>-<secret>` (swarmkit `ca/config.go`).
//!
//! The digest tells a new machine which cluster it talks to, the secret tells the cluster that the machine may come in.

use rand::CryptoRng;
use rand::RngExt;
use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::spec::NodeRole;

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

/// New tokens for the cluster of `root_ca`, PEM.
pub fn new_tokens(root_ca: &str, rng: &mut impl CryptoRng) -> JoinTokens {
    JoinTokens { worker: new_token(root_ca, rng), manager: new_token(root_ca, rng) }
}

/// One new token for the cluster of `root_ca`, PEM.
pub fn new_token(root_ca: &str, rng: &mut impl CryptoRng) -> String {
    let digest = to_base36(digest(root_ca), DIGEST_DIGITS);
    let secret = to_base36(rng.random::<[u8; SECRET_BYTES]>(), SECRET_DIGITS);
    format!("{PREFIX}{digest}-{secret}")
}

/// The role that a machine gets for `token`, if it is one of the `valid` ones. Only the secret counts: the digest is for the machine, and
/// a token stays good when it does not match. How long this takes tells nothing about the secrets.
pub(super) fn role_for(token: &str, valid: &JoinTokens) -> Option<NodeRole> {
    let offered = secret(token)?;
    let is = |token: &str| secret(token).is_some_and(|valid| valid.ct_eq(offered).into());
    match (is(&valid.manager), is(&valid.worker)) {
        (true, _) => Some(NodeRole::Manager),
        (false, true) => Some(NodeRole::Worker),
        (false, false) => None,
    }
}

/// The secret part of a token; `None` when the text does not have the form of one.
fn secret(token: &str) -> Option<&[u8]> {
    let (digest, secret) = token.strip_prefix(PREFIX)?.split_once('-')?;
    let sizes = digest.len() == DIGEST_DIGITS && secret.len() == SECRET_DIGITS;
    sizes.then_some(secret.as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::fixture::rng;

    #[test]
    fn tokens_have_dockers_shape() {
        let tokens = new_tokens("a certificate", &mut rng(1));
        for token in [&tokens.worker, &tokens.manager] {
            let parts: Vec<_> = token.split('-').collect();
            assert_eq!(parts[..2], ["SWMTKN", "1"]);
            assert_eq!((parts[2].len(), parts[3].len()), (DIGEST_DIGITS, SECRET_DIGITS));
        }
        assert_ne!(tokens.worker, tokens.manager);
    }

    #[test]
    fn the_digest_is_that_of_the_text() {
        let token = new_token("a certificate", &mut rng(1));
        // `python3 -c`: `int(sha256(b"a certificate").hexdigest(), 16)` in base 36, padded to 50 digits.
        let digest = "38cottf1rp66ziaxg0nrkb3am36tq41339zk0kzvs0qvg9xndl";
        assert!(token.starts_with(&format!("SWMTKN-1-{digest}-")), "{token}");
    }

    #[test]
    fn base_36_is_that_of_go() {
        // `new(big.Int).SetBytes(..).Text(36)`.
        assert_eq!(to_base36([0xff; 16], 25), "f5lxx1zz5pnorynqglhzmsp33");
        assert_eq!(to_base36([0, 0, 0, 35], 3), "00z");
        assert_eq!(to_base36([0, 0, 0, 36], 3), "010");
    }

    #[test]
    fn only_the_secret_lets_in() {
        let tokens = new_tokens("a certificate", &mut rng(1));
        let rotated = new_tokens("another certificate", &mut rng(1));
        assert_eq!(role_for(&tokens.worker, &tokens), Some(NodeRole::Worker));
        assert_eq!(role_for(&tokens.manager, &tokens), Some(NodeRole::Manager));
        assert_eq!(role_for(&rotated.manager, &tokens), Some(NodeRole::Manager));
        let other = new_tokens("a certificate", &mut rng(2));
        for refused in [&*other.worker, &*other.manager, "", "SWMTKN-1-", &tokens.worker[..84]] {
            assert_eq!(role_for(refused, &tokens), None, "{refused}");
        }
        let empty = "SWMTKN-1-x-";
        let unset = JoinTokens { worker: empty.to_owned(), manager: String::new() };
        assert_eq!((role_for(empty, &unset), role_for("", &unset)), (None, None));
    }
}
