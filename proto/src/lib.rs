//! The vocabulary of swarmlite: what the manager, the agent and the clients must agree on, and nothing else.
//!
//! - [`id`], [`time`], [`version`]: the small values everything is made of.
//! - [`spec`]: what users ask for, in the JSON of the Docker Engine API.
//! - [`object`]: what the cluster keeps: spec, status and bookkeeping.
//! - [`api`]: objects as the Docker Engine API prints them.
//! - [`clock`]: how far the clocks of two nodes are apart.
//! - [`balance`]: how connections are spread over the tasks of a service.
//! - [`backoff`]: how long to wait before what keeps failing is tried again.
//! - [`agent`]: what a manager and an agent say to each other.
//! - [`attachment`]: standalone containers on networks of the cluster.
//! - [`address`]: which addresses count as one client.
//! - [`engine`]: by which names a Docker Engine knows what is of the cluster.
//! - [`load`], [`traffic`]: what a machine has to do, and what it answers over HTTP.
//! - [`logs`]: the output of tasks on its way to those who read it.
//! - [`identity`], [`rpc`], [`frame`], [`messagepack`]: who a node is, and how nodes call each other.
//! - [`registry`]: credentials for registries.
//! - [`json`], [`validate`]: what clients write, read as Docker reads it, and checked.
//! - [`value`], [`container_option`], [`placement_option`], [`http_rules`]: what users write in options and labels.
//! - [`task_state`]: the life of a task.
//! - `testing`: inputs with something wrong in them, for tests.
//! - [`unlock_key`]: what opens the locked managers of a cluster.
//! - [`protocol`], [`mod@format`]: which versions of swarmlite talk to each other, and which read what others have written.
//! - [`error`]: refusals, with the class that decides Docker's HTTP status.
//!
//! This crate never does I/O and reads no clock but in [`time::Timestamp::now`].

pub mod address;
pub mod agent;
pub mod api;
pub mod attachment;
pub mod backoff;
pub mod balance;
pub mod clock;
pub mod container_option;
pub mod engine;
pub mod error;
pub mod format;
pub mod frame;
pub mod http_rules;
pub mod id;
pub mod identity;
pub mod json;
mod label_option;
pub mod load;
pub mod logs;
pub mod messagepack;
pub mod next;
pub mod object;
pub mod placement_option;
pub mod protocol;
pub mod registry;
pub mod rpc;
pub mod spec;
pub mod task_state;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod traffic;
pub mod unlock_key;
pub mod validate;
pub mod value;
pub mod version;
