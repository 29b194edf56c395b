//! How nodes call each other: HTTP/2 over TLS 1.3, both sides authenticated by certificates of the cluster.
//!
//! - [`Client`]: calls any node by address, and opens streams of messages both ways.
//! - [`paced`]: the same streams for receivers that may be slow.
//! - [`serve`]: the other side: takes connections and hands each request on, together with who sent it. [`Limits`]: for those without a certificate.
//! - [`engine`]: how the node's own Docker Engine is reached, for those above that share this.
//! - [`tls`]: the TLS settings of both sides, and what a certificate says about its holder.
//!
//! Paths and bodies are in [`swarmlite_proto::rpc`], messages in streams in [`swarmlite_proto::frame`]. Both sides say which protocols they speak
//! ([`swarmlite_proto::protocol`]). This crate decides nothing: who may call what is for the callee to say.

pub mod client;
mod connection;
pub mod engine;
pub mod paced;
pub mod server;
mod strangers;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;

pub use client::CallError;
pub use client::Client;
pub use client::TransportError;
pub use connection::CALL_TIMEOUT;
pub use connection::CONNECT_TIMEOUT;
pub use connection::KEEP_ALIVE_INTERVAL;
pub use connection::KEEP_ALIVE_TIMEOUT;
pub use paced::PacedReceiver;
pub use paced::PacedSender;
pub use server::Caller;
pub use server::serve;
pub use strangers::Limits;
pub use stream::Encoded;
pub use stream::FrameReceiver;
pub use stream::FrameSender;
pub use stream::StreamError;
pub use tls::peer_of;
pub use tls::server_config;
