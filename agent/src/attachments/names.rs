//! Names of the cluster in containers that were connected to its networks after they had been made.
//!
//! A container that is made on a network of the cluster has the cluster's name service from the start. One that is connected later has the
//! engine's resolver, which passes on to the node's resolvers what it does not know: that is led to the cluster's name service for
//! as long as the container is on the network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::error::chain;

use super::again::TryAgain;
use super::containers::Containers;
use super::containers::Held;
use crate::assignment::Assignments;
use crate::task::attach::Attach;

/// The name service that each running container should have, by the engine's id of the container: that of the first of its networks.
pub(super) fn wanted(
    known: &Assignments,
    mine: &[Arc<AttachmentAssignment>],
    held: &[Held],
) -> BTreeMap<String, Ipv4Addr> {
    let mut wanted = BTreeMap::new();
    let mut running: Vec<&Held> = held.iter().filter(|held| held.container.running).collect();
    running.sort_by(|a, b| a.network.cmp(&b.network));
    for held in running {
        let is_given = |one: &&Arc<AttachmentAssignment>| {
            one.network_id == held.network && one.addr.addr() == held.addr
        };
        if let Some(network) = known.networks.get(&held.network)
            && mine.iter().any(|one| is_given(&one))
        {
            wanted.entry(held.container.id.clone()).or_insert(network.gateway);
        }
    }
    wanted
}

/// The containers that had to be given the name service, with the process that it was given to.
#[derive(Debug, Default)]
pub(crate) struct Named(BTreeMap<String, (u32, Ipv4Addr)>);

impl Named {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has exactly the containers that need it have the name service that is `wanted` for them.
    pub(super) async fn follow(
        &mut self,
        engine: &impl Containers,
        plane: &impl Attach,
        wanted: &BTreeMap<String, Ipv4Addr>,
    ) -> Result<(), TryAgain> {
        let mut outcome = Ok(());
        for (container, gateway) in wanted {
            let Ok(process) = engine.process(container).await else { return Err(TryAgain) };
            let Some(process) = process.filter(|process| !process.has_resolver) else { continue };
            let now = (process.pid, *gateway);
            if self.0.get(container) == Some(&now) {
                continue;
            }
            match plane.names(process.pid, Some(*gateway)).await {
                Ok(()) => drop(self.0.insert(container.clone(), now)),
                Err(error) => {
                    tracing::warn!(
                        container,
                        error = chain(&error),
                        "cannot give a container the name service"
                    );
                    outcome = Err(TryAgain);
                }
            }
        }
        let done: Vec<String> =
            self.0.keys().filter(|container| !wanted.contains_key(*container)).cloned().collect();
        for container in done {
            let Some((pid, _)) = self.0.remove(&container) else { continue };
            let Ok(process) = engine.process(&container).await else { return Err(TryAgain) };
            // Another process may have that number by now.
            if process.is_some_and(|process| process.pid == pid)
                && let Err(error) = plane.names(pid, None).await
            {
                tracing::warn!(
                    container,
                    error = chain(&error),
                    "cannot take the name service from a container"
                );
            }
        }
        outcome
    }
}
