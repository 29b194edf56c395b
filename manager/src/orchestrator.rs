//! Which tasks there should be: what the loops of all kinds of service have in common.
//!
//! Orchestrators make tasks, and say that tasks should start, stop or be forgotten. They never choose an address or a node (but for
//! global services, where the node is what makes the task), and never write what a task observes of itself, with one exception: a
//! task that no agent has ever seen has nobody else to say that it has ended.

pub mod constraint_enforcer;
pub mod global;
pub mod global_job;
pub mod reaper;
pub mod replicated;
pub mod replicated_job;

mod backoff;
mod handover;
mod job;
mod pass;
mod restart;
mod slot;
mod task;
mod update;

#[cfg(test)]
mod tests;
