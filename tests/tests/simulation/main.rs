//! A whole cluster in time that passes only when all of it waits: three managers, some machines, users, and everything that goes wrong.
//!
//! The state machine, all loops of the leader, what sessions say, and what agents do about tasks are the real ones. The network ([`sessions`]),
//! the log ([`log`]), who leads ([`managers`]), engines and kernels ([`machines`]), users ([`commands`]) and what goes wrong ([`faults`]) are
//! drawn from one seed. After every step [`invariants`] says whether all that must hold does. Raft itself, with disks, has a simulation of its
//! own.
//!
//! CONTRIBUTING.md says how to try many seeds, or one with all that happens.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod founding;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod log;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod managers;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod specs;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod world;
