//! Refusals that a user gets to see, and what is said of errors.
//!
//! Their sentences are for people. Whoever acts on a refusal goes by its class and its [`Reason`], and never by the sentence.

use std::str::FromStr;

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

/// The header of a refusal over HTTP that says its [`Reason`]. Clients of Docker's do not look at it.
pub const REASON_HEADER: &str = "swarmlite-reason";

/// What those go by who have been refused, where the class does not tell enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A write was computed from an object that has changed since. It is to be computed anew.
    OutOfSequence,
    /// There is no leader, or none has answered.
    NoLeader,
    /// A manager that is starting takes no calls yet.
    Starting,
    /// Of secrets and configs only the labels ever change.
    LabelsOnly,
    /// A machine has several addresses, or none, and nobody has said which one to use.
    NoAddressChosen,
    /// A newer version has refused for a reason that this one does not know.
    #[serde(other)]
    Unknown,
}

impl Reason {
    const KNOWN: [Self; 5] = [
        Self::OutOfSequence,
        Self::NoLeader,
        Self::Starting,
        Self::LabelsOnly,
        Self::NoAddressChosen,
    ];

    /// The word for it in [`REASON_HEADER`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfSequence => "out-of-sequence",
            Self::NoLeader => "no-leader",
            Self::Starting => "starting",
            Self::LabelsOnly => "labels-only",
            Self::NoAddressChosen => "no-address-chosen",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Reason {
    type Err = std::convert::Infallible;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::KNOWN.into_iter().find(|reason| reason.as_str() == word);
        Ok(known.unwrap_or(Self::Unknown))
    }
}

/// A refusal: a class and one clear sentence, in Docker's words where Docker has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Error {
    /// The class of refusal.
    pub kind: ErrorKind,
    /// The sentence for the user.
    pub message: String,
    /// What a caller goes by, if there is something for it to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Error {
    /// The same, for a reason that callers act on.
    #[must_use]
    pub fn because(self, reason: Reason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Whether it was refused for this reason.
    #[must_use]
    pub fn is(&self, reason: Reason) -> bool {
        self.reason == Some(reason)
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {$(
            $(#[$doc])*
            pub fn $name(message: impl Into<String>) -> Self {
                Self { kind: ErrorKind::$kind, message: message.into(), reason: None }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messagepack;

    #[test]
    fn a_reason_reaches_those_who_know_it_and_hurts_nobody_else() {
        let refused = Error::unknown("too late").because(Reason::OutOfSequence);
        let sent = serde_json::to_string(&refused).expect("JSON");
        assert_eq!(sent, r#"{"kind":"Unknown","message":"too late","reason":"out-of-sequence"}"#);
        assert_eq!(serde_json::from_str::<Error>(&sent).expect("reads"), refused);
        let packed = messagepack::encode(&refused).expect("encodes");
        assert_eq!(messagepack::decode::<Error>(&packed).expect("decodes"), refused);

        let before = r#"{"kind":"Unknown","message":"too late"}"#;
        assert_eq!(
            serde_json::from_str::<Error>(before).expect("reads"),
            Error::unknown("too late")
        );
        let later = sent.replace("out-of-sequence", "moon-is-full");
        let read: Error = serde_json::from_str(&later).expect("reads");
        assert_eq!(read.reason, Some(Reason::Unknown));
    }

    #[test]
    fn a_reason_is_one_word_wherever_it_is_written() {
        for reason in Reason::KNOWN {
            let word = serde_json::to_string(&reason).expect("JSON");
            assert_eq!(word, format!("\"{}\"", reason.as_str()));
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!("moon-is-full".parse(), Ok(Reason::Unknown));
    }
}
