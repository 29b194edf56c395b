use std::sync::atomic::AtomicU64;

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::ledger::Ledger;
use crate::metrics::TaskStates;
use crate::reporter::Reporter;
use crate::task::fake::FakeAttach;
use crate::task::fake::FakeRuntime;
use crate::task::fake::State;
use crate::task::files::Files;
use crate::task::networks::Networks;
use crate::task::samples::attachment;
use crate::task::samples::id;
use crate::task::samples::network;
use crate::task::samples::platform;
use crate::task::samples::task;

/// A worker, and what it is connected with.
struct Rig {
    _folder: TempDir,
    runtime: FakeRuntime,
    known: watch::Sender<Known>,
    running: JoinHandle<()>,
}

impl Rig {
    fn new(runtime: FakeRuntime) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Arc::new(runtime.clone());
        let files = Files::new(folder.path().join("memory"), folder.path().join("disk"));
        let shared = Shared {
            files,
            networks: Networks::new(Arc::clone(&engine)),
            runtime: engine,
            attach: FakeAttach::default(),
            reporter: Reporter::default(),
            ledger: Arc::new(Ledger::open(folder.path()).expect("opens")),
            states: TaskStates::default(),
            session: watch::Sender::default().subscribe(),
            outages: AtomicU64::default(),
            hostname: "host-1".to_owned(),
            platform: platform(),
            node_id: id('n'),
        };
        let known = watch::Sender::new(None);
        let worker = Worker::new(Arc::new(shared), known.subscribe());
        Self { _folder: folder, runtime, known, running: tokio::spawn(worker.run()) }
    }

    /// Assigns tasks of these letters, all on the network `x`.
    fn assign(&self, letters: &str) {
        let mut known = Assignments::default();
        known.networks.insert(id('x'), Arc::new(network('x')));
        for letter in letters.chars() {
            let mut task = task(letter);
            task.attachments = vec![attachment('x', letter as u8)];
            known.tasks.insert(task.id.clone(), Arc::new(task));
        }
        self.known.send_replace(Some(Arc::new(known)));
    }

    /// Waits until exactly the tasks of these letters have containers, all running.
    async fn runs(&self, letters: &str) {
        let wanted: Vec<String> = letters
            .chars()
            .map(|letter| format!("web.1.{}", id::<swarmlite_proto::id::TaskKind>(letter)))
            .collect();
        let all_run = |state: &State| {
            state.containers.keys().eq(&wanted)
                && wanted.iter().all(|name| state.calls.contains(&format!("start {name}")))
        };
        self.runtime.until(all_run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_come_and_go_with_their_network() {
    let rig = Rig::new(FakeRuntime::new());
    rig.assign("ab");
    rig.runs("ab").await;
    rig.assign("bc");
    rig.runs("bc").await;
    assert_eq!(rig.runtime.state().networks.len(), 1);
    rig.assign("");
    rig.runs("").await;
    rig.runtime.until(|state| state.networks.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_seen_at_once() {
    let rig = Rig::new(FakeRuntime::new());
    rig.assign("a");
    rig.runs("a").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = tokio::time::Instant::now();
    let name = format!("web.1.{}", "a".repeat(25));
    rig.runtime.exit(&name, 1);
    rig.assign("");
    rig.runs("").await;
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_touched_until_something_is_known() {
    let runtime = FakeRuntime::new();
    let rig = Rig::new(runtime.clone());
    rig.assign("ab");
    rig.runs("ab").await;
    rig.running.abort();
    let _aborted = rig.running.await;
    runtime.state().calls.clear();

    let rig = Rig::new(runtime.clone());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(runtime.state().calls, Vec::<String>::new());
    // Task a is no longer assigned, b is left alone.
    rig.assign("b");
    runtime.until(|state| state.containers.len() == 1).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let touched = runtime.state().calls.iter().all(|call| !call.contains(&"b".repeat(25)));
    assert!(touched, "{:?}", runtime.state().calls);
    assert_eq!(runtime.state().networks.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn leftovers_are_found_also_when_the_engine_is_late() {
    let runtime = FakeRuntime::new();
    let rig = Rig::new(runtime.clone());
    rig.assign("a");
    rig.runs("a").await;
    rig.running.abort();
    let _aborted = rig.running.await;
    runtime.state().down = true;
    let rig = Rig::new(runtime.clone());
    rig.assign("");
    tokio::time::sleep(Duration::from_secs(60)).await;
    runtime.state().down = false;
    runtime.lose_events();
    rig.runs("").await;
    runtime.until(|state| state.networks.is_empty()).await;
}
