//! Why a file was not made.

use std::io;
use std::path::PathBuf;

use crate::task::template::TemplateError;

/// A file was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// The node has not been told what is in it. It will be, once a manager answers.
    #[error("{kind} {name} has not come from the managers yet")]
    Missing {
        /// `secret` or `config`.
        kind: &'static str,
        name: String,
    },
    /// A placeholder in it means nothing.
    #[error("{kind} {name}")]
    Template {
        /// `secret` or `config`.
        kind: &'static str,
        name: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// Its owner is no number.
    #[error("invalid owner {uid:?}:{gid:?} of {target}")]
    Owner {
        /// Where the container would have it.
        target: String,
        /// The user.
        uid: String,
        /// The group.
        gid: String,
    },
    /// The file system refuses.
    #[error("cannot write {}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
