//! Short visits to namespaces, one after the other by one thread: a socket, which stays in the namespace it was made in, is not worth a thread each.
//!
//! The thread is at home between two visits, so that it keeps no namespace alive.

use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;

use nix::sched::CloneFlags;
use nix::sched::setns;
use tokio::sync::oneshot;

use super::namespace::failed;
use super::namespace::open;
use crate::network::error::KernelError;

/// The namespace of the thread itself (`proc(5)`).
const HOME: &str = "/proc/thread-self/ns/net";

/// What the thread does next: goes from home to where it says and back. Whether it is back.
type Visit = Box<dyn FnOnce(&File) -> bool + Send>;

/// A thread that makes visits. It is started by the first one, and ends with this value.
#[derive(Debug, Default)]
pub struct Visits {
    thread: Mutex<Option<mpsc::Sender<Visit>>>,
}

impl Visits {
    /// Runs `work`, which is to be short, inside the namespace `path`.
    ///
    /// # Errors
    /// If there is no such namespace or it cannot be entered.
    pub async fn run<T, F>(&self, path: PathBuf, work: F) -> Result<T, KernelError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let lost = failed("finish the work in", &path, io::ErrorKind::BrokenPipe.into());
        self.send(Box::new(move |home| {
            let entered = open(&path).and_then(|namespace| enter(&namespace, &path));
            let is_away = entered.is_ok();
            // Nobody waits any more if the receiver is gone.
            let _ = send.send(entered.map(|()| work()));
            !is_away || enter(home, Path::new(HOME)).is_ok()
        }))?;
        receive.await.unwrap_or(Err(lost))
    }

    fn send(&self, visit: Visit) -> Result<(), KernelError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = match thread.as_ref() {
            Some(thread) => match thread.send(visit) {
                Ok(()) => return Ok(()),
                // It has not come home once, and so has ended.
                Err(mpsc::SendError(visit)) => visit,
            },
            None => visit,
        };
        let _its_first = thread.insert(start()?).send(visit);
        Ok(())
    }
}

fn enter(namespace: &File, path: &Path) -> Result<(), KernelError> {
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| failed("enter", path, errno.into()))
}

/// Starts a thread that makes the visits that it is sent.
fn start() -> Result<mpsc::Sender<Visit>, KernelError> {
    let (sender, visits) = mpsc::channel::<Visit>();
    let home = Path::new(HOME);
    thread::Builder::new()
        .name("visits".to_owned())
        .spawn(move || {
            let Ok(home) = open(home) else { return };
            for visit in visits {
                if !visit(&home) {
                    return;
                }
            }
        })
        .map_err(|source| failed("start a thread for", home, source))?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use std::os::linux::fs::MetadataExt;

    use nix::sched::unshare;
    use nix::unistd::Uid;

    use super::*;

    fn here() -> u64 {
        std::fs::metadata(HOME).unwrap().st_ino()
    }

    #[tokio::test]
    async fn a_visitor_is_where_it_is_asked_to_be_and_goes_home() {
        let visits = Visits::default();
        assert!(visits.run("/nowhere".into(), || ()).await.is_err());
        if !Uid::effective().is_root() {
            return;
        }
        // A thread in a namespace of its own, for as long as it is asked for.
        let (entered, other) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            let task = format!("/proc/self/task/{}/ns/net", nix::unistd::gettid());
            entered.send((PathBuf::from(task), here())).unwrap();
            let _ended = ended.recv();
        });
        let (path, expected) = other.recv().unwrap();
        assert_ne!(here(), expected);
        for _ in 0..2 {
            assert_eq!(visits.run(path.clone(), here).await.unwrap(), expected);
            assert_eq!(visits.run(HOME.into(), here).await.unwrap(), here(), "it has stayed there");
        }
        drop(end);
        thread.join().unwrap();
    }
}
