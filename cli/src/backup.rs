//! Files of backups, for the command that writes one and for the daemon that writes many: where the passphrase comes from, and how
//! a backup gets onto the disk. What is in it is nobody's business here.

use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt;
use swarmlite_vault::Passphrase;
use zeroize::Zeroizing;

/// The passphrase in the file at `path`: its first and only line.
///
/// # Errors
///
/// What is wrong with the file, in a sentence.
pub(crate) fn passphrase_of(path: &Path) -> Result<Passphrase, String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| format!("cannot read the passphrase in {shown}: {error}"))?;
    Passphrase::new(&text).map_err(|error| format!("cannot use {shown}: {error}"))
}

/// Makes `sealed` the file at `path`, for its owner alone. On return it is on the disk; before, there is the old file or none.
///
/// # Errors
///
/// When the disk refuses.
pub(crate) fn write(path: &Path, sealed: &[u8]) -> io::Result<()> {
    let mut file = AtomicWriteFile::options().mode(0o600).preserve_mode(false).open(path)?;
    file.write_all(sealed)?;
    // Flushes the file, renames it, and flushes the folder.
    file.commit()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("swarm.age");
        fs::write(&path, "what was there, for all to read").expect("writes");
        write(&path, b"sealed").expect("writes");
        assert_eq!(fs::read(&path).expect("reads"), b"sealed");
        assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left");
        write(&folder.path().join("missing/swarm.age"), b"sealed").expect_err("has no folder");
    }

    #[test]
    fn a_passphrase_is_the_line_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("passphrase");
        let shown = path.display();
        let error = passphrase_of(&path).expect_err("is not there");
        assert!(error.starts_with(&format!("cannot read the passphrase in {shown}: ")), "{error}");
        fs::write(&path, "\n").expect("writes");
        let error = passphrase_of(&path).expect_err("is empty");
        assert_eq!(error, format!("cannot use {shown}: the passphrase is empty"));
        fs::write(&path, "two words\n").expect("writes");
        passphrase_of(&path).expect("is one");
    }
}
