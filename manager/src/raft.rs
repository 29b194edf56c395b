//! The replicated store.

mod disk;
mod log_store;
mod snapshot;
mod state_machine;
mod types;
