//! The machines of the managers, which are started and lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use rand::RngExt;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::super::*;
use super::Disks;
use super::MANAGERS;
use super::disk::SimDisk;
use super::history::History;
use super::history::SHARED;
use super::network::Net;
use super::network::Wire;
use crate::raft::log_store::LogStore;
use crate::raft::sealed_disk::SealedDisk;
use crate::raft::state_machine::StateMachine;

pub(super) type SimStore = RaftStore<Wire>;

/// All of them.
pub(super) struct Managers {
    net: Net,
    history: Arc<History>,
    rng: Mutex<StdRng>,
    /// Which of them is a witness, if one is.
    witness: Option<u16>,
    machines: BTreeMap<u16, Machine>,
}

struct Machine {
    disk: SimDisk,
    /// For snapshots. They are flushed before they count, so that a real folder is as good as one that loses what is not.
    folder: TempDir,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    boot: u64,
    store: Option<SimStore>,
}

impl Managers {
    /// A cluster of all of them.
    pub(super) async fn start(
        net: &Net,
        history: &Arc<History>,
        disks: Disks,
        rng: StdRng,
        witness: Option<u16>,
    ) -> Self {
        let machine = |number| {
            let folder = tempfile::tempdir().expect("a directory");
            (number, Machine { disk: SimDisk::new(disks), folder, running: Mutex::default() })
        };
        let machines = (1..=MANAGERS).map(machine).collect();
        let (net, history) = (net.clone(), Arc::clone(history));
        let managers = Self { net, history, rng: Mutex::new(rng), witness, machines };
        for number in managers.numbers() {
            managers.boot(number).await;
        }
        let store = managers.store(1).expect("runs");
        let members = (1..=MANAGERS).map(|it| (it.into(), Member { addr: addr(it) }));
        let members: BTreeMap<RaftId, Member> = members.collect();
        store.inner.raft.initialize(members).await.expect("is new");
        soon("the first transaction", store.propose(first(witness))).await.expect("is led");
        managers
    }

    pub(super) fn numbers(&self) -> Vec<u16> {
        self.machines.keys().copied().collect()
    }

    /// What a client of a manager talks to, if that runs.
    pub(super) fn store(&self, number: u16) -> Option<SimStore> {
        self.running(number).store.clone()
    }

    /// Who leads.
    pub(super) fn leader(&self) -> Option<u16> {
        let leads = |store: SimStore| store.leadership().borrow().leader;
        self.numbers().into_iter().find(|number| self.store(*number).is_some_and(leads))
    }

    pub(super) fn disk(&self, number: u16) -> &SimDisk {
        &self.machines[&number].disk
    }

    /// Starts a manager, if it does not run.
    pub(super) async fn boot(&self, number: u16) {
        let machine = &self.machines[&number];
        let boot = {
            let mut running = self.running(number);
            if running.store.is_some() {
                return;
            }
            running.boot += 1;
            running.boot
        };
        self.history.happens(&format!("manager {number} starts"));
        match self.open(number, machine, boot).await {
            Ok(store) => {
                self.net.connect(number, router(store.clone()));
                let (history, may_lead) = (Arc::clone(&self.history), self.witness != Some(number));
                tokio::spawn(follow(history, (number, may_lead), store.leadership()));
                self.running(number).store = Some(store);
            }
            Err(error) => {
                self.history.broken(&format!("manager {number} does not start: {error}"));
            }
        }
    }

    async fn open(
        &self,
        number: u16,
        machine: &Machine,
        boot: u64,
    ) -> Result<SimStore, StartError> {
        let failed = |source| StartError::Disk { dir: machine.folder.path().to_owned(), source };
        let sealer = sealer(&[number.into()]);
        let disk = SealedDisk::new(machine.disk.mount(), sealer.clone());
        let (log, writer) = LogStore::load(disk).map_err(failed)?;
        let (ended, closed) = oneshot::channel();
        let clock = machine.disk.clone();
        tokio::spawn(async move {
            writer.run_slowly(|| clock.pause()).await;
            let _ = ended.send(());
        });
        let state = StateMachine::open(machine.folder.path(), sealer).map_err(failed)?;
        let opened = (log.writing_in(state.level()), closed, state);
        let witness = self.witness == Some(number);
        let record = Record { voted: false, witness, ..Record::new(number.into(), addr(number)) };
        crate::raft::damage::check(record, &opened.0, &opened.2).map_err(failed)?;
        let wire = self.net.plug_in(number, boot);
        RaftStore::run(machine.folder.path(), opened, self.config(), record, wire).await
    }

    /// That of a real manager, but that its time-out for elections is drawn here.
    fn config(&self) -> Config {
        let real = config();
        let mut rng = self.rng.lock().expect("sound");
        let timeout = rng.random_range(real.election_timeout_min..real.election_timeout_max);
        Config { election_timeout_min: timeout, election_timeout_max: timeout + 1, ..real }
    }

    /// A manager is gone, with what `how` does to its disk.
    pub(super) async fn lose(&self, number: u16, how: impl FnOnce(&SimDisk)) {
        let Some(store) = self.running(number).store.take() else { return };
        self.net.unplug(number);
        how(&self.machines[&number].disk);
        // What is left of the process in memory comes to an end, unseen: it has no disk and no network.
        store.shutdown().await;
    }

    /// Waits until all have answered a read, and have the same. What they have.
    pub(super) async fn agree(&self) -> Vec<State> {
        loop {
            let mut states = Vec::new();
            for number in self.numbers() {
                let Some(store) = self.store(number) else { continue };
                match store.read().await {
                    Ok(state) => states.push(state),
                    Err(error) => {
                        self.history.happens(&format!("manager {number} answers no read: {error}"));
                    }
                }
            }
            let applied = states.iter().map(State::applied).max();
            let same = states.iter().all(|state| Some(state.applied()) == applied);
            if states.len() == self.machines.len() && same {
                return states;
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    pub(super) async fn stop(&self) {
        for number in self.numbers() {
            self.lose(number, SimDisk::kill).await;
        }
    }

    fn running(&self, number: u16) -> MutexGuard<'_, Running> {
        self.machines[&number].running.lock().expect("sound")
    }
}

/// Notes when a manager leads.
async fn follow(
    history: Arc<History>,
    (number, may_lead): (u16, bool),
    mut leadership: watch::Receiver<Leadership>,
) {
    loop {
        let known = *leadership.borrow_and_update();
        if known.leader {
            history.leads(known.term, number);
            if !may_lead {
                history.broken("a witness leads");
            }
        }
        if leadership.changed().await.is_err() {
            return;
        }
    }
}

/// What makes the cluster: its managers, an object that clients change, and snapshots so often that all that follows from them happens.
fn first(witness: Option<u16>) -> Transaction {
    let mut cluster = cluster();
    cluster.next_raft_id = u64::from(MANAGERS) + 1;
    cluster.spec.raft.snapshot_interval = 40;
    cluster.spec.raft.log_entries_for_slow_followers = 10;
    let mut ops = vec![Op::PutCluster(Box::new(cluster))];
    for number in 1..=MANAGERS {
        let mut node = Node { witness: witness == Some(number), ..manager(number) };
        node.manager = Some(ManagerRecord { raft_id: number.into(), addr: addr(number) });
        ops.push(Op::PutNode(Box::new(node)));
    }
    ops.push(Op::PutService(Box::new(service(0, SHARED))));
    transaction(ops)
}
