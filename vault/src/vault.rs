//! The keys of a manager, in one file, and the lock on them.
//!
//! Without a lock the file holds the keys as they are, readable by root alone: what is sealed is then as safe as that file. With a lock
//! it holds them sealed under the cluster's unlock key, which is on no disk. Every change replaces the file as a whole, so that a crash leaves
//! the old keys or the new ones. The key of the node's certificate is a file of its own, sealed with a key from here while there is a lock.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Serialize;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::version::Version;
use tokio::sync::watch;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::key::Key;
use crate::seal::OpenError;
use crate::seal::Purpose;
use crate::seal::Sealer;

/// The only form of the file so far.
const FORMAT: u32 = 1;

/// The number of the first key of the log.
const FIRST: u32 = 1;

/// The first and the last line of a sealed key of a certificate.
const SEALED_BEGIN: &str = "-----BEGIN SWARMLITE SEALED KEY-----\n";
const SEALED_END: &str = "\n-----END SWARMLITE SEALED KEY-----\n";

/// The keys of a node. A worker has none.
#[derive(Debug)]
pub struct Vault {
    path: PathBuf,
    /// Has the keys of the log while they are not locked.
    sealer: Sealer,
    contents: Mutex<Contents>,
    locked: watch::Sender<bool>,
    /// Held while the lock changes, and while something is written whose form depends on the lock.
    changing: Mutex<()>,
}

#[derive(Debug)]
enum Contents {
    /// There are no keys.
    Empty,
    /// There are, and nobody has unlocked them since the start. The keys as sealed.
    Locked(Vec<u8>),
    /// The keys, and what is to lock them.
    Open(Keys, Option<UnlockKey>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Keys {
    /// The version of the cluster that the lock is from: an older state of the cluster has no say any more.
    lock_version: Version,
    /// Seals the key of the node's certificate while there is a lock.
    node: Key,
    /// Seal what the manager keeps; the newest seals, and older ones open what has not been sealed anew yet.
    log: BTreeMap<u32, Key>,
}

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    format: u32,
    locked: bool,
    /// [`Keys`] as JSON, sealed if `locked`, in base 64.
    keys: String,
}

/// What every form of the file has.
#[derive(Debug, Deserialize)]
struct Form {
    format: u32,
}

impl Drop for File {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

/// The keys cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file cannot be written or read.
    #[error("cannot access {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold keys.
    #[error("{} is damaged: it does not hold the keys of a manager", .0.display())]
    Damaged(PathBuf),
    /// The file is in a form that came later.
    #[error(
        "{} was written by a newer swarmlite (format {found}, this one reads up to {FORMAT}): upgrade this node",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form it is in.
        found: u32,
    },
    /// The keys are needed, and locked or not there.
    #[error("the keys in {} are locked, or there are none", .0.display())]
    Closed(PathBuf),
}

/// The keys could not be unlocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// They are not locked.
    #[error("swarm is not locked")]
    NotLocked,
    /// It is not their key.
    #[error("swarm could not be unlocked: invalid key provided")]
    WrongKey,
}

impl Vault {
    /// The keys in `path`, if there are any; locked, if there is a lock on them.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be used.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let vault = Self {
            path: path.to_owned(),
            sealer: Sealer::default(),
            contents: Mutex::new(Contents::Empty),
            locked: watch::Sender::new(false),
            changing: Mutex::default(),
        };
        let text = match fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vault),
            Err(source) => return Err(vault.io(source)),
        };
        let Form { format } = serde_json::from_slice(&text).map_err(|_| vault.damaged())?;
        if format > FORMAT {
            return Err(VaultError::Newer { path: path.to_owned(), found: format });
        }
        let contents = parse(&text).ok_or_else(|| vault.damaged())?;
        vault.set(&mut vault.lock(), contents);
        Ok(vault)
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(*self.lock(), Contents::Empty)
    }

    /// Follows whether the keys are locked.
    #[must_use]
    pub fn locked(&self) -> watch::Receiver<bool> {
        self.locked.subscribe()
    }

    /// Held by those who change the lock, or write something whose form depends on the lock.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What locks the keys from the next start on. `None` if nothing does, or if they are locked now.
    #[must_use]
    pub fn unlock_key(&self) -> Option<UnlockKey> {
        match &*self.lock() {
            Contents::Open(_, lock) => lock.clone(),
            Contents::Empty | Contents::Locked(_) => None,
        }
    }

    /// Seals with the newest key of the log, as soon as there is one.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        self.sealer.clone()
    }

    /// Makes new keys, locked by `lock` if it is given. Older ones are gone.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; nothing has changed then.
    pub fn fill(&self, lock: Option<UnlockKey>) -> Result<(), VaultError> {
        let mut rng = rand::rng();
        let log = BTreeMap::from([(FIRST, Key::random(&mut rng))]);
        let keys = Keys { lock_version: Version::NONE, node: Key::random(&mut rng), log };
        self.put(&mut self.lock(), keys, lock)
    }

    /// Removes the keys: what they have sealed is gone with them.
    ///
    /// # Errors
    ///
    /// When the file cannot be removed.
    pub fn clear(&self) -> Result<(), VaultError> {
        let mut contents = self.lock();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.io(error)),
            _ => {}
        }
        self.set(&mut contents, Contents::Empty);
        Ok(())
    }

    /// Opens locked keys.
    ///
    /// # Errors
    ///
    /// See [`UnlockError`].
    pub fn unlock(&self, key: &UnlockKey) -> Result<(), UnlockError> {
        let mut contents = self.lock();
        let Contents::Locked(sealed) = &*contents else { return Err(UnlockError::NotLocked) };
        let opened = wrapping(key).open(Purpose::Keys, &[], sealed);
        let text = opened.map(Zeroizing::new).map_err(|_| UnlockError::WrongKey)?;
        let keys = serde_json::from_slice(&text).map_err(|_| UnlockError::WrongKey)?;
        self.set(&mut contents, Contents::Open(keys, Some(key.clone())));
        Ok(())
    }

    /// Locks the keys by `lock` from the next start on, or not at all, as the cluster of this version wants it. Keys that were readable on
    /// the disk until now get a new one beside them; see [`Vault::drop_old_keys`]. Returns whether anything has changed: a version that
    /// is not newer than the last one changes nothing, as a manager that has just started may see an old state of the cluster.
    ///
    /// # Errors
    ///
    /// When the keys are locked now, or the file cannot be written; nothing has changed then.
    pub fn set_lock(&self, lock: Option<UnlockKey>, version: Version) -> Result<bool, VaultError> {
        let mut contents = self.lock();
        let Contents::Open(keys, before) = &*contents else { return Err(self.closed()) };
        if *before == lock || version <= keys.lock_version {
            return Ok(false);
        }
        let mut keys = Keys { lock_version: version, ..keys.clone() };
        if before.is_none() && lock.is_some() {
            let number = match keys.log.last_key_value() {
                None => FIRST,
                // No vault comes to the last number by itself.
                Some((last, _)) => last.checked_add(1).ok_or_else(|| self.damaged())?,
            };
            keys.log.insert(number, Key::random(&mut rand::rng()));
        }
        self.put(&mut contents, keys, lock)?;
        Ok(true)
    }

    /// Whether there are keys of the log that seal nothing new any more.
    #[must_use]
    pub fn has_old_keys(&self) -> bool {
        matches!(&*self.lock(), Contents::Open(keys, _) if keys.log.len() > 1)
    }

    /// Forgets all keys of the log but the newest. Everything must have been sealed with that one by now.
    ///
    /// # Errors
    ///
    /// As [`Vault::set_lock`].
    pub fn drop_old_keys(&self) -> Result<(), VaultError> {
        let mut contents = self.lock();
        let Contents::Open(keys, lock) = &*contents else { return Err(self.closed()) };
        let (mut keys, lock) = (keys.clone(), lock.clone());
        if let Some(newest) = keys.log.pop_last() {
            keys.log = BTreeMap::from([newest]);
        }
        self.put(&mut contents, keys, lock)
    }

    /// The key of a certificate, PEM, as it may lie on the disk: sealed if there is a lock.
    ///
    /// # Errors
    ///
    /// When the keys are locked now.
    pub fn seal_node_key(&self, pem: &str) -> Result<String, VaultError> {
        let contents = self.lock();
        let keys = match &*contents {
            Contents::Locked(_) => return Err(self.closed()),
            Contents::Empty | Contents::Open(_, None) => return Ok(pem.to_owned()),
            Contents::Open(keys, Some(_)) => keys,
        };
        let sealed = only(&keys.node).seal(Purpose::NodeKey, &[], pem.as_bytes());
        let sealed = sealed.map_err(|_| self.closed())?;
        Ok(format!("{SEALED_BEGIN}{}{SEALED_END}", STANDARD.encode(sealed)))
    }

    /// The key of a certificate from what [`Vault::seal_node_key`] has made of it; one that was never sealed as it is.
    ///
    /// # Errors
    ///
    /// When it is sealed, and not with a key from here.
    pub fn open_node_key(&self, text: String) -> Result<String, OpenError> {
        let Some(rest) = text.strip_prefix(SEALED_BEGIN) else { return Ok(text) };
        let digits = rest.strip_suffix(SEALED_END).ok_or(OpenError::Damaged)?;
        let sealed = STANDARD.decode(digits).map_err(|_| OpenError::Damaged)?;
        let contents = self.lock();
        let Contents::Open(keys, _) = &*contents else { return Err(OpenError::Damaged) };
        let pem = only(&keys.node).open(Purpose::NodeKey, &[], &sealed)?;
        String::from_utf8(pem).map_err(|_| OpenError::Damaged)
    }

    /// Makes `keys` and `lock` the contents, on the disk first.
    fn put(
        &self,
        contents: &mut Contents,
        keys: Keys,
        lock: Option<UnlockKey>,
    ) -> Result<(), VaultError> {
        let text = print(&keys, lock.as_ref()).map_err(|source| self.io(source))?;
        write(&self.path, &text).map_err(|source| self.io(source))?;
        self.set(contents, Contents::Open(keys, lock));
        Ok(())
    }

    fn set(&self, contents: &mut Contents, new: Contents) {
        let keys = match &new {
            Contents::Open(keys, _) => keys.log.clone(),
            Contents::Empty | Contents::Locked(_) => BTreeMap::new(),
        };
        self.sealer.set(keys);
        self.locked.send_replace(matches!(new, Contents::Locked(_)));
        *contents = new;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, source: io::Error) -> VaultError {
        VaultError::Io { path: self.path.clone(), source }
    }

    fn damaged(&self) -> VaultError {
        VaultError::Damaged(self.path.clone())
    }

    fn closed(&self) -> VaultError {
        VaultError::Closed(self.path.clone())
    }
}

fn parse(text: &[u8]) -> Option<Contents> {
    let file: File = serde_json::from_slice(text).ok()?;
    let keys = Zeroizing::new(STANDARD.decode(&file.keys).ok()?);
    match (file.format, file.locked) {
        (FORMAT, true) => Some(Contents::Locked(keys.to_vec())),
        (FORMAT, false) => Some(Contents::Open(serde_json::from_slice(&keys).ok()?, None)),
        _ => None,
    }
}

fn print(keys: &Keys, lock: Option<&UnlockKey>) -> io::Result<Zeroizing<Vec<u8>>> {
    let plain = Zeroizing::new(serde_json::to_vec(keys)?);
    let sealed = lock.map(|lock| wrapping(lock).seal(Purpose::Keys, &[], &plain)).transpose();
    let sealed = sealed.map_err(io::Error::other)?;
    let keys = STANDARD.encode(sealed.as_deref().unwrap_or(&plain));
    let file = File { format: FORMAT, locked: lock.is_some(), keys };
    Ok(Zeroizing::new(serde_json::to_vec_pretty(&file)?))
}

/// On the disk when this returns, and for root alone from the first byte on.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = AtomicWriteFile::options().mode(0o600).preserve_mode(false).open(path)?;
    file.write_all(text)?;
    file.commit()
}

fn wrapping(key: &UnlockKey) -> Sealer {
    only(&Key::from(key))
}

fn only(key: &Key) -> Sealer {
    Sealer::new(BTreeMap::from([(FIRST, key.clone())]))
}

#[cfg(test)]
mod tests;
