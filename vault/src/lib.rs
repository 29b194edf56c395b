//! What a node keeps on its disk under a key.
//!
//! - [`Sealer`]: encrypts records, each bound to its place, so that one that was changed, moved or swapped is noticed.
//! - [`SealedWriter`], [`SealedReader`]: the same for whole files, in pieces.
//! - [`Passphrase`]: what seals files that leave the node.
//! - [`Vault`]: the keys themselves, in one file, which the cluster's unlock key locks where autolock is on.
//!
//! This crate knows nothing of what is sealed. Keys are never printed, and are wiped from memory when they are dropped.

mod key;
mod passphrase;
mod seal;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
mod vault;

pub use self::key::Key;
pub use self::passphrase::EmptyPassphrase;
pub use self::passphrase::Passphrase;
pub use self::passphrase::PassphraseError;
pub use self::seal::OpenError;
pub use self::seal::Purpose;
pub use self::seal::SealError;
pub use self::seal::Sealer;
pub use self::stream::SealedReader;
pub use self::stream::SealedWriter;
pub use self::vault::UnlockError;
pub use self::vault::Vault;
pub use self::vault::VaultError;
