//! The Unix socket that the API is served on.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::path::Path;
use std::path::PathBuf;

use axum::Router;
use tokio::fs;
use tokio::net::UnixListener;
use tokio::net::UnixStream;

use crate::caller::Caller;

/// The groups that may use the socket, the first that exists; as with Docker's own socket.
const GROUPS: [&str; 2] = ["swarmlite", "docker"];

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon is using it.
    #[error("another daemon already listens on {}", .path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The system refused one step.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The step.
        action: &'static str,
        /// The socket, or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes the socket at `path`, its folder included. A socket that a dead daemon left is replaced.
///
/// # Errors
///
/// When somebody listens on it, or the system refuses.
pub async fn bind(path: &Path) -> Result<UnixListener, BindError> {
    let step = |action, path: &Path| {
        let path = path.to_owned();
        move |source| BindError::Io { action, path, source }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.map_err(step("create the folder", folder))?;
    }
    if UnixStream::connect(path).await.is_ok() {
        return Err(BindError::InUse { path: path.to_owned() });
    }
    match fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(step("remove the old socket", path)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(step("listen on", path))?;
    if let Some(group) = group_id().await {
        match chown(path, None, Some(group)) {
            // Who is neither root nor in the group cannot give it away: the socket is then for this user alone.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!(path = %path.display(), group, "cannot give the socket to its group");
            }
            given => given.map_err(step("set the group of", path))?,
        }
    }
    let mode = std::fs::Permissions::from_mode(0o660);
    fs::set_permissions(path, mode).await.map_err(step("set the mode of", path))?;
    Ok(listener)
}

/// Serves `router` on `listener`, for as long as the returned future is polled.
///
/// # Errors
///
/// Never, as yet: failures of single connections concern only these.
pub async fn serve(listener: UnixListener, router: Router) -> io::Result<()> {
    axum::serve(listener, router.into_make_service_with_connect_info::<Caller>()).await
}

async fn group_id() -> Option<u32> {
    let groups = fs::read_to_string("/etc/group").await.ok()?;
    GROUPS.iter().find_map(|name| find_group(&groups, name))
}

/// The number of a group, from the text of `/etc/group`.
fn find_group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run/swarmlite.sock");
        let listener = bind(&path).await.expect("binds");
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(matches!(bind(&path).await, Err(BindError::InUse { .. })));
        drop(listener);
        bind(&path).await.expect("replaces what is left of the first");
    }

    #[test]
    fn groups_are_found_by_name() {
        let groups = "root:x:0:\ndocker:x:998:me\nbroken\n";
        assert_eq!(find_group(groups, "docker"), Some(998));
        assert_eq!(find_group(groups, "dock"), None);
        assert_eq!(find_group(groups, "broken"), None);
    }
}
