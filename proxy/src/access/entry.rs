//! What is noted of one request, from its head until its answer has ended, however that comes about.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use swarmlite_proto::id::TaskId;
use tokio::time::Instant;

use super::AccessLog;
use super::format;
use super::record::Outcome;
use super::record::Seen;
use crate::origin::Origin;
use crate::table::Service;

/// What is written for a client that has gone before it had an answer, as nginx does.
const GONE: u16 = 499;

/// A request that is being answered. Dropping it writes it to the log.
#[derive(Debug)]
pub(crate) struct Entry {
    log: AccessLog,
    seen: Seen,
    begun: Instant,
    outcome: Outcome,
}

impl Entry {
    pub(super) fn new(log: AccessLog, seen: Seen, begun: Instant) -> Self {
        let outcome =
            Outcome { status: GONE, bytes: 0, duration: Duration::ZERO, service: None, task: None };
        Self { log, seen, begun, outcome }
    }

    /// The client, as far as that is known.
    pub(crate) fn comes_from(&mut self, origin: &Origin) {
        (self.seen.client, self.seen.tls) = (origin.ip, origin.tls);
    }

    /// A rule of this service takes it.
    pub(crate) fn taken(&mut self, service: &Arc<Service>) {
        self.outcome.service = Some(Arc::clone(service));
    }

    /// This task has answered it.
    pub(crate) fn answered(&mut self, task: &TaskId) {
        self.outcome.task = Some(task.clone());
    }

    pub(super) fn begins(&mut self, status: StatusCode) {
        self.outcome.status = status.as_u16();
    }

    pub(super) fn sends(&mut self, bytes: usize) {
        self.outcome.bytes += u64::try_from(bytes).unwrap_or_default();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.outcome.duration = self.begun.elapsed();
        let line = format::line(self.log.format, &self.seen, &self.outcome);
        self.log.lines.add(line.as_bytes());
    }
}
