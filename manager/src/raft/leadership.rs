//! Who leads, as far as anyone may act on it.
//!
//! A leader that is cut off goes on calling itself leader. What acts for the cluster must stop before another leader can be there, so that
//! this manager counts as leader only while a majority has confirmed it within [`QUORUM_LEASE`].

use std::net::SocketAddr;
use std::time::Duration;

use openraft::ServerState;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::ELECTION_TIMEOUT_MAX;
use super::types::Metrics;
use super::types::Raft;

/// How old the last word of a majority may be. Followers do not vote for another within [`ELECTION_TIMEOUT_MAX`] of it.
pub(crate) const QUORUM_LEASE: Duration = ELECTION_TIMEOUT_MAX;

/// Who leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The term this is about.
    pub term: u64,
    /// Whether this manager leads: a majority has confirmed it lately, and its state includes all that earlier leaders have committed.
    pub leader: bool,
    /// Where the leader is reached, if there is one; this manager itself, perhaps.
    pub leader_addr: Option<SocketAddr>,
}

/// Starts to follow the leadership. A `witness` never counts as leader: when it leads, nobody acts for the cluster.
pub(crate) fn spawn(
    raft: &Raft,
    witness: bool,
) -> (watch::Receiver<Leadership>, AbortOnDropHandle<()>) {
    let metrics = raft.metrics();
    let (sender, receiver) = watch::channel(Leadership::default());
    (receiver, AbortOnDropHandle::new(tokio::spawn(follow(metrics, sender, witness))))
}

async fn follow(
    mut metrics: watch::Receiver<Metrics>,
    leadership: watch::Sender<Leadership>,
    witness: bool,
) {
    loop {
        let (mut current, valid) = assess(&metrics.borrow_and_update());
        if witness && metrics.borrow().current_leader == Some(metrics.borrow().id) {
            current = Leadership { leader: false, leader_addr: None, ..current };
        }
        publish(&leadership, current);
        let ended = Leadership { leader: false, leader_addr: None, ..current };
        let mut news = timeout(valid, metrics.changed()).await;
        if news.is_err() && current.leader {
            // A stalled disk stops openraft's loop, and with it the news.
            publish(&leadership, ended);
            news = Ok(metrics.changed().await);
        }
        if let Ok(Err(_stopped)) = news {
            return publish(&leadership, ended);
        }
    }
}

fn publish(leadership: &watch::Sender<Leadership>, current: Leadership) {
    leadership.send_if_modified(|known| std::mem::replace(known, current) != current);
}

/// What `metrics` say, and for how long that can be relied on.
fn assess(metrics: &Metrics) -> (Leadership, Duration) {
    let term = metrics.current_term;
    let membership = metrics.membership_config.membership();
    let leader_addr = metrics
        .current_leader
        .and_then(|leader| membership.get_node(&leader))
        .map(|member| member.addr);
    if metrics.current_leader != Some(metrics.id) {
        return (Leadership { term, leader: false, leader_addr }, QUORUM_LEASE);
    }
    let alone = membership.voter_ids().all(|voter| voter == metrics.id);
    let age = match metrics.millis_since_quorum_ack {
        _ if alone => Some(Duration::ZERO),
        age => age.map(Duration::from_millis),
    };
    let valid = age.and_then(|age| QUORUM_LEASE.checked_sub(age)).filter(|left| !left.is_zero());
    // The first entry of a leader's own term comes after everything earlier leaders have committed.
    let complete = metrics.last_applied.is_some_and(|applied| applied.leader_id.term == term);
    let leader = metrics.state == ServerState::Leader && complete && valid.is_some();
    let leader_addr = leader_addr.filter(|_| leader);
    (Leadership { term, leader, leader_addr }, valid.unwrap_or(QUORUM_LEASE))
}
