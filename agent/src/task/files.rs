//! Secrets and configs of tasks, as files that containers have mounted.
//!
//! The engine is not a part of any swarm and knows nothing of these, so the agent makes a file for each and has the engine mount it, read-only. Secrets,
//! and configs whose placeholders stand for secrets, are files in memory ([`memory`]) and never on a disk; other configs are on the disk, for
//! root only. A file that is there stays as it is: neither secrets nor configs ever change, and a container that is started again in
//! place has to find what it had, whether managers answer or not.
//!
//! Each task has a folder for itself in both places, named by its id.

mod content;
mod documents;
mod error;
pub(crate) mod memory;

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::fchown;
use std::path::Path;
use std::path::PathBuf;

use swarmlite_proto::id::TaskId;
use swarmlite_proto::spec::FileTarget;

use self::content::Content;
pub(crate) use self::documents::Documents;
pub(crate) use self::error::FilesError;
use crate::task::template::Context;

/// Where secrets are in a container, unless they are to be elsewhere.
const SECRETS_FOLDER: &str = "/run/secrets/";

/// A file of the node, and where a container has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    /// On the node.
    pub(crate) source: PathBuf,
    /// In the container.
    pub(crate) target: String,
}

/// The files of all tasks of this node. Calls block on the file system.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    memory: PathBuf,
    disk: PathBuf,
}

impl Files {
    /// The files in the folders `memory`, for what is secret, and `disk`, for what is not.
    #[must_use]
    pub(crate) const fn new(memory: PathBuf, disk: PathBuf) -> Self {
        Self { memory, disk }
    }

    /// Makes the files of a task that are not there yet. The answer is where its container is to have them.
    ///
    /// # Errors
    ///
    /// When one cannot be made. Those that were made stay.
    pub(crate) fn deliver(
        &self,
        context: &Context<'_>,
        documents: &Documents,
    ) -> Result<Vec<Bind>, FilesError> {
        let task = context.task;
        let Some(container) = &task.spec.container_spec else { return Ok(Vec::new()) };
        let mut binds = Vec::new();
        for (number, reference) in container.secrets.iter().enumerate() {
            let Some(file) = &reference.file else { continue };
            let name = format!("secret-{number}");
            let content = || content::of_secret(reference, context, documents);
            let source = self.ensure(&task.id, &name, file, content)?;
            binds.push(Bind { source, target: within(SECRETS_FOLDER, &file.name) });
        }
        for (number, reference) in container.configs.iter().enumerate() {
            let Some(file) = &reference.file else { continue };
            let name = format!("config-{number}");
            let content = || content::of_config(reference, context, documents);
            let source = self.ensure(&task.id, &name, file, content)?;
            binds.push(Bind { source, target: within("/", &file.name) });
        }
        Ok(binds)
    }

    /// The path of a file, which is there from now on.
    fn ensure(
        &self,
        task: &TaskId,
        name: &str,
        file: &FileTarget,
        content: impl FnOnce() -> Result<Content, FilesError>,
    ) -> Result<PathBuf, FilesError> {
        let places = [&self.memory, &self.disk].map(|place| place.join(task.as_str()));
        if let Some(folder) = places.iter().find(|folder| folder.join(name).is_file()) {
            return Ok(folder.join(name));
        }
        let owner = owner(file)?;
        let content = content()?;
        let [in_memory, on_disk] = places;
        let path = if content.is_secret { in_memory } else { on_disk }.join(name);
        write(&path, &content, owner, file.mode)
            .map_err(|source| FilesError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// Removes the files of a task whose container is gone.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub(crate) fn remove(&self, task: &TaskId) -> Result<(), FilesError> {
        let folders = [&self.memory, &self.disk].map(|place| place.join(task.as_str()));
        folders.iter().try_for_each(|folder| remove_folder(folder))
    }

    /// Removes the files of all tasks but those to `keep`: what was left when the agent went down.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub(crate) fn sweep(&self, keep: impl Fn(&str) -> bool) -> Result<(), FilesError> {
        for place in [&self.memory, &self.disk] {
            let refused = |source| FilesError::Io { path: place.clone(), source };
            let entries = match fs::read_dir(place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(refused)?,
            };
            for entry in entries {
                let entry = entry.map_err(refused)?;
                if !entry.file_name().to_str().is_some_and(&keep) {
                    remove_folder(&entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Removes everything: the node has left.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub(crate) fn clear(&self) -> Result<(), FilesError> {
        self.sweep(|_| false)?;
        remove_folder(&self.disk)?;
        memory::unmount(&self.memory)
            .map_err(|source| FilesError::Io { path: self.memory.clone(), source })
    }
}

/// A path in a container: as it is if it is absolute, below `folder` otherwise.
fn within(folder: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{folder}{name}") }
}

/// The numbers of the user and the group that own a file. Nothing means root.
fn owner(file: &FileTarget) -> Result<(u32, u32), FilesError> {
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok() };
    number(&file.uid).zip(number(&file.gid)).ok_or_else(|| FilesError::Owner {
        target: file.name.clone(),
        uid: file.uid.clone(),
        gid: file.gid.clone(),
    })
}

/// Makes a file that is either whole or not there.
fn write(path: &Path, content: &Content, (uid, gid): (u32, u32), mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let unfinished = path.with_extension("new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(content.data.as_bytes())?;
    // In this order: a change of the owner takes set-id bits away.
    fchown(&file, Some(uid), Some(gid))?;
    file.set_permissions(Permissions::from_mode(mode))?;
    if !content.is_secret {
        file.sync_all()?;
    }
    fs::rename(&unfinished, path)
}

fn remove_folder(folder: &Path) -> Result<(), FilesError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FilesError::Io { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
