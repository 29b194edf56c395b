//! The file that the access log goes to: in the state directory of the node, and never larger than it may be, so that it can be turned on everywhere.
//!
//! It is opened anew for each write, so that it may be moved away at any time.

use std::convert::Infallible;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use swarmlite_proto::error::chain;
use swarmlite_proxy::Lines;
use tokio::task::spawn_blocking;

/// Its name. Older ones end in `.1` to `.N`, the newest first.
const NAME: &str = "http-access.log";

/// The size in bytes at which another one is begun.
const MAX_SIZE: u64 = 64 << 20;

/// How many older ones are kept.
const KEPT: u32 = 4;

/// Where the access log goes.
#[derive(Clone, Debug)]
pub(crate) struct AccessFile {
    folder: PathBuf,
    max_size: u64,
}

impl AccessFile {
    /// In the state directory of a node.
    pub(crate) fn below(state_dir: &Path) -> Self {
        Self { folder: state_dir.to_owned(), max_size: MAX_SIZE }
    }

    /// Writes whatever is added to `lines`.
    pub(super) async fn write_always(&self, lines: &Lines) -> Infallible {
        let mut failed = false;
        loop {
            let next = lines.next().await;
            failed = self.note(next, lines, failed).await;
        }
    }

    /// Writes what is left.
    pub(super) async fn write_rest(&self, lines: &Lines) {
        let rest = lines.take();
        if !rest.is_empty() {
            self.note(rest, lines, false).await;
        }
    }

    /// Whether that has failed, as the time before if `failed`.
    async fn note(&self, text: Vec<u8>, lines: &Lines, failed: bool) -> bool {
        let count = text.iter().filter(|byte| **byte == b'\n').count();
        let file = self.clone();
        let written = spawn_blocking(move || file.append(&text)).await;
        let Err(error) = written.map_err(io::Error::other).flatten() else { return false };
        lines.lose(u64::try_from(count).unwrap_or(u64::MAX));
        if !failed {
            let file = self.path(0);
            tracing::error!(file = %file.display(), error = chain(&error), "cannot write the access log");
        }
        true
    }

    fn append(&self, text: &[u8]) -> io::Result<()> {
        let mut file = open(&self.path(0))?;
        let size = file.metadata()?.len();
        if size > 0 && size + u64::try_from(text.len()).unwrap_or(u64::MAX) > self.max_size {
            self.rotate()?;
            file = open(&self.path(0))?;
        }
        file.write_all(text)
    }

    fn rotate(&self) -> io::Result<()> {
        for age in (0..KEPT).rev() {
            match fs::rename(self.path(age), self.path(age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, age: u32) -> PathBuf {
        match age {
            0 => self.folder.join(NAME),
            age => self.folder.join(format!("{NAME}.{age}")),
        }
    }
}

/// For root alone: it says what people have looked at.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &AccessFile, age: u32) -> Option<String> {
        fs::read_to_string(file.path(age)).ok()
    }

    #[test]
    fn it_stays_as_small_as_it_is_to_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AccessFile { max_size: 8, ..AccessFile::below(folder.path()) };
        for text in ["a\n", "b\n", "too long for it\n", "c\n", "12345\n", "d\n", "1234567\n"] {
            file.append(text.as_bytes()).expect("writes");
        }
        let found: Vec<_> = (0..=KEPT + 1).map(|age| read(&file, age)).collect();
        let is = |text: &str| Some(text.to_owned());
        let expected = [
            is("1234567\n"),
            is("d\n"),
            is("c\n12345\n"),
            is("too long for it\n"),
            is("a\nb\n"),
            None,
        ];
        assert_eq!(found, expected);
        file.append(b"1234567\n").expect("writes");
        assert_eq!(read(&file, KEPT), is("too long for it\n"), "the oldest is gone");
    }

    #[tokio::test]
    async fn a_file_that_was_moved_away_is_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AccessFile::below(folder.path());
        file.append(b"a\n").expect("writes");
        fs::rename(file.path(0), folder.path().join("away")).expect("moves");
        file.append(b"b\n").expect("writes");
        assert_eq!(read(&file, 0).as_deref(), Some("b\n"));
    }

    #[tokio::test]
    async fn lines_that_cannot_be_written_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AccessFile::below(&folder.path().join("none"));
        let lines = Lines::default();
        assert!(file.note(b"a\nb\n".to_vec(), &lines, false).await);
        assert_eq!(lines.dropped(), 2);
        fs::create_dir(folder.path().join("none")).expect("a folder");
        assert!(!file.note(b"c\n".to_vec(), &lines, true).await);
        assert_eq!((read(&file, 0).as_deref(), lines.dropped()), (Some("c\n"), 2));
    }
}
