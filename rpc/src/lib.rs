//! How nodes call each other: HTTP/2 over TLS 1.3, both sides authenticated by certificates of the cluster.
//!
//! - [`Client`]: calls any node by address, and opens streams of messages both ways.
//! - [`paced`]: the same streams for receivers that may be slow.
//! - [`serve`]: the other side: takes connections and hands each request on, together with who sent it.
//! - [`tls`]: the TLS settings of both sides, and what a certificate says about its holder.
//!
//! Paths and bodies are in [`swarmlite_proto::rpc`], messages in streams in [`swarmlite_proto::frame`]. Both sides say which protocols they speak
//! ([`swarmlite_proto::protocol`]). This crate decides nothing: who may call what is for the callee to say.

pub mod client;
pub mod paced;
pub mod server;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;

use std::time::Duration;

pub use client::CallError;
pub use client::Client;
pub use client::TransportError;
use hyper::HeaderMap;
pub use paced::PacedReceiver;
pub use paced::PacedSender;
pub use server::Caller;
pub use server::serve;
pub use stream::FrameReceiver;
pub use stream::FrameSender;
pub use stream::StreamError;
use swarmlite_proto::protocol::HEADER;
use swarmlite_proto::protocol::Range;
pub use tls::peer_of;
pub use tls::server_config;

/// The protocols that the sender of these headers speaks.
fn spoken(headers: &HeaderMap) -> Range {
    Range::of_header(headers.get(HEADER).and_then(|value| value.to_str().ok()))
}

/// How long a peer gets to accept a connection, TLS and HTTP/2 included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call may take in all. A peer that has died is noticed much sooner, by [`KEEP_ALIVE_TIMEOUT`].
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an HTTP/2 ping asks whether the peer of a connection is still there.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// How long the answer to a ping may take before the connection is given up.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
