//! The identity of the node on disk, in Docker's files: `certificates/swarm-{root-ca.crt,node.crt,node.key}` in the state folder.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use swarmlite_proto::identity::Identity;
use swarmlite_rpc::tls;
use swarmlite_rpc::tls::PeerError;

use crate::disk;

const FOLDER: &str = "certificates";
const ROOT_CA: &str = "swarm-root-ca.crt";
const CERTIFICATE: &str = "swarm-node.crt";
const KEY: &str = "swarm-node.key";

/// The identity cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be written or read.
    #[error("cannot access {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is missing beside others, or is not text.
    #[error("{} is missing or damaged", .0.display())]
    Damaged(PathBuf),
    /// The certificate does not say who the node is.
    #[error("cannot use the certificate of the node")]
    Certificate(#[from] PeerError),
}

/// Keeps `identity` in `state_dir`. The certificate comes last: without it there is no identity, so that a crash in between leaves none.
///
/// # Errors
///
/// When a file cannot be written.
pub fn save(state_dir: &Path, identity: &Identity) -> Result<(), StoreError> {
    write(state_dir, ROOT_CA, &identity.root_ca, 0o644)?;
    write(state_dir, KEY, &identity.key, 0o600)?;
    write(state_dir, CERTIFICATE, &identity.certificate, 0o644)
}

/// The identity kept in `state_dir`; `None` if the machine is not a node.
///
/// # Errors
///
/// When a file cannot be read, or the files do not make an identity.
pub fn load(state_dir: &Path) -> Result<Option<Identity>, StoreError> {
    let Some(certificate) = read(state_dir, CERTIFICATE)? else { return Ok(None) };
    let missing = |name| StoreError::Damaged(path(state_dir, name));
    let peer = tls::peer_of_pem(&certificate)?;
    Ok(Some(Identity {
        node_id: peer.node_id,
        cluster_id: peer.cluster_id,
        role: peer.role,
        certificate,
        key: read(state_dir, KEY)?.ok_or_else(|| missing(KEY))?,
        root_ca: read(state_dir, ROOT_CA)?.ok_or_else(|| missing(ROOT_CA))?,
    }))
}

/// Forgets the identity kept in `state_dir`, the certificate first.
///
/// # Errors
///
/// When a file cannot be removed.
pub fn remove(state_dir: &Path) -> Result<(), StoreError> {
    [CERTIFICATE, KEY, ROOT_CA].into_iter().try_for_each(|name| {
        let path = path(state_dir, name);
        disk::remove(&path).map_err(|source| StoreError::Io { path, source })
    })
}

fn path(state_dir: &Path, name: &str) -> PathBuf {
    state_dir.join(FOLDER).join(name)
}

fn write(state_dir: &Path, name: &str, text: &str, mode: u32) -> Result<(), StoreError> {
    let path = path(state_dir, name);
    disk::replace(&path, text.as_bytes(), mode).map_err(|source| StoreError::Io { path, source })
}

fn read(state_dir: &Path, name: &str) -> Result<Option<String>, StoreError> {
    let path = path(state_dir, name);
    match disk::read(&path) {
        Ok(None) => Ok(None),
        Ok(Some(content)) => {
            String::from_utf8(content).map(Some).map_err(|_not_text| StoreError::Damaged(path))
        }
        Err(source) => Err(StoreError::Io { path, source }),
    }
}
