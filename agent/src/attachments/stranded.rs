//! Containers that their engine was to keep running, and could not start because the cluster's networks were not there yet.
//!
//! An engine that starts, with its machine or by itself, starts such containers before it takes a call, and waits for a network driver only for
//! seconds. What it has given up by then it leaves, in spite of the restart policy. Once their networks are there, they are started here, each
//! once after each start of the engine: what fails again fails for another reason, which is the user's to know.

use std::collections::BTreeSet;

use swarmlite_proto::error::chain;
use swarmlite_proto::id::NetworkId;

use super::again::TryAgain;
use super::containers::Containers;
use super::containers::Held;
use crate::task::runtime::RuntimeError;

/// The containers that have been looked at since the engine was started, or this agent.
#[derive(Debug, Default)]
pub(crate) struct Stranded(BTreeSet<String>);

impl Stranded {
    /// The engine may have been started again.
    pub(super) fn engine_started(&mut self) {
        self.0.clear();
    }

    /// Starts those on networks that are `ready`.
    pub(super) async fn start(
        &mut self,
        engine: &impl Containers,
        held: &[Held],
        ready: &BTreeSet<NetworkId>,
    ) -> Result<(), TryAgain> {
        let still = held.iter().filter(|held| !held.container.running);
        for held in still.filter(|held| ready.contains(&held.network)) {
            let id = &held.container.id;
            if !self.0.contains(id) {
                revive(engine, held).await.map_err(|error| {
                    tracing::warn!(container = id, error = chain(&error), "cannot look at it");
                    TryAgain
                })?;
                self.0.insert(id.clone());
            }
        }
        Ok(())
    }
}

/// Starts a container if it is stranded. An error says that the engine is away.
async fn revive(engine: &impl Containers, held: &Held) -> Result<(), RuntimeError> {
    let (id, name) = (&held.container.id, &held.container.name);
    if !engine.is_stranded(id).await? {
        return Ok(());
    }
    tracing::info!(name, "starting a container that its engine could not start");
    match engine.start(id).await {
        Err(error @ RuntimeError::Refused(_)) => {
            tracing::warn!(name, error = chain(&error), "the engine still cannot start it");
            Ok(())
        }
        other => other,
    }
}
