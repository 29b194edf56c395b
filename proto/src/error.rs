//! Refusals that a user gets to see, and what is said of errors.

use serde::Deserialize;
use serde::Serialize;

/// What kind of refusal it is. Only the API layer knows which HTTP status each becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The request is wrong in itself, or cannot be met in the present state.
    InvalidArgument,
    /// What it names is not there.
    NotFound,
    /// What it would make is there already.
    Conflict,
    /// The caller is not who it must be.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// swarmlite does not do this.
    NotImplemented,
    /// This node cannot answer now.
    Unavailable,
    /// Anything else. Docker answers 500 for errors without a type, a version mismatch among them.
    Unknown,
}

/// A refusal: a class and one clear sentence, in Docker's words where Docker has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Error {
    /// The class of refusal.
    pub kind: ErrorKind,
    /// The sentence for the user.
    pub message: String,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {$(
            $(#[$doc])*
            pub fn $name(message: impl Into<String>) -> Self {
                Self { kind: ErrorKind::$kind, message: message.into() }
            }
        )*}
    };
}

constructors! {
    /// An [`ErrorKind::InvalidArgument`].
    invalid => InvalidArgument;
    /// An [`ErrorKind::NotFound`].
    not_found => NotFound;
    /// An [`ErrorKind::Conflict`].
    conflict => Conflict;
    /// An [`ErrorKind::Unauthenticated`].
    unauthenticated => Unauthenticated;
    /// An [`ErrorKind::PermissionDenied`].
    denied => PermissionDenied;
    /// An [`ErrorKind::NotImplemented`].
    not_implemented => NotImplemented;
    /// An [`ErrorKind::Unavailable`].
    unavailable => Unavailable;
    /// An [`ErrorKind::Unknown`].
    unknown => Unknown;
}

/// Shorthand for a result whose error the user gets to see.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error says, with all its causes: for logs, and for whoever has only one line for it.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
