//! Clients, which create, change and read, one thing after the other.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio::time::sleep;

use super::super::*;
use super::history::History;
use super::history::SHARED;
use super::managers::Managers;
use super::managers::SimStore;

/// Ids of services are made of a number: so many for each client.
const NUMBERS: u64 = 1_000_000;

/// Asks until `end`.
pub(super) async fn run(
    number: u64,
    managers: Arc<Managers>,
    history: Arc<History>,
    mut rng: StdRng,
    end: Instant,
) {
    let mut made = 0;
    while Instant::now() < end {
        sleep(Duration::from_millis(rng.random_range(5..150))).await;
        let numbers = managers.numbers();
        let manager = numbers[rng.random_range(0..numbers.len())];
        let Some(store) = managers.store(manager) else { continue };
        match rng.random_range(0..10) {
            0..=4 => {
                made += 1;
                create(&history, &store, number * NUMBERS + made).await;
            }
            5..=6 => change(&history, &store, number * NUMBERS + made).await,
            _ => read(&history, &store, manager).await,
        }
    }
}

/// Looks whether what was acknowledged is there.
pub(super) async fn read(history: &History, store: &SimStore, manager: u16) {
    let promised = history.promised();
    if let Ok(state) = store.read().await {
        history.has_read(manager, &promised, &state);
    }
}

async fn create(history: &History, store: &SimStore, seed: u64) {
    let name = format!("service-{seed}");
    let put = Op::PutService(Box::new(service(seed, &name)));
    match store.propose(transaction(vec![put])).await {
        Ok(version) => history.created(name, version),
        Err(_) => history.failed(&format!("{name} may be there")),
    }
}

/// Changes the shared object, if nobody else does meanwhile.
async fn change(history: &History, store: &SimStore, mark: u64) {
    let Ok(state) = store.read().await else { return };
    let Some(shared) = state.service_by_name(SHARED) else {
        return history.broken("the shared object is gone");
    };
    let mut changed = shared.as_ref().clone();
    changed.spec.labels.insert("mark".to_owned(), mark.to_string());
    let from = changed.meta.version;
    let put = Op::PutService(Box::new(changed));
    match store.propose(transaction(vec![put])).await {
        Ok(to) => history.changed(from, to),
        Err(_) => history.failed(&format!("{from} may have been changed")),
    }
}
