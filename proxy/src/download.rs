//! The body of an answer on its way to the client: passed on as the client takes it, as long as the task is not silent for too long.

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

use crate::connection::Connection;
use crate::patience::Patience;
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
    waited: Patience,
    lease: Option<Lease>,
}

impl Download {
    pub(crate) fn new(body: Incoming, silence: Duration, lease: Option<Lease>) -> Self {
        let is_over = body.is_end_stream();
        let mut download = Self { body, silence, waited: Patience::default(), lease };
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
            let Self { waited, silence, .. } = self.get_mut();
            let silent = |_| Some(Err("the task went silent".into()));
            return waited.poll(*silence, context).map(silent);
        };
        self.waited.stop();
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
