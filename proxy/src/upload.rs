//! The body of a request on its way to a task: counted, passed on as the task takes it, and never kept.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;
use tokio::time::Instant;

/// Why a body does not get to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadError {
    /// It is larger than the rule allows.
    #[error("the body of the request is too large")]
    TooLarge,
    /// The client has gone, or what it sends is no body.
    #[error("the body of the request broke off")]
    Broken,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    moved: Option<Instant>,
    wants_more: bool,
    failed: Option<UploadError>,
}

/// How far a body has come, for whoever waits for the answer meanwhile. An empty one has nowhere to go.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Option<Arc<Mutex<State>>>);

impl Progress {
    fn of(body: &impl Body) -> Self {
        let state = || Arc::new(Mutex::new(State::default()));
        Self((!body.is_end_stream()).then(state))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if let Some(state) = &self.0 {
            change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn state(&self) -> State {
        let state = self.0.as_ref();
        state.map_or_else(State::default, |it| *it.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the last piece of it was passed on, if any was.
    pub(crate) fn moved(&self) -> Option<Instant> {
        self.state().moved
    }

    /// Whether the task would take more than the client has sent.
    pub(crate) fn wants_more(&self) -> bool {
        self.state().wants_more
    }

    pub(crate) fn failed(&self) -> Option<UploadError> {
        self.state().failed
    }
}

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Upload {
    /// `None`: an empty one, for a request that is sent once more.
    body: Option<Incoming>,
    left: u64,
    progress: Progress,
}

impl Upload {
    pub(crate) fn new(body: Incoming, limit: Option<u64>) -> Self {
        let progress = Progress::of(&body);
        Self { body: Some(body), left: limit.unwrap_or(u64::MAX), progress }
    }

    pub(crate) fn empty() -> Self {
        Self { body: None, left: 0, progress: Progress(None) }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn fail(&self, error: UploadError) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        self.progress.change(|state| state.failed = Some(error));
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        self.progress.change(|state| {
            state.wants_more = polled.is_pending();
            if polled.is_ready() {
                state.moved = Some(Instant::now());
            }
        });
        let Some(frame) = ready!(polled) else {
            return Poll::Ready(None);
        };
        let Ok(frame) = frame else {
            return self.fail(UploadError::Broken);
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        match self.left.checked_sub(u64::try_from(length).unwrap_or(u64::MAX)) {
            Some(left) => self.left = left,
            None => return self.fail(UploadError::TooLarge),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
