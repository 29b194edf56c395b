//! The identity of the node on disk, in Docker's files: `certificates/swarm-{root-ca.crt,node.crt,node.key}` in the state folder.
//!
//! With autolock the key of a manager is sealed: without the cluster's unlock key nobody can be that manager.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_rpc::tls;
use swarmlite_rpc::tls::PeerError;
use swarmlite_vault::OpenError;
use swarmlite_vault::Vault;
use swarmlite_vault::VaultError;

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
    /// The key cannot be sealed.
    #[error("cannot seal the key of the node")]
    Seal(#[from] VaultError),
    /// The key is sealed, and cannot be opened.
    #[error("cannot open the key of the node")]
    Open(#[from] OpenError),
    /// The certificate does not say who the node is.
    #[error("cannot use the certificate of the node")]
    Certificate(#[from] PeerError),
}

/// Keeps `identity` in `state_dir`. The certificate comes last: without it there is no identity, so that a crash in between leaves none.
///
/// # Errors
///
/// When a file cannot be written.
pub fn save(state_dir: &Path, vault: &Vault, identity: &Identity) -> Result<(), StoreError> {
    let _held = vault.hold();
    write(state_dir, ROOT_CA, &identity.root_ca, 0o644)?;
    write(state_dir, KEY, &vault.seal_node_key(&identity.key)?, 0o600)?;
    write(state_dir, CERTIFICATE, &identity.certificate, 0o644)
}

/// Writes the key kept in `state_dir` as the lock of `vault` wants it now. Does nothing where it is so already.
/// To be called while [`Vault::hold`] is held.
///
/// # Errors
///
/// When the file cannot be read or written.
pub fn reseal(state_dir: &Path, vault: &Vault) -> Result<(), StoreError> {
    let Some(before) = read(state_dir, KEY)? else { return Ok(()) };
    let pem = vault.open_node_key(before.clone())?;
    let is_sealed = pem != before;
    if is_sealed == vault.unlock_key().is_some() {
        return Ok(());
    }
    write(state_dir, KEY, &vault.seal_node_key(&pem)?, 0o600)
}

/// Writes the key kept in `state_dir` as it is, on a node that is to have no keys to seal it with any more.
/// To be called while [`Vault::hold`] is held.
///
/// # Errors
///
/// When the file cannot be read or written.
pub fn unseal(state_dir: &Path, vault: &Vault) -> Result<(), StoreError> {
    let Some(before) = read(state_dir, KEY)? else { return Ok(()) };
    let pem = vault.open_node_key(before.clone())?;
    if pem == before { Ok(()) } else { write(state_dir, KEY, &pem, 0o600) }
}

/// The identity kept in `state_dir`; `None` if the machine is not a node.
///
/// # Errors
///
/// When a file cannot be read, or the files do not make an identity.
pub fn load(state_dir: &Path, vault: &Vault) -> Result<Option<Identity>, StoreError> {
    let Some(certificate) = read(state_dir, CERTIFICATE)? else { return Ok(None) };
    let missing = |name| StoreError::Damaged(path(state_dir, name));
    let peer = tls::peer_of_pem(&certificate)?;
    Ok(Some(Identity {
        node_id: peer.node_id,
        cluster_id: peer.cluster_id,
        role: peer.role,
        certificate,
        key: vault.open_node_key(read(state_dir, KEY)?.ok_or_else(|| missing(KEY))?)?,
        root_ca: read(state_dir, ROOT_CA)?.ok_or_else(|| missing(ROOT_CA))?,
    }))
}

/// Which node the machine is, even while its key is locked.
pub(crate) fn node_id(state_dir: &Path) -> Result<Option<NodeId>, StoreError> {
    let certificate = read(state_dir, CERTIFICATE)?;
    Ok(certificate.map(|pem| tls::peer_of_pem(&pem)).transpose()?.map(|peer| peer.node_id))
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
