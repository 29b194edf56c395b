//! When the driver acts, and when it does not.

use swarmlite_proto::error::Result;
use swarmlite_proto::version::Version;

use super::*;
use crate::loops::tests::world::cluster;
use crate::reconcile::Plan;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::store::memory::MemoryStore;

/// When the loop of these tests wants to act.
const DEADLINE: Duration = Duration::from_secs(30);

/// Makes the cluster object at the deadline, and not before.
const ALARM: [Loop; 1] = [Loop::new("alarm", |view, now, _| {
    let mut plan = Plan::default();
    if view.state.cluster().is_some() {
    } else if now < Timestamp::EPOCH + DEADLINE {
        plan.wake_by(Timestamp::EPOCH + DEADLINE);
    } else {
        plan.change(now, &[], [vec![Op::PutCluster(Box::new(cluster()))]]);
    }
    plan
})];

/// Proposes something that is refused until the deadline, and asks for no other pass.
const STUBBORN: [Loop; 1] = [Loop::new("stubborn", |view, now, _| {
    let mut plan = Plan::default();
    let guard = if now < Timestamp::EPOCH + DEADLINE { Version::at(1) } else { Version::NONE };
    if view.state.cluster().is_none() {
        let guard = Op::Expect(ObjectRef::Cluster, guard);
        plan.change(now, &[guard], [vec![Op::PutCluster(Box::new(cluster()))]]);
    }
    plan
})];

/// Counts what is proposed.
#[derive(Clone)]
struct Counting {
    store: MemoryStore,
    proposed: watch::Sender<usize>,
}

impl Store for Counting {
    fn state(&self) -> State {
        self.store.state()
    }

    fn watch(&self) -> watch::Receiver<State> {
        self.store.watch()
    }

    async fn read(&self) -> Result<State> {
        self.store.read().await
    }

    async fn propose(&self, transaction: Transaction) -> Result<Version> {
        self.proposed.send_modify(|count| *count += 1);
        self.store.propose(transaction).await
    }
}

struct Rig {
    store: Counting,
    leadership: watch::Sender<Leadership>,
    _sessions: watch::Sender<Sessions>,
    _programmed: watch::Sender<Programmed>,
    metrics: LoopMetrics,
    origin: Instant,
}

fn start(loops: &'static [Loop]) -> Rig {
    let store = Counting { store: MemoryStore::default(), proposed: watch::Sender::new(0) };
    let leadership = watch::Sender::new(Leadership::default());
    let sessions = watch::Sender::new(Sessions::default());
    let programmed = watch::Sender::new(Programmed::default());
    let metrics = LoopMetrics::default();
    let origin = Instant::now();
    let clock = move || Timestamp::EPOCH + origin.elapsed();
    let inputs = Inputs {
        store: store.clone(),
        sessions: sessions.subscribe(),
        programmed: programmed.subscribe(),
        routing_patience: crate::routing::PATIENCE,
        metrics: metrics.clone(),
        clock,
    };
    tokio::spawn(run_with(loops, inputs, leadership.subscribe()));
    Rig { store, leadership, _sessions: sessions, _programmed: programmed, metrics, origin }
}

impl Rig {
    fn lead(&self, leader: bool) {
        self.leadership.send_replace(Leadership { term: 1, leader, leader_addr: None });
    }

    async fn made(&self) -> Duration {
        let mut states = self.store.watch();
        states.wait_for(|state| state.cluster().is_some()).await.expect("the store is there");
        self.origin.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_acts_at_its_own_deadline() {
    let rig = start(&ALARM);
    rig.lead(true);
    let acted = rig.made().await;
    assert!(acted >= DEADLINE && acted < DEADLINE + Duration::from_millis(10), "{acted:?}");
    assert_eq!(*rig.store.proposed.borrow(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_loop_acts_only_while_this_manager_leads() {
    let rig = start(&ALARM);
    rig.lead(true);
    sleep(DEADLINE / 2).await;
    rig.lead(false);
    sleep(DEADLINE).await;
    assert_eq!(*rig.store.proposed.borrow(), 0);
    rig.lead(true);
    rig.made().await;
    assert_eq!(*rig.store.proposed.borrow(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_tried_again_less_and_less_often() {
    let rig = start(&STUBBORN);
    rig.lead(true);
    let acted = rig.made().await;
    assert!(acted >= DEADLINE && acted <= DEADLINE + BACKOFF_LIMIT, "{acted:?}");
    let proposed = *rig.store.proposed.borrow();
    assert!((9..20).contains(&proposed), "{proposed} proposals");
    let mut registry = prometheus_client::registry::Registry::default();
    rig.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("is text");
    let refused = format!(
        "swarmlite_loop_transactions_refused_total{{loop=\"stubborn\"}} {}\n",
        proposed - 1
    );
    assert!(text.contains(&refused), "{refused}{text}");
}
