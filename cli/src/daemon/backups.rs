//! Backups on a schedule: while the manager of this node leads, all that the cluster knows goes into a folder again and again.
//!
//! The names of the files tell what is due and what is too old; nothing else is remembered. So a daemon that restarts, and another leader
//! that writes to the same folder, go on where the one before stopped. Files of other clusters, and of other programs, are left alone.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use swarmlite_manager::backup::Backup;
use swarmlite_manager::raft::RaftStore;
use swarmlite_manager::store::Store;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::time::Timestamp;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::args::BackupFlags;
use crate::backup;

/// When a backup that failed is tried again, unless one is due before.
const RETRY: Duration = Duration::from_secs(60);

/// What the names of backups begin and end with. The cluster and the time in UTC are between.
const PREFIX: &str = "swarmlite-";
const SUFFIX: &str = ".age";

/// What the operator decided about backups.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Where they go.
    pub(crate) folder: PathBuf,
    /// How long after one another.
    pub(crate) every: Duration,
    /// How many of them stay.
    pub(crate) keep: usize,
    /// The file with their passphrase.
    pub(crate) passphrase_file: PathBuf,
}

/// The backups that the operator asks for, if any.
///
/// # Errors
///
/// When there is no passphrase for them.
pub(super) fn schedule(flags: &BackupFlags) -> anyhow::Result<Option<Schedule>> {
    let (Some(folder), Some(file)) = (&flags.backup_dir, &flags.backup_passphrase_file) else {
        return Ok(None);
    };
    backup::passphrase_of(file)
        .map_err(anyhow::Error::msg)
        .context("cannot use --backup-passphrase-file")?;
    Ok(Some(Schedule {
        folder: folder.clone(),
        every: flags.backup_every,
        keep: usize::try_from(flags.backup_keep)?,
        passphrase_file: file.clone(),
    }))
}

/// The backups of one manager.
#[derive(Debug)]
pub(super) struct Backups {
    pub(super) schedule: Schedule,
    /// The manager.
    pub(super) node_id: NodeId,
    /// What is backed up.
    pub(super) store: RaftStore,
    /// Where others read what is wrong, if anything is.
    pub(super) trouble: watch::Sender<Option<String>>,
}

impl Backups {
    /// Writes backups until the store ends.
    pub(super) async fn run(self) {
        let mut leadership = self.store.leadership();
        while leadership.wait_for(|known| known.leader).await.is_ok() {
            let pause = match self.step().await {
                Ok(pause) => {
                    self.trouble.send_replace(None);
                    pause
                }
                Err(error) => {
                    let folder = self.schedule.folder.display();
                    tracing::error!(%folder, error = format!("{error:#}"), "cannot write a backup");
                    self.trouble.send_replace(Some(format!(
                        "WARNING: the last backup to {folder} has failed: {error:#}"
                    )));
                    RETRY.min(self.schedule.every)
                }
            };
            // Another leader that goes on with it has no trouble, perhaps.
            if let Ok(Ok(_)) = timeout(pause, leadership.wait_for(|known| !known.leader)).await {
                self.trouble.send_replace(None);
            }
        }
    }

    /// Writes a backup if one is due. Returns how long the next has time.
    async fn step(&self) -> anyhow::Result<Duration> {
        let Schedule { folder, every, keep, passphrase_file } = self.schedule.clone();
        let state = self.store.state();
        let cluster = state.cluster().context("this manager has no state yet")?.id.clone();
        let before = written(&folder, &cluster)?;
        let now = Timestamp::now();
        let pause = pause(before.last().copied(), every, now);
        if !pause.is_zero() {
            return Ok(pause);
        }
        let state = self.store.read().await?;
        let node_id = self.node_id.clone();
        let work = move || {
            let passphrase = backup::passphrase_of(&passphrase_file).map_err(anyhow::Error::msg)?;
            let sealed = Backup::of(state, node_id, now)?.seal(&passphrase)?;
            let path = folder.join(name(&cluster, now));
            backup::write(&path, &sealed)
                .with_context(|| format!("cannot write {}", path.display()))?;
            tracing::info!(path = %path.display(), bytes = sealed.len(), "wrote a backup");
            // The new one is on the disk by now.
            for old in superfluous(&written(&folder, &cluster)?, keep) {
                let path = folder.join(name(&cluster, *old));
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
            anyhow::Ok(())
        };
        spawn_blocking(work).await??;
        Ok(every)
    }
}

/// How long until the next backup, after one at `newest`.
fn pause(newest: Option<Timestamp>, every: Duration, now: Timestamp) -> Duration {
    newest.map_or(Duration::ZERO, |newest| every.saturating_sub(now.since(newest)))
}

/// Which of these, the oldest first, are too many.
fn superfluous(all: &[Timestamp], keep: usize) -> &[Timestamp] {
    &all[..all.len().saturating_sub(keep)]
}

/// When the backups of `cluster` in `folder` were written, the oldest first.
fn written(folder: &Path, cluster: &ClusterId) -> anyhow::Result<Vec<Timestamp>> {
    let names = || -> io::Result<Vec<Timestamp>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            found.extend(entry?.file_name().to_str().and_then(|name| time_in(name, cluster)));
        }
        found.sort_unstable();
        Ok(found)
    };
    names().with_context(|| format!("cannot read the folder {}", folder.display()))
}

/// The name of the backup of `cluster` at this time, to the second.
fn name(cluster: &ClusterId, at: Timestamp) -> String {
    let whole = Timestamp::from_unix(at.to_unix().0, 0).unwrap_or(at);
    let compact = whole.to_string().replace(['-', ':'], "");
    format!("{PREFIX}{cluster}-{compact}{SUFFIX}")
}

/// The time in the name of a backup of `cluster`; `None` if the name is another file's.
fn time_in(file: &str, cluster: &ClusterId) -> Option<Timestamp> {
    let rest = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let at = rest.strip_prefix(cluster.as_str())?.strip_prefix('-')?.parse().ok()?;
    // Only what is written in this very way is one of these files.
    (name(cluster, at) == file).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn cluster(letter: char) -> ClusterId {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_time_is_in_the_name() {
        let name = name(&cluster('a'), at("2026-12-02T00:30:07.25Z"));
        assert_eq!(name, "swarmlite-aaaaaaaaaaaaaaaaaaaaaaaaa-20261202T003007Z.age");
        assert_eq!(time_in(&name, &cluster('a')), Some(at("2026-12-02T00:30:07Z")));
        assert_eq!(time_in(&name, &cluster('b')), None);
        for other in [
            "notes.age",
            "swarmlite-aaaaaaaaaaaaaaaaaaaaaaaaa-20261202T003007Z.age.new",
            "swarmlite-aaaaaaaaaaaaaaaaaaaaaaaaa-2026-12-02T00:30:07Z.age",
            "swarmlite-aaaaaaaaaaaaaaaaaaaaaaaaa-before-upgrade.age",
        ] {
            assert_eq!(time_in(other, &cluster('a')), None, "{other}");
        }
    }

    #[test]
    fn the_next_is_due_when_the_newest_is_old_enough() {
        let now = at("2026-12-02T06:00:00Z");
        assert_eq!(pause(None, 6 * HOUR, now), Duration::ZERO);
        for (newest, hours) in [
            ("2026-12-02T05:00:00Z", 5),
            ("2026-12-02T00:00:00Z", 0),
            ("2026-12-01T00:00:00Z", 0),
            // The clock was set back: no reason to write at once, nor to wait for ever.
            ("2026-12-03T00:00:00Z", 6),
        ] {
            assert_eq!(pause(Some(at(newest)), 6 * HOUR, now), hours * HOUR, "{newest}");
        }
    }

    #[test]
    fn the_oldest_beyond_the_number_are_too_many() {
        let all = ["2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z"].map(at);
        assert_eq!(superfluous(&all, 2), &all[..1]);
        assert_eq!(superfluous(&all, 3), &[]);
        assert_eq!(superfluous(&all, 9), &[]);
    }

    #[test]
    fn only_backups_of_the_cluster_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let (early, late) = (at("2026-12-01T00:00:00Z"), at("2026-12-02T00:00:00Z"));
        for file in [
            name(&cluster('a'), late),
            name(&cluster('a'), early),
            name(&cluster('b'), early),
            "x".to_owned(),
        ] {
            fs::write(folder.path().join(file), "").expect("writes");
        }
        assert_eq!(written(folder.path(), &cluster('a')).expect("reads"), [early, late]);
        let missing = folder.path().join("missing");
        let error = written(&missing, &cluster('a')).expect_err("is not there").to_string();
        assert_eq!(error, format!("cannot read the folder {}", missing.display()));
    }
}
