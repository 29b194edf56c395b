//! What a node remembers of its place in a cluster, so that it finds back after a restart.
//!
//! `membership.json` in the state directory is written when the node has become a member, after everything else it needs is on the disk, and
//! removed first when it leaves: where it is, the node is a member; where it is not, whatever else lies there is left over.

use std::fs;
use std::io;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use atomic_write_file::AtomicWriteFile;
use serde::Deserialize;
use serde::Serialize;

/// What a node remembers of its place in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// Where it listens for other nodes, when it is a manager.
    pub(crate) listen_addr: SocketAddr,
    /// Where other nodes reach it.
    pub(crate) advertise_addr: SocketAddr,
    /// Where tunnel traffic for it goes.
    pub(crate) data_path_addr: IpAddr,
    /// Managers that it knew when it became a member. The agent keeps a newer list.
    pub(crate) managers: Vec<SocketAddr>,
    /// Whether it is a witness.
    #[serde(default)]
    pub(crate) witness: bool,
}

/// Where everything of a node is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// The state directory at `root`; made if it is not there.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: fs::canonicalize(root)? })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the replicated log and the snapshots are, on a manager.
    pub(crate) fn raft(&self) -> PathBuf {
        self.root.join("raft")
    }

    /// Where the keys are that the log and the snapshots are encrypted with, on a manager.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("certificates/swarm-manager.keys")
    }

    fn membership(&self) -> PathBuf {
        self.root.join("membership.json")
    }

    /// The node's membership, if it has one.
    pub(crate) fn load(&self) -> io::Result<Option<Membership>> {
        match fs::read(self.membership()) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `membership` the node's. On the disk when this returns.
    pub(crate) fn save(&self, membership: &Membership) -> io::Result<()> {
        let mut file = AtomicWriteFile::open(self.membership())?;
        file.write_all(&serde_json::to_vec_pretty(membership)?)?;
        file.commit()
    }

    /// Ends the membership.
    pub(crate) fn forget(&self) -> io::Result<()> {
        match fs::remove_file(self.membership()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::File::open(&self.root)?.sync_all(),
        }
    }

    /// Removes what a manager keeps and a worker does not.
    pub(crate) fn wipe_manager(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.raft()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_membership_survives_and_can_be_forgotten() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(&dir.path().join("new")).expect("is made");
        assert_eq!(state.load().expect("reads"), None);
        let membership = Membership {
            listen_addr: "0.0.0.0:2377".parse().expect("an address"),
            advertise_addr: "192.0.2.1:2377".parse().expect("an address"),
            data_path_addr: "192.0.2.1".parse().expect("an address"),
            managers: vec!["192.0.2.2:2377".parse().expect("an address")],
            witness: true,
        };
        state.save(&membership).expect("is written");
        assert_eq!(state.load().expect("reads"), Some(membership));
        state.forget().expect("is removed");
        assert_eq!(state.load().expect("reads"), None);
        state.forget().expect("nothing to remove");
    }
}
