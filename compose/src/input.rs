//! What goes into a project: texts, and the environment and folder that they are read in.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Files that Compose files name.
pub trait Files {
    /// What is in a file.
    ///
    /// # Errors
    ///
    /// As reading fails; `NotFound` is no error where a file is optional.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// One Compose file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is, for messages and for `extends` from itself.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// What is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The files; later ones go before earlier ones.
    pub sources: &'a [Source],
    /// What relative paths start from: an absolute path.
    pub directory: &'a Path,
    /// The user's environment.
    pub environment: &'a BTreeMap<String, String>,
    /// Profiles whose services are wanted, beside those in `COMPOSE_PROFILES`.
    pub profiles: &'a [String],
    /// Whether variables are substituted.
    pub interpolate: bool,
}
