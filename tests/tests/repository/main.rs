//! What holds for the repository as a whole: its documents lead somewhere, its dependencies are what `.deny.toml` allows, and its code
//! forms no circles.

// The condition always holds; by it clippy knows that all of this is tests.
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod links;
#[cfg(test)]
mod structure;

use std::path::Path;
use std::path::PathBuf;

/// The top of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
