//! The shell, between a store in memory and a server in memory.

use std::sync::Arc;

use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::fake::FakeServer;
use super::world::PATIENCE;
use super::world::World;
use crate::acme::driver::Inputs;
use crate::acme::driver::run;
use crate::acme::server::AcmeError;
use crate::raft::Leadership;
use crate::reconcile::Programmed;
use crate::state::State;
use crate::store::Store;
use crate::store::memory::MemoryStore;

/// A manager.
struct Lab {
    store: MemoryStore,
    server: Arc<FakeServer>,
    programmed: watch::Sender<Programmed>,
    leadership: watch::Sender<Leadership>,
    _running: AbortOnDropHandle<()>,
}

impl Lab {
    fn new() -> Self {
        let store = MemoryStore::new(World::new(&["shop"]).state);
        let server = Arc::new(FakeServer::default());
        let (programmed, leadership) = (watch::Sender::default(), watch::Sender::default());
        let inputs = Inputs {
            store: store.clone(),
            programmed: programmed.subscribe(),
            patience: PATIENCE,
            server: Arc::clone(&server) as _,
            clock: || Timestamp::EPOCH,
        };
        let running = tokio::spawn(run(inputs, leadership.subscribe()));
        Self { store, server, programmed, leadership, _running: AbortOnDropHandle::new(running) }
    }

    fn lead(&self, term: u64, leader: bool) {
        self.leadership.send_replace(Leadership { term, leader, leader_addr: None });
    }

    async fn wait(&self, holds: impl Fn(&AcmeHost) -> bool) {
        let is_so = |state: &State| state.acme_hosts().get("shop").is_some_and(|it| holds(it));
        self.store.watch().wait_for(is_so).await.expect("the store is there");
    }

    fn confirm(&self) {
        let state = self.store.state();
        let generation = Generation(state.applied());
        let all = state.nodes().keys().map(|id| (id.clone(), generation));
        self.programmed.send_replace(all.collect());
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_gets_a_certificate_and_others_ask_for_nothing() {
    let lab = Lab::new();
    tokio::time::sleep(PATIENCE * 10).await;
    assert!(lab.server.asked().is_empty());
    lab.lead(1, true);
    lab.wait(|host| host.order.is_some()).await;
    assert_eq!(lab.server.asked(), ["register", "order shop Http01"]);
    lab.confirm();
    lab.wait(|host| host.certificate.is_some()).await;
    assert_eq!(lab.server.asked(), ["proceed shop"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_goes_on_with_what_was_ordered() {
    let lab = Lab::new();
    lab.lead(1, true);
    lab.wait(|host| host.order.is_some()).await;
    lab.lead(1, false);
    tokio::time::sleep(PATIENCE * 10).await;
    lab.server.asked();
    lab.confirm();
    lab.lead(2, true);
    lab.wait(|host| host.certificate.is_some()).await;
    assert_eq!(lab.server.asked(), ["proceed shop"]);
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_failure_is_in_the_state() {
    let lab = Lab::new();
    lab.lead(1, true);
    lab.wait(|host| host.order.is_some()).await;
    lab.server.fail(Some(AcmeError::Refused("not yours".to_owned())));
    lab.confirm();
    lab.wait(|host| host.failure.as_ref().is_some_and(|it| it.reason == "not yours")).await;
}
