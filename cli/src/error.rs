//! What a command can fail with, in the words the user reads.
//!
//! These are the last words on any failure, so they are whole sentences, and Docker's where Docker has them.

use std::io;

use swarmlite_compose::ComposeError;
use swarmlite_proto::error::Reason;

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template parsing error: {0}")]
pub(crate) struct TemplateError(pub(crate) String);

impl TemplateError {
    /// What the template should print cannot be read.
    pub(crate) fn unreadable(error: &serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The daemon refused.
    #[error("Error response from daemon: {message}")]
    Daemon {
        /// The HTTP status of the refusal.
        status: u16,
        /// The daemon's own sentence.
        message: String,
        /// What to go by, if there is something to do about it.
        reason: Option<Reason>,
    },
    /// Nothing listens on the socket.
    #[error(
        "Cannot connect to swarmlite at {host}. Start it with: sudo systemctl start swarmlite (or: sudo swarmlite daemon)"
    )]
    NotRunning {
        /// The socket, as a URL.
        host: String,
    },
    /// The socket is there, and this user may not use it.
    #[error(
        "Permission denied on the swarmlite socket {host}. Run the command with sudo, or as a member of the socket's group"
    )]
    Denied {
        /// The socket, as a URL.
        host: String,
    },
    /// The connection broke, or what came over it is not HTTP.
    #[error("The connection to swarmlite at {host} failed: {}", innermost(source))]
    Transport {
        /// The socket, as a URL.
        host: String,
        /// What happened. The innermost cause is part of the sentence: the outer ones only say that a request failed.
        source: reqwest::Error,
    },
    /// The daemon answered with something else than the Docker API prescribes.
    #[error("The answer of swarmlite to {request} is not what the Docker API prescribes: {source}")]
    Answer {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What was asked for makes no sense, found out without the daemon.
    #[error("{0}")]
    Refused(String),
    /// Compose files make no sense.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// A `--format` cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Standard output is gone.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The daemon ended with an error.
    #[error("{0:#}")]
    DaemonRun(anyhow::Error),
}

impl Error {
    /// A refusal of the client's own.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// Whether the reader of our output went away, as `head` does: nothing to complain about.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The same, with the option that helps where the daemon cannot tell which of its addresses to use.
    pub(crate) fn with_address_option(self) -> Self {
        match self {
            Self::Daemon { status, message, reason: reason @ Some(Reason::NoAddressChosen) } => {
                let message = format!("{message} - specify one with --advertise-addr");
                Self::Daemon { status, message, reason }
            }
            other => other,
        }
    }

    /// Whether the daemon does not know what was named.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Daemon { status: 404, .. })
    }

    /// Whether the daemon refused for this reason.
    pub(crate) fn is(&self, wanted: Reason) -> bool {
        matches!(self, Self::Daemon { reason: Some(reason), .. } if *reason == wanted)
    }
}

/// The cause that started a chain of errors.
fn innermost(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Shorthand for the result of a command.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
