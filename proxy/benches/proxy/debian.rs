//! The programs that are compared with, from Debian's packages: those that are installed, or unpacked below the folder of what is built.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// nginx, HAProxy, and the libraries that only these need.
const PACKAGES: [&str; 5] =
    ["nginx", "haproxy", "liblua5.3-0", "libopentracing1", "libopentracing-c-wrapper0"];

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    root: PathBuf,
}

impl Programs {
    /// A command of the program.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.root.join("usr/sbin").join(program));
        command.env("LD_LIBRARY_PATH", self.root.join("usr/lib/x86_64-linux-gnu"));
        command
    }

    fn are_there(&self) -> bool {
        ["nginx", "haproxy"].iter().all(|it| self.root.join("usr/sbin").join(it).exists())
    }
}

/// The programs, which are fetched if they are not there.
///
/// # Errors
///
/// When they cannot be had.
pub(crate) fn programs() -> io::Result<Programs> {
    let installed = Programs { root: PathBuf::from("/") };
    if installed.are_there() {
        return Ok(installed);
    }
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).ok_or(io::ErrorKind::NotFound)?;
    let folder = target.join("rivals");
    let unpacked = Programs { root: folder.join("root") };
    if !unpacked.are_there() {
        fetch(&folder, &unpacked.root)?;
    }
    Ok(unpacked)
}

fn fetch(folder: &Path, root: &Path) -> io::Result<()> {
    std::fs::create_dir_all(root)?;
    run(Command::new("apt-get").arg("download").args(PACKAGES).current_dir(folder))?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(path).arg(root))?;
        }
    }
    Ok(())
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("{program} says: {said}")))
}
