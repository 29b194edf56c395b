//! How a node that is in no cluster makes one of a backup. Either all of it starts, or nothing is left of it on this node.

use std::sync::Arc;

use swarmlite_agent::AgentHandle;
use swarmlite_agent::identity;
use swarmlite_api::ALREADY_MEMBER;
use swarmlite_api::Place;
use swarmlite_manager::backup::Backup;
use swarmlite_manager::backup::restoring::Restored;
use swarmlite_manager::backup::restoring::restored;
use swarmlite_manager::ca::Signing;
use swarmlite_manager::ca::cfssl::Cfssl;
use swarmlite_manager::manager::Start;
use swarmlite_manager::raft;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::error::chain;
use swarmlite_proto::time::Timestamp;

use super::Node;
use super::entry;
use super::failed;
use crate::daemon::managing::Managing;
use crate::daemon::membership::Membership;

impl Node {
    /// Makes the cluster of `backup` again, with this node as its only manager.
    pub(super) async fn refound_from(&self, backup: Backup, place: Place) -> Result<()> {
        let mut slot = self.member.lock().await;
        if slot.is_some() {
            return Err(Error::unavailable(ALREADY_MEMBER));
        }
        let Place { listen_addr, advertise_addr, data_path_addr } = place;
        let membership = entry::membership(&listen_addr, &advertise_addr, &data_path_addr)?;
        let now = Timestamp::now();
        // Of an authority outside, the server is asked by somebody who has no certificate yet.
        let signing = Signing::new(Arc::new(Cfssl::new(None)));
        let identity = backup.identity(&signing, now).await?;
        let restored = restored(&backup, identity, membership.advertise_addr, now)?;
        drop(backup);
        let started = self.start_restored(&membership, restored).await;
        let agent = self.keep_or_undo(&mut slot, membership, started).await?;
        drop(slot);
        if let Err(error) = entry::await_welcome(&agent).await {
            // The cluster is there, and the node comes in by itself.
            tracing::warn!(error = chain(&error), "the node is not in its cluster yet");
        }
        Ok(())
    }

    async fn start_restored(
        &self,
        membership: &Membership,
        restored: Restored,
    ) -> Result<(AgentHandle, Option<Managing>)> {
        let Restored { state, raft_id, identity, unlock_key } = restored;
        self.vault.fill(unlock_key).map_err(failed)?;
        identity::save(self.dir.root(), &self.vault, &identity).map_err(failed)?;
        let (dir, addr) = (self.dir.raft(), membership.advertise_addr);
        let made = raft::restore(&dir, self.vault.sealer(), addr, raft_id, state).await;
        made.map_err(failed)?;
        let manager = self.start_manager(membership, &identity, Start::Resume).await?;
        self.start_beside(membership, identity, manager).await
    }
}
