//! The access log: a line for each request, with what has become of it. Lines wait here to be written; where they go, and when, is decided elsewhere.

mod body;
mod entry;
mod format;
mod lines;
mod record;

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::time::Timestamp;
use tokio::time::Instant;

pub(crate) use self::body::Logged;
pub(crate) use self::entry::Entry;
pub use self::lines::Lines;
use self::record::Seen;
use crate::client::Client;

/// Where requests are written to, and how. Clones write to the same lines.
#[derive(Clone, Debug)]
pub struct AccessLog {
    /// How a line looks.
    pub format: AccessLogFormat,
    /// The lines.
    pub lines: Arc<Lines>,
}

impl AccessLog {
    /// Begins to note a request. It is written when the entry is dropped.
    pub(crate) fn begin(&self, request: &Request<Incoming>, client: &Client) -> Entry {
        let seen = Seen::of(request, client, Timestamp::now());
        Entry::new(self.clone(), seen, Instant::now())
    }
}
