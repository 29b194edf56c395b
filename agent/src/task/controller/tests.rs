mod ready;
mod restarts;
mod secrets;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::registry::PullCredentials;
use swarmlite_proto::registry::RegistryAuth;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::ledger::Ledger;
use crate::metrics::TaskStates;
use crate::reporter::Reporter;
use crate::task::fake::FakeAttach;
use crate::task::fake::FakeRuntime;
use crate::task::files::Documents;
use crate::task::files::Files;
use crate::task::networks::Networks;
use crate::task::samples::attachment;
use crate::task::samples::id;
use crate::task::samples::network;
use crate::task::samples::platform;
use crate::task::samples::task;
use crate::task::step::Container;
use crate::task::step::Health;
use crate::task::template::task_name;

/// How long anything may take, by the clock of the test.
const LIMIT: Duration = Duration::from_secs(3600);

/// One controlled task.
struct Rig {
    folder: TempDir,
    runtime: FakeRuntime,
    attach: FakeAttach,
    reporter: Reporter,
    shared: Arc<Shared<FakeRuntime, FakeAttach>>,
    session: watch::Sender<SessionState>,
    orders: watch::Sender<Order>,
    wake: Arc<Notify>,
    running: JoinHandle<()>,
    name: String,
}

fn assigned(change: impl FnOnce(&mut TaskAssignment)) -> Assigned {
    let mut task = task('a');
    change(&mut task);
    let letters = task.attachments.iter().map(|at| at.network_id.as_str().chars().next());
    let networks = letters.map(|letter| Arc::new(network(letter.expect("an id")))).collect();
    Assigned { task: Arc::new(task), networks, documents: Documents::default() }
}

impl Rig {
    /// Waits until the managers are told that the task runs and is, or is not, to get requests.
    async fn routed(&self, routed: bool) -> TaskStatus {
        let mut changes = self.reporter.changes();
        let id = task('a').id;
        let told = changes.wait_for(|pending| {
            pending.get(&id).is_some_and(|status| {
                status.state == TaskState::Running && status.is_ready() == routed
            })
        });
        let told = tokio::time::timeout(LIMIT, told).await;
        let told = told.unwrap_or_else(|_late| panic!("not routed {routed}: {:?}", self.reporter));
        told.expect("the controller goes on").get(&id).cloned().expect("just seen")
    }

    fn new(runtime: FakeRuntime, assigned: Assigned) -> Self {
        Self::with(tempfile::tempdir().expect("a folder"), runtime, assigned)
    }

    fn with(folder: TempDir, runtime: FakeRuntime, assigned: Assigned) -> Self {
        let (attach, reporter) = (FakeAttach::default(), Reporter::default());
        let manager = "192.0.2.1:2377".parse().expect("an address");
        let session = watch::Sender::new(SessionState::Connected(manager));
        let engine = Arc::new(runtime.clone());
        let files = Files::new(folder.path().join("memory"), folder.path().join("disk"));
        let shared = Shared {
            files,
            networks: Networks::new(Arc::clone(&engine)),
            runtime: engine,
            attach: attach.clone(),
            reporter: reporter.clone(),
            ledger: Arc::new(Ledger::open(folder.path()).expect("opens")),
            states: TaskStates::default(),
            session: session.subscribe(),
            outages: AtomicU64::default(),
            hostname: "host-1".to_owned(),
            platform: platform(),
            node_id: id('n'),
        };
        let name = task_name(&assigned.task);
        let orders = watch::Sender::new(Order::Keep(assigned));
        let wake = Arc::new(Notify::new());
        let shared = Arc::new(shared);
        let controller =
            Controller::new(Arc::clone(&shared), orders.subscribe(), Arc::clone(&wake));
        let running = tokio::spawn(controller.run());
        Self { folder, runtime, attach, reporter, shared, session, orders, wake, running, name }
    }

    fn order(&self, desired: TaskState) {
        self.orders.send_modify(|order| {
            let mut task = (*order.assigned().task).clone();
            task.desired_state = desired;
            let task = Arc::new(task);
            *order = Order::Keep(Assigned { task, ..order.assigned().clone() });
        });
    }

    async fn reaches(&self, state: TaskState) -> TaskStatus {
        let mut changes = self.reporter.changes();
        let id = task('a').id;
        let reached = changes
            .wait_for(|pending| pending.get(&id).is_some_and(|status| status.state == state));
        let reached = tokio::time::timeout(LIMIT, reached).await;
        let reached = reached.unwrap_or_else(|_late| panic!("not {state}: {:?}", self.reporter));
        reached.expect("the controller goes on").get(&id).cloned().expect("just seen")
    }

    /// Waits until the controller has had the container attached.
    async fn attached(&self) {
        while self.attach.pids().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn calls(&self) -> Vec<String> {
        let name = format!(" {}", self.name);
        self.runtime.state().calls.iter().map(|call| call.replace(&name, "")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_is_stopped_and_is_forgotten() {
    let on_two = |task: &mut TaskAssignment| {
        task.attachments = vec![attachment('x', 5), attachment('y', 6)];
    };
    let rig = Rig::new(FakeRuntime::new(), assigned(on_two));
    let status = rig.reaches(TaskState::Running).await;
    assert_eq!(status.message, "started");
    assert_eq!(status.container.expect("it has one").pid, 101);
    assert_eq!(rig.attach.pids(), [101]);
    let networks = ["create network net-x", "create network net-y"];
    let rest = ["create", "connect engine-net-y", "start"];
    assert_eq!(rig.calls(), [networks.as_slice(), &rest].concat());

    rig.order(TaskState::Shutdown);
    let status = rig.reaches(TaskState::Shutdown).await;
    assert_eq!(status.container.expect("it is kept").exit_code, 143);
    assert!(matches!(rig.runtime.container(&rig.name), Container::Exited { .. }));

    rig.orders.send_modify(|order| *order = Order::Forget(order.assigned().clone()));
    rig.running.await.expect("ends by itself");
    assert_eq!(rig.runtime.container(&rig.name), Container::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_held_at_ready_until_it_is_wanted() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|task| task.desired_state = TaskState::Ready));
    rig.reaches(TaskState::Ready).await;
    tokio::time::sleep(RESYNC * 3).await;
    assert_eq!(rig.calls(), ["create"]);
    rig.order(TaskState::Running);
    rig.reaches(TaskState::Running).await;
}

#[tokio::test(start_paused = true)]
async fn endings_are_told_apart() {
    for (exit_code, state, err) in
        [(0, TaskState::Complete, ""), (3, TaskState::Failed, "task: non-zero exit (3)")]
    {
        let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
        rig.reaches(TaskState::Running).await;
        rig.runtime.exit(&rig.name, exit_code);
        rig.wake.notify_one();
        let status = rig.reaches(state).await;
        assert_eq!(status.err, err);
        assert_eq!(status.container.expect("it is kept").exit_code, exit_code);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ending_whose_event_was_lost_is_found() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    let before = Instant::now();
    rig.runtime.exit(&rig.name, 1);
    rig.reaches(TaskState::Failed).await;
    assert_eq!(before.elapsed().as_secs(), RESYNC.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_when_it_is_healthy_and_fails_when_it_is_not() {
    let runtime = FakeRuntime::new();
    runtime.state().health = Some(Health::Starting);
    let rig = Rig::new(runtime, assigned(|_| {}));
    rig.reaches(TaskState::Starting).await;
    tokio::time::sleep(RESYNC * 3).await;
    rig.reaches(TaskState::Starting).await;
    rig.runtime.set_health(&rig.name, Health::Healthy);
    rig.wake.notify_one();
    rig.reaches(TaskState::Running).await;
    rig.runtime.set_health(&rig.name, Health::Unhealthy);
    rig.wake.notify_one();
    let status = rig.reaches(TaskState::Failed).await;
    assert_eq!(status.err, "task: non-zero exit (143): dockerexec: unhealthy container");
}

#[tokio::test(start_paused = true)]
async fn an_image_is_fetched_and_missed_in_dockers_words() {
    let runtime = FakeRuntime::new();
    runtime.state().images.clear();
    runtime.state().registry.insert("web:1".to_owned());
    let rig = Rig::new(runtime.clone(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    assert_eq!(rig.calls()[0], "pull web:1");

    let runtime = FakeRuntime::new();
    runtime.state().images.clear();
    let rig = Rig::new(runtime, assigned(|_| {}));
    let status = rig.reaches(TaskState::Rejected).await;
    assert_eq!(status.err, "No such image: web:1: manifest for web:1 not found");
}

/// The task with another image and credentials.
fn private(image: &str, credentials: PullCredentials) -> impl Fn(&mut TaskAssignment) {
    let image = image.to_owned();
    move |task| {
        let mut spec = (*task.spec).clone();
        spec.container_spec.as_mut().expect("a container").image.clone_from(&image);
        task.spec = spec.into();
        task.credentials = credentials.clone();
    }
}

fn alice() -> PullCredentials {
    let username = "alice".to_owned();
    PullCredentials::Known(RegistryAuth { username, ..RegistryAuth::default() })
}

#[tokio::test(start_paused = true)]
async fn an_image_is_fetched_once() {
    for (is_there, calls) in
        [(false, &["pull private:1 as alice", "create", "start"][..]), (true, &["create", "start"])]
    {
        let runtime = FakeRuntime::new();
        runtime.state().registry.insert("private:1".to_owned());
        if is_there {
            runtime.state().images.insert("private:1".to_owned());
        }
        let rig = Rig::new(runtime, assigned(private("private:1", alice())));
        rig.reaches(TaskState::Running).await;
        assert_eq!(rig.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_not_on_the_disk_are_waited_for() {
    let runtime = FakeRuntime::new();
    runtime.state().registry.insert("private:1".to_owned());
    let withheld = assigned(private("private:1", PullCredentials::Withheld));
    let rig = Rig::new(runtime, withheld);
    rig.reaches(TaskState::Preparing).await;
    tokio::time::sleep(RESYNC).await;
    assert!(rig.calls().is_empty(), "{:?}", rig.calls());
    rig.orders.send_replace(Order::Keep(assigned(private("private:1", alice()))));
    rig.reaches(TaskState::Running).await;
    assert_eq!(rig.calls()[0], "pull private:1 as alice");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_wanted_any_more_stops_preparing() {
    let runtime = FakeRuntime::new();
    runtime.state().images.clear();
    runtime.state().pull_hangs = true;
    let rig = Rig::new(runtime, assigned(|_| {}));
    rig.runtime.until(|state| state.calls.iter().any(|call| call.starts_with("pull"))).await;
    rig.order(TaskState::Shutdown);
    rig.reaches(TaskState::Shutdown).await;
    assert_eq!(rig.runtime.container(&rig.name), Container::Absent);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_start_or_be_attached_fails() {
    let runtime = FakeRuntime::new();
    runtime.state().start_refused = Some("no such command".to_owned());
    let rig = Rig::new(runtime, assigned(|_| {}));
    let status = rig.reaches(TaskState::Failed).await;
    assert_eq!(status.err, "starting container failed: no such command");

    let held = assigned(|task| task.desired_state = TaskState::Ready);
    let rig = Rig::new(FakeRuntime::new(), held);
    rig.reaches(TaskState::Ready).await;
    rig.attach.refuse(Some("no route"));
    rig.order(TaskState::Running);
    let status = rig.reaches(TaskState::Failed).await;
    assert_eq!(status.err, "network sandbox join failed: no route");
    let stopped = |state: &crate::task::fake::State| {
        state.calls.last().is_some_and(|c| c.starts_with("stop"))
    };
    rig.runtime.until(stopped).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_down_ends_no_task() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    rig.runtime.state().down = true;
    rig.wake.notify_one();
    tokio::time::sleep(LONGEST_PAUSE * 10).await;
    rig.reaches(TaskState::Running).await;
    rig.runtime.state().down = false;
    rig.order(TaskState::Shutdown);
    rig.reaches(TaskState::Shutdown).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_controller_adopts_the_container_and_attaches_it_again() {
    let rig = Rig::new(FakeRuntime::new(), assigned(|_| {}));
    rig.reaches(TaskState::Running).await;
    rig.running.abort();
    rig.runtime.state().calls.clear();
    let rig = Rig::with(rig.folder, rig.runtime, assigned(|_| {}));
    rig.attached().await;
    assert_eq!(rig.attach.pids(), [101]);
    assert_eq!(rig.calls(), Vec::<String>::new());
    // The data plane may need a while after a restart; the task does not end for that.
    rig.running.abort();
    let before = rig.reaches(TaskState::Running).await;
    let running = assigned(|task| task.observed_state = TaskState::Running);
    let rig = Rig::with(rig.folder, rig.runtime, running);
    rig.attach.refuse(Some("not ready"));
    tokio::time::sleep(LONGEST_PAUSE * 3).await;
    rig.attach.refuse(None);
    tokio::time::sleep(LONGEST_PAUSE * 3).await;
    assert_eq!(rig.attach.pids(), [101]);
    assert_eq!(rig.reaches(TaskState::Running).await, before, "as it was reported before");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_ended_is_not_begun_anew_after_a_restart() {
    let runtime = FakeRuntime::new();
    runtime.state().images.clear();
    let rig = Rig::new(runtime, assigned(|_| {}));
    let ended = rig.reaches(TaskState::Rejected).await;
    rig.running.abort();
    rig.runtime.state().images.insert("web:1".to_owned());
    let rig = Rig::with(rig.folder, rig.runtime, assigned(|_| {}));
    assert_eq!(rig.reaches(TaskState::Rejected).await, ended);
    tokio::time::sleep(RESYNC * 3).await;
    assert_eq!(rig.runtime.container(&rig.name), Container::Absent);
}

/// Something that happens to a task.
#[derive(Clone, Debug)]
enum Happening {
    Order(TaskState),
    Exit(i64),
    Health(Health),
    Vanish,
    Down(bool),
    Pass(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let desired = [TaskState::Ready, TaskState::Running, TaskState::Shutdown, TaskState::Remove];
    let health = [Health::Starting, Health::Healthy, Health::Unhealthy];
    prop_oneof![
        prop::sample::select(desired.to_vec()).prop_map(Happening::Order),
        (0..3i64).prop_map(Happening::Exit),
        prop::sample::select(health.to_vec()).prop_map(Happening::Health),
        Just(Happening::Vanish),
        any::<bool>().prop_map(Happening::Down),
        (0..60u64).prop_map(Happening::Pass),
    ]
}

/// Lets all this happen to a task, in the end has it removed, and gives all states that it reported.
async fn live(happenings: Vec<Happening>) -> (Vec<TaskState>, Container) {
    let rig = Rig::new(FakeRuntime::new(), assigned(|task| task.desired_state = TaskState::Ready));
    let mut desired = TaskState::Ready;
    let mut states = Vec::new();
    let mut see = |reporter: &Reporter| {
        states.extend(reporter.batch().first().map(|update| update.status.state));
        let sent = reporter.batch();
        reporter.stored(&sent);
    };
    for happening in happenings {
        match happening {
            Happening::Order(to) => {
                desired = desired.max(to);
                rig.order(desired);
            }
            Happening::Exit(exit_code) => {
                if matches!(rig.runtime.container(&rig.name), Container::Running(_)) {
                    rig.runtime.exit(&rig.name, exit_code);
                }
            }
            Happening::Health(health) => {
                if matches!(rig.runtime.container(&rig.name), Container::Running(_)) {
                    rig.runtime.set_health(&rig.name, health);
                }
            }
            Happening::Vanish => drop(rig.runtime.remove(&rig.name).await),
            Happening::Down(down) => rig.runtime.state().down = down,
            Happening::Pass(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        }
        rig.wake.notify_one();
        tokio::task::yield_now().await;
        see(&rig.reporter);
    }
    rig.runtime.state().down = false;
    rig.order(TaskState::Remove);
    tokio::time::sleep(LONGEST_PAUSE * 4).await;
    see(&rig.reporter);
    (states, rig.runtime.container(&rig.name))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_states_only_grow_and_nothing_is_left(
        happenings in prop::collection::vec(happening(), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let (states, left) = runtime.block_on(live(happenings));
        // One state can be told twice: with and without a reason to get no requests.
        prop_assert!(states.windows(2).all(|pair| pair[0] <= pair[1]), "{states:?}");
        prop_assert!(states.last().is_some_and(|state| state.is_terminal()), "{states:?}");
        prop_assert_eq!(left, Container::Absent);
    }
}
