//! Control groups: the only thing of a lab that outlives its processes.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::wait::eventually;

const ROOT: &str = "/sys/fs/cgroup";
const LIMIT: Duration = Duration::from_secs(20);

/// The control group of all containers of a lab.
pub(crate) fn name(lab: &str) -> String {
    format!("swarmlite-lab-{lab}")
}

/// Removes the groups of `lab`, in the one hierarchy of version 2 or in each of version 1. All its processes have been killed.
pub(crate) async fn remove(lab: &str) -> anyhow::Result<()> {
    // The kernel empties them some time after.
    eventually("the control groups to be empty", LIMIT, async || {
        Ok(remove_below(Path::new(ROOT), &name(lab))?)
    })
    .await
}

fn remove_below(root: &Path, name: &str) -> io::Result<()> {
    let mut roots = vec![root.to_owned()];
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            roots.push(entry.path());
        }
    }
    for group in roots.iter().map(|root| root.join(name)).filter(|group| group.is_dir()) {
        remove_tree(&group)?;
    }
    Ok(())
}

/// A group is removed by removing its folder; the files in it are the kernel's.
fn remove_tree(group: &Path) -> io::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_lab_go_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        for path in ["lab/node1/abc", "cpu/lab/node1", "cpu/lab2", "memory/other"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
        }
        remove_below(root.path(), "lab").unwrap();
        let exists = |path: &str| root.path().join(path).exists();
        assert!(!exists("lab") && !exists("cpu/lab"));
        assert!(exists("cpu/lab2") && exists("memory/other"));
    }
}
