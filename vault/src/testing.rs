//! Keys for tests.

use crate::key::Key;
use crate::seal::Sealer;

/// A sealer with the keys of these numbers, which are the same ones every time.
#[must_use]
pub fn sealer(numbers: &[u32]) -> Sealer {
    Sealer::new(numbers.iter().map(|number| (*number, Key::for_tests(*number))).collect())
}
