//! A file system in memory, for what must never be on a disk.
//!
//! It outlives the daemon, as containers have its files mounted, and goes with the machine.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::MntFlags;
use nix::mount::MsFlags;
use nix::mount::mount;
use nix::mount::umount2;

/// The most it holds, in bytes: a limit for what goes wrong, not set aside. More than a hundred secrets of the greatest size.
const SIZE: u32 = 64 * 1024 * 1024;

/// Mounts one on `folder`, for root only, unless there is one.
///
/// # Errors
///
/// When the kernel refuses.
pub(crate) fn mount_on(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if is_mounted(folder)? {
        return Ok(());
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let options = format!("size={SIZE},mode=0700");
    let mount =
        |options: &str| mount(Some("swarmlite"), folder, Some("tmpfs"), flags, Some(options));
    // Swap is a disk, too. Kernels before 6.4 do not know this option.
    match mount(&format!("{options},noswap")) {
        Err(Errno::EINVAL) => Ok(mount(&options)?),
        other => Ok(other?),
    }
}

/// Takes it away, with all that is in it, if it is there.
///
/// # Errors
///
/// When the kernel refuses.
pub(crate) fn unmount(folder: &Path) -> io::Result<()> {
    if folder.exists() && is_mounted(folder)? {
        umount2(folder, MntFlags::MNT_DETACH)?;
    }
    Ok(())
}

/// Whether something is mounted on `folder`: it is on another device than the folder that it is in.
fn is_mounted(folder: &Path) -> io::Result<bool> {
    let parent = folder.parent().unwrap_or(Path::new("/"));
    Ok(folder.metadata()?.dev() != parent.metadata()?.dev())
}
