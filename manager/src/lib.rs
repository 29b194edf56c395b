//! The control plane of swarmlite.
//!
//! - [`state`]: what the cluster is, replicated; the only bus between all that follows.
//! - [`access`]: the cluster as an API for users needs it; [`quorum`]: who leads, and who can be reached.
//! - [`acme`]: certificates for the hosts of HTTP rules.
//! - [`attachments`]: standalone containers on networks of the cluster.
//! - [`backup`]: all of the state in one file, and the cluster that is made of one.
//! - [`ca`]: the certificate authority, and how machines become nodes.
//! - `server`: what managers answer to other nodes, and who may ask; `message`: the bodies of calls. `clock`: the simplest of them.
//! - `members`: who the managers are, and how roles change.
//! - [`manager`]: all of this as one; `metrics`: its numbers, for Prometheus.
//! - [`raft`]: keeps that state the same on every manager.
//! - [`store`]: how the rest reads that state and proposes changes to it.
//! - `reconcile`: what a loop of the leader is: what it decides from, and what it wants done.
//! - `loops`: all of them, and what drives them: `liveness`, [`orchestrator`], [`attachments`], `allocator`, [`scheduler`],
//!   `rebalancer`, [`routing`], `upgrade`.
//! - [`expression`]: what users say about nodes in a language of their own.
//! - [`placement`]: where tasks may be, for those loops that have to know.
//! - `heartbeat`: when nodes were last heard of; `suspicion`: which nodes others cannot reach.
//! - [`dry_run`]: where tasks would go; [`simulation`]: what would become of the cluster if nodes were lost or added.
//! - [`dispatcher`]: what agents are told.
//! - [`events`]: what has happened in the cluster.
//! - [`load`]: what the nodes have to do, measured; [`reports`]: that, and what they answer over HTTP, for those who ask.
//! - [`logs`]: what tasks write, from the agents to those who read it.
//! - `testing`: what benchmarks reach into.
//!
//! Others see what the API and the daemon need: the state and how to read and change it, and the manager as a whole. The loops, what
//! they share and what other nodes are answered are private.
//!
//! A manager never touches Docker or the kernel; that is the agents' part.

pub mod access;
pub mod acme;
mod allocator;
pub mod attachments;
pub mod backup;
pub mod ca;
mod clock;
pub mod dispatcher;
pub mod dry_run;
pub mod events;
pub mod expression;
mod heartbeat;
mod liveness;
pub mod load;
pub mod logs;
mod loops;
pub mod manager;
mod members;
mod message;
mod metrics;
pub mod orchestrator;
pub mod placement;
pub mod quorum;
pub mod raft;
mod rebalancer;
mod reconcile;
pub mod reports;
pub mod routing;
pub mod scheduler;
mod server;
pub mod simulation;
pub mod state;
pub mod store;
mod suspicion;
#[cfg(feature = "testing")]
pub mod testing;
mod upgrade;
