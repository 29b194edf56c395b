//! The body of an answer on its way to the client: passed on as the client takes it, as long as the task is not silent for too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;
use tokio::time::Instant;
use tokio::time::Sleep;

use crate::connection::Connection;
use crate::pool::Pool;

/// A connection that goes back when the answer on it has ended.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) pool: Arc<Pool>,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Download {
    body: Incoming,
    silence: Duration,
    /// Runs while the task is waited for. A client that takes nothing is waited for elsewhere.
    waited: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
    lease: Option<Lease>,
}

impl Download {
    pub(crate) fn new(body: Incoming, silence: Duration, lease: Option<Lease>) -> Self {
        let is_over = body.is_end_stream();
        let mut download = Self { body, silence, waited: None, is_waiting: false, lease };
        if is_over {
            download.give_back();
        }
        download
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.pool.put(lease.connection);
        }
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let deadline = Instant::now() + self.silence;
        let waited =
            self.waited.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.is_waiting {
            self.is_waiting = true;
            waited.as_mut().reset(deadline);
        }
        let silent = |()| io::Error::new(io::ErrorKind::TimedOut, "the task went silent");
        waited.as_mut().poll(context).map(silent)
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut polled = Pin::new(&mut self.body).poll_frame(context);
        if let (true, Some(lease)) = (polled.is_pending(), &mut self.lease) {
            lease.connection.poll(context);
            polled = Pin::new(&mut self.body).poll_frame(context);
        }
        let Poll::Ready(polled) = polled else {
            return self.poll_silence(context).map(|silent| Some(Err(silent.into())));
        };
        self.is_waiting = false;
        match polled {
            // Whoever takes a body of known length does not ask for more when it has all of it.
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            Some(Ok(_)) | None => self.give_back(),
            Some(Err(_)) => self.lease = None,
        }
        Poll::Ready(polled.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
