//! Requests that cross one another.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use swarmlite_manager::events::EventLog;
use swarmlite_manager::state::Transaction;
use swarmlite_proto::version::Version;
use tokio::sync::watch;

use super::*;

/// A store where somebody else touches every network just before a proposal arrives, `times` times.
#[derive(Clone)]
struct Racing {
    store: MemoryStore,
    times: Arc<AtomicUsize>,
}

impl Store for Racing {
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
        let left =
            self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            let networks = self.state().networks().values().cloned().collect::<Vec<_>>();
            let touch = |network: &Arc<swarmlite_proto::object::Network>| {
                Op::PutNetwork(Box::new(swarmlite_proto::object::Network::clone(network)))
            };
            let ops = networks.iter().map(touch).collect();
            self.store.propose(Transaction { ops, at: transaction.at }).await?;
        }
        self.store.propose(transaction).await
    }
}

async fn create_while_racing(times: usize) -> Result<Version> {
    let mut state = cluster_of_two();
    let back = Op::PutNetwork(Box::new(fixture::network(170, "back", 4097, "10.0.1.0/24")));
    fixture::commit(&mut state, vec![back]).expect("is new");
    let store = Racing { store: MemoryStore::new(state), times: Arc::new(AtomicUsize::new(times)) };
    let access = ManagerAccess::new(
        store.clone(),
        FakeLogs::default(),
        Reports::default(),
        nobody_outside(),
        Quorum::default(),
        EventLog::default(),
    );
    let change = |state: &State| {
        let network = state.network_by_name("back").expect("is there");
        let object = swarmlite_manager::state::ObjectRef::Network(network.id.clone());
        let service = Op::PutService(Box::new(fixture::service(171, "web")));
        let transaction = Transaction::new(swarmlite_proto::time::Timestamp::EPOCH);
        Ok((
            network.meta.version,
            transaction.with(Op::Expect(object, network.meta.version)).with(service),
        ))
    };
    access.change(change).await
}

#[tokio::test]
async fn a_change_is_computed_anew_when_something_else_came_first() {
    assert_eq!(create_while_racing(0).await, Ok(Version::at(2)));
    assert_eq!(create_while_racing(3).await, Ok(Version::at(5)), "from what the third race left");
}

#[tokio::test]
async fn a_race_that_never_ends_is_given_up() {
    let error = create_while_racing(usize::MAX).await.expect_err("never wins");
    assert_eq!(error, swarmlite_manager::state::out_of_sequence());
}
