//! Where tasks may be, and whether they may stay: what the scheduler, the orchestrators and the constraint enforcer all have to know, so that none calls another.
//!
//! Functions of objects and of the state. Nothing here decides or changes anything.

pub(crate) mod constraint;
mod dirty;
mod home;
mod node;
mod slot;

pub(crate) use self::dirty::are_alike;
pub use self::dirty::is_dirty;
pub(crate) use self::home::home;
pub(crate) use self::node::fits;
pub(crate) use self::node::keeps_tasks;
pub(crate) use self::slot::SlotKey;
pub(crate) use self::slot::live_slots;
pub(crate) use self::slot::predecessors;
