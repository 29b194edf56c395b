//! The name service of the overlay networks.
//!
//! In each network's namespace a server listens on the network's gateway address. What it knows ([`zone`]) it answers from memory, with
//! or without managers; everything else goes to the node's own resolvers.
//!
//! A namespace is entered only to open its sockets.

mod server;
pub mod zone;

pub use self::server::DnsServer;
pub use self::server::Forwarder;
pub use self::zone::Names;
