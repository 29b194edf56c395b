//! Certificates by ACME (RFC 8555) for the hosts of HTTP rules: ordered once for the whole cluster, by the leader.
//!
//! - `plan`: what to ask the server for, and when: a pure function of the state and of the time.
//! - `outcome`: what becomes of the state by what the server has said. Pure too.
//! - `server`: the server, behind a trait; `client`: the real one.
//! - `driver`: asks, and proposes. It decides nothing.
//!
//! Account, orders and certificates are in the state, so that a new leader goes on where the old one was. What the server may ask the nodes for is
//! there too, and the server is not asked to look before they have all confirmed that they know it. Never talks to nodes: the dispatcher does.

mod client;
mod driver;
mod outcome;
mod plan;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use self::client::Client;
pub(crate) use self::driver::Inputs;
pub(crate) use self::driver::run;
pub use self::plan::renewal;
