//! The name service of the overlay networks.
//!
//! In each network's namespace a server listens on the network's gateway address. What it knows ([`zone`]) it answers from memory, with
//! or without managers; everything else goes to the node's own resolvers.
//!
//! A namespace is entered only to open its sockets.

mod server;
pub(crate) mod zone;

pub(crate) use self::server::DnsServer;
pub(crate) use self::server::Forwarder;
pub(crate) use self::zone::Names;
