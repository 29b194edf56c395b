//! What is tried again.

/// Something went wrong, and is tried again.
#[derive(Debug)]
pub(super) struct TryAgain;
