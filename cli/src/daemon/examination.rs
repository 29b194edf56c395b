//! What this node measures of itself for its checks. What that means is for the API to say.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::statvfs::statvfs;
use swarmlite_agent::AgentHandle;
use swarmlite_agent::SessionState;
use swarmlite_api::AgentFacts;
use swarmlite_api::DiskFacts;
use swarmlite_proto::clock::ClockReading;
use swarmlite_proto::error::chain;
use tokio::time::timeout;

/// How long it is waited for what is slow. An update of the tables takes much less, and so does a call.
const PATIENCE: Duration = Duration::from_secs(3);

/// The file system of `folder`.
pub(super) fn disk(folder: &Path) -> Result<DiskFacts, String> {
    let found = statvfs(folder)
        .map_err(|error| format!("cannot look at {}: {}", folder.display(), chain(&error)))?;
    let size = found.fragment_size();
    Ok(DiskFacts {
        folder: folder.to_owned(),
        // Not what is left for root alone: the containers of the engine have no use for that.
        free: found.blocks_available() * size,
        total: found.blocks() * size,
    })
}

/// What the agent of this node, which is reached at `own`, measures.
pub(super) async fn agent(agent: &AgentHandle, own: Option<SocketAddr>) -> AgentFacts {
    let session = match &*agent.state().borrow() {
        SessionState::Connected(leader) => Ok(*leader),
        SessionState::Connecting => Err("none has answered yet".to_owned()),
        SessionState::Lost(why) => Err(why.clone()),
    };
    let managers = agent.managers().borrow().clone();
    let others = managers.into_iter().filter(|addr| Some(*addr) != own);
    let clocks = join_all(others.map(async |addr| (addr, clock(agent, addr).await)));
    let (tables, peers, clocks) =
        tokio::join!(agent.tables(PATIENCE), agent.peers(PATIENCE), clocks);
    AgentFacts {
        session,
        told: tables.told,
        programmed: tables.programmed,
        waited: PATIENCE,
        answering: peers.answering,
        silent: peers.silent,
        clocks,
        http: agent.http_ports(),
    }
}

async fn clock(agent: &AgentHandle, addr: SocketAddr) -> Result<ClockReading, String> {
    let read = timeout(PATIENCE, agent.clock_of(addr)).await;
    let read = read.map_err(|_elapsed| format!("no answer within {} s", PATIENCE.as_secs()))?;
    read.map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_is_that_of_the_file_system() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = disk(folder.path()).expect("is there");
        assert!(found.total > 0 && found.free <= found.total, "{found:?}");
        let missing = disk(&folder.path().join("missing")).expect_err("is not there");
        assert!(missing.starts_with("cannot look at "), "{missing}");
    }
}
