//! Writes small files so that a power loss leaves either the old content or the new one, never a mixture.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces the content of `path`: once this returns, it is on the disk. Makes the folder if it is not there. `mode` holds from the first byte on.
///
/// # Errors
///
/// When the file system refuses; the old content is then still there.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("new");
    // A leftover of a crash may have other permissions, which `mode` does not change on an existing file.
    remove(&temporary)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// Reads `path`; `None` if it is not there.
///
/// # Errors
///
/// When the file is there and cannot be read.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes `path` if it is there.
///
/// # Errors
///
/// When the file is there and cannot be removed.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn content_is_replaced_whole_and_private_files_are_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/file.key");
        replace(&path, b"a long first content", 0o600).expect("writes");
        fs::write(path.with_extension("new"), b"torn").expect("a leftover of a crash");
        replace(&path, b"short", 0o600).expect("writes over it");
        assert_eq!(read(&path).expect("reads"), Some(b"short".to_vec()));
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        remove(&path).expect("removes");
        remove(&path).expect("is gone already");
        assert_eq!(read(&path).expect("reads"), None);
    }
}
