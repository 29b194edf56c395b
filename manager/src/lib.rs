//! The control plane of swarmlite.
//!
//! - [`state`]: what the cluster is, replicated; the only bus between all that follows.
//! - [`api`]: the Docker Engine API, as clients see it.
//! - [`attachments`]: containers that are not of a service, on networks of the cluster.
//! - [`ca`]: the certificate authority, and how machines become nodes.
//! - [`server`]: what managers answer to other nodes, and who may ask.
//! - [`members`]: who the managers are, and how roles change.
//! - [`manager`]: all of this as one.
//! - [`raft`]: keeps that state the same on every manager.
//! - [`store`]: how the rest reads that state and proposes changes to it.
//! - [`reconcile`]: the loops of the leader, and what drives them: [`liveness`], [`orchestrator`], [`attachments`],
//!   [`allocator`], [`scheduler`], [`routing`].
//! - [`dispatcher`]: what agents are told.
//! - [`events`]: what has happened in the cluster.
//! - [`logs`]: what tasks write, from the agents to those who read it.
//!
//! A manager never touches Docker or the kernel; that is the agents' part.

pub mod allocator;
pub mod api;
pub mod attachments;
pub mod ca;
pub mod dispatcher;
pub mod events;
pub mod liveness;
pub mod logs;
pub mod manager;
pub mod members;
pub mod orchestrator;
pub mod raft;
pub mod reconcile;
pub mod routing;
pub mod scheduler;
pub mod server;
pub mod state;
pub mod store;
