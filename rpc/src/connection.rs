//! What both sides of a connection keep to: how long they wait for each other, and how they say which protocols they speak.

use std::time::Duration;

use hyper::HeaderMap;
use swarmlite_proto::protocol::HEADER;
use swarmlite_proto::protocol::Range;

/// The protocols that the sender of these headers speaks.
pub(crate) fn spoken(headers: &HeaderMap) -> Range {
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
