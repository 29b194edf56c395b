//! Whether what a user asks for makes sense in itself, in Docker's words (swarmkit `manager/controlapi`, moby `daemon/cluster/convert`).
//!
//! Each function takes what a client wrote and gives back what the cluster keeps: absent settings that have one meaning only are
//! filled in, and what swarmlite does not do is refused by name. What depends on the state of the cluster (whether a name is
//! taken, whether a network exists) is not for this module to know.

pub mod affinity;
pub mod constraint;
pub mod name;

mod container;
mod document;
mod endpoint;
mod extension;
mod http;
mod network;
mod node;
mod privileges;
mod reference;
mod service;
mod swarm;

pub use self::document::config;
pub use self::document::secret;
pub use self::network::network;
pub use self::node::availability;
pub use self::service::service;
pub use self::swarm::address_pools;
pub use self::swarm::data_path_port;
pub use self::swarm::init;
pub use self::swarm::join;
pub use self::swarm::subnet_size;
pub use self::swarm::swarm_spec;
use crate::error::Error;
use crate::error::Result;

/// Refuses what swarmlite does not do, by the path of the member.
fn unsupported(path: &str, is_set: bool) -> Result<()> {
    if is_set { Err(Error::invalid(format!("unsupported field: {path}"))) } else { Ok(()) }
}

/// Refuses with `message` unless `holds`.
fn require(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::invalid(message())) }
}

#[cfg(test)]
mod tests;
