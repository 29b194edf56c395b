//! A store without consensus and without a disk, for tests of what stands on the store.

use std::sync::Arc;

use swarmlite_proto::error::Result;
use swarmlite_proto::version::Version;
use tokio::sync::watch;

use super::Store;
use crate::state::State;
use crate::state::Transaction;

/// One state, in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<watch::Sender<State>>,
}

impl MemoryStore {
    /// A store that starts from `state`.
    pub fn new(state: State) -> Self {
        Self { state: Arc::new(watch::Sender::new(state)) }
    }
}

impl Store for MemoryStore {
    fn state(&self) -> State {
        self.state.borrow().clone()
    }

    fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    async fn read(&self) -> Result<State> {
        Ok(self.state())
    }

    async fn propose(&self, transaction: Transaction) -> Result<Version> {
        let mut outcome = Ok(Version::NONE);
        self.state.send_modify(|state| {
            outcome = state.apply(state.applied() + 1, transaction);
        });
        outcome
    }
}
