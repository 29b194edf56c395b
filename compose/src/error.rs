//! What is wrong with a Compose file, in docker's words where it has some.

use std::io;
use std::path::PathBuf;

/// Why no stack can be made of some Compose files.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The text is no YAML, or not of one mapping.
    #[error("{}: {problem}", file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A place in the tree holds what cannot be there.
    #[error("{path} {problem}")]
    Invalid {
        /// The place, as `services.web.deploy.replicas`.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that is named cannot be read.
    #[error("{path}: cannot read {}: {source}", file.display())]
    Read {
        /// The place that names it.
        path: String,
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Options that mean something which services of a swarm do not have.
    #[error("Compose file contains unsupported options:\n\n{0}\n")]
    Forbidden(String),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Refused(String),
}

impl ComposeError {
    /// Something is wrong at a place.
    pub(super) fn invalid(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { path: path.into(), problem: problem.into() }
    }
}

/// Shorthand.
pub(super) type Result<T, E = ComposeError> = std::result::Result<T, E>;
