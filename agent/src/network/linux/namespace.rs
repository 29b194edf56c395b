//! Network namespaces as files, and threads inside them.

use std::ffi::CString;
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use nix::mount::MntFlags;
use nix::mount::MsFlags;
use nix::mount::mount;
use nix::mount::umount2;
use nix::sched::CloneFlags;
use nix::sched::setns;
use nix::sched::unshare;
use nix::unistd::gettid;
use rtnetlink::Handle;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::network::error::KernelError;
use crate::network::netns::Netns;
use crate::network::netns::SandboxName;

/// A visit to a namespace: a netlink socket in it.
pub(super) struct Session {
    /// The socket.
    pub(super) netlink: Handle,
    /// Which namespace.
    pub(super) netns: Netns,
}

impl Session {
    /// Says of what request an answer is.
    pub(super) fn refused(
        &self,
        what: impl Into<String>,
    ) -> impl FnOnce(rtnetlink::Error) -> KernelError {
        let (what, netns) = (what.into(), self.netns.clone());
        move |source| KernelError::Netlink { what, netns, source: Box::new(source) }
    }
}

/// Runs `work` on a thread of its own that is inside the namespace `path`. Sockets that it makes stay in the namespace.
///
/// # Errors
/// If there is no such namespace or it cannot be entered.
pub async fn run_inside<T, F>(path: PathBuf, work: F) -> Result<T, KernelError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let namespace = open(&path)?;
    on_thread(&path, move |path| {
        setns(&namespace, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| failed("enter", path, errno.into()))?;
        Ok(work())
    })
    .await
}

/// Runs asynchronous work inside the namespace `path`, with a netlink socket.
pub(super) async fn inside<T, F>(path: PathBuf, netns: Netns, work: F) -> Result<T, KernelError>
where
    T: Send + 'static,
    F: AsyncFnOnce(&Session) -> T + Send + 'static,
{
    run_inside(path, move || {
        let socket = |source| KernelError::Socket { netns: netns.clone(), source };
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(socket)?;
        runtime.block_on(async {
            let (connection, netlink, _) = rtnetlink::new_connection().map_err(socket)?;
            tokio::spawn(connection);
            Ok(work(&Session { netlink, netns: netns.clone() }).await)
        })
    })
    .await?
}

/// Makes a namespace and keeps it by mounting it on a new file.
pub(super) async fn create(path: PathBuf) -> Result<(), KernelError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|source| failed("make the folder of", &path, source))?;
    File::create(&path).map_err(|source| failed("make", &path, source))?;
    let made = on_thread(&path, |path| {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| failed("make", path, errno.into()))?;
        let own = format!("/proc/self/task/{}/ns/net", gettid());
        mount(Some(own.as_str()), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .map_err(|errno| failed("keep", path, errno.into()))
    })
    .await;
    if made.is_err() {
        // Otherwise the empty file would be taken for a namespace.
        let _ = fs::remove_file(&path);
    }
    made
}

/// Removes a namespace's file, and with it the namespace once nothing uses it.
pub(super) fn remove(path: &Path) -> Result<(), KernelError> {
    // A file that is no mount (`EINVAL`) was left by a reboot: only the file has to go.
    match umount2(path, MntFlags::MNT_DETACH) {
        Ok(()) | Err(nix::Error::EINVAL) => {}
        Err(errno) => return Err(failed("unmount", path, errno.into())),
    }
    fs::remove_file(path).map_err(|source| failed("remove", path, source))
}

/// The sandboxes in a folder. Files left by a reboot, which wipes mounts but not files, are removed on the way.
pub(super) fn list(folder: &Path) -> Result<Vec<SandboxName>, KernelError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", folder, source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| failed("list", folder, source))?;
        let Some(name) = entry.file_name().to_str().and_then(SandboxName::from_file_name) else {
            continue;
        };
        if is_namespace(&entry.path())? {
            names.push(name);
        } else {
            fs::remove_file(entry.path())
                .map_err(|source| failed("remove", &entry.path(), source))?;
        }
    }
    Ok(names)
}

/// Opens a namespace.
pub(super) fn open(path: &Path) -> Result<File, KernelError> {
    File::open(path).map_err(|source| failed("open", path, source))
}

/// Whether a file is a namespace rather than an ordinary file.
fn is_namespace(path: &Path) -> Result<bool, KernelError> {
    let statistics = CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|error| failed("look at", path, error.into()))
        .and_then(|path_text| {
            nix::sys::statfs::statfs(path_text.as_c_str())
                .map_err(|errno| failed("look at", path, errno.into()))
        })?;
    Ok(statistics.filesystem_type() == nix::sys::statfs::NSFS_MAGIC)
}

/// Runs `work` on a thread of its own, as namespaces belong to threads.
async fn on_thread<T, F>(path: &Path, work: F) -> Result<T, KernelError>
where
    T: Send + 'static,
    F: FnOnce(&Path) -> Result<T, KernelError> + Send + 'static,
{
    let (send, receive) = oneshot::channel();
    let owned = path.to_owned();
    thread::Builder::new()
        .name("netns".to_owned())
        .spawn(move || {
            // Nobody waits any more if the receiver is gone.
            let _ = send.send(work(&owned));
        })
        .map_err(|source| failed("start a thread for", path, source))?;
    let lost = |_| failed("finish the work in", path, io::ErrorKind::BrokenPipe.into());
    receive.await.map_err(lost)?
}

/// An error of work in, or on the way to, a namespace.
pub(super) fn failed(what: &'static str, path: &Path, source: io::Error) -> KernelError {
    KernelError::Namespace { what, path: path.to_owned(), source }
}
