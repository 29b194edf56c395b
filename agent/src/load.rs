//! What this machine has to do, for the scheduler: read from the kernel, smoothed, and handed to the session whenever it has changed.
//!
//! It is measured for the whole machine, as whatever keeps it busy is in the way of a task. Nothing is decided here.

mod proc;
mod smooth;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::error::chain;
use swarmlite_proto::load::NodeLoad;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;

pub(crate) use self::proc::Proc;
use self::smooth::Smoothed;
use crate::standing::Known;

/// How often the kernel is asked.
const EVERY: Duration = Duration::from_secs(5);

/// After which time it is asked again when the agent has just started: processors are known only from two readings.
const FIRST: Duration = Duration::from_secs(1);

/// What the kernel has counted so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// How long processors were busy, all of them together.
    pub(crate) busy: Duration,
    /// How much memory a new process could not have, in bytes.
    pub(crate) memory_bytes: i64,
}

/// Where readings come from.
pub(crate) trait Meter: Send + Sync + 'static {
    /// What there is now. May block for as long as a small file takes.
    fn read(&self) -> io::Result<Reading>;
}

/// Keeps `load` up to date, for ever. It has a value once there is something to say.
pub(crate) async fn measure<M: Meter>(
    meter: Arc<M>,
    known: watch::Receiver<Known>,
    load: watch::Sender<Option<NodeLoad>>,
) {
    let mut smoothed = Smoothed::default();
    let mut warned = false;
    let mut pause = FIRST;
    loop {
        match meter.read() {
            Ok(reading) => {
                let tasks = tasks(&known.borrow());
                let now = smoothed.take(reading, tasks, Instant::now());
                load.send_if_modified(|before| {
                    now.is_some() && std::mem::replace(before, now) != now
                });
                warned = false;
            }
            Err(error) if !warned => {
                tracing::warn!(error = chain(&error), "cannot measure what the machine has to do");
                warned = true;
            }
            Err(_) => {}
        }
        sleep(std::mem::replace(&mut pause, EVERY)).await;
    }
}

/// How many tasks the node should run.
fn tasks(known: &Known) -> usize {
    let tasks = known.iter().flat_map(|known| known.tasks.values());
    tasks.filter(|task| task.desired_state.is_wanted()).count()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A machine of which one core is busy, if it can be read.
    struct Busy(Mutex<Option<Instant>>);

    impl Meter for Busy {
        fn read(&self) -> io::Result<Reading> {
            let since = self.0.lock().expect("is not poisoned").ok_or(io::ErrorKind::NotFound)?;
            Ok(Reading { busy: since.elapsed(), memory_bytes: 1 << 30 })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_measured_is_said_once_it_is_known() {
        let meter = Arc::new(Busy(Mutex::new(None)));
        let (load, mut said) = watch::channel(None);
        let known = watch::Sender::default();
        let measuring = tokio::spawn(measure(Arc::clone(&meter), known.subscribe(), load));
        sleep(3 * EVERY).await;
        assert_eq!(*said.borrow(), None, "nothing could be read");
        *meter.0.lock().expect("is not poisoned") = Some(Instant::now());
        let found = said.wait_for(Option::is_some).await.expect("is measured").expect("is there");
        assert_eq!(found.nano_cpus, 1_000_000_000);
        assert_eq!((found.memory_bytes, found.milli_tasks), (1 << 30, 0));
        said.mark_unchanged();
        sleep(3 * EVERY).await;
        assert!(!said.has_changed().expect("goes on"), "it is as it was");
        measuring.abort();
    }
}
