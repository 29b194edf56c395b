//! The body of an answer whose request is written to the log when it has ended.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::SizeHint;

use super::entry::Entry;

/// The body of an answer, and what is noted of it; without a log, nothing.
#[derive(Debug)]
pub(crate) struct Logged<B> {
    body: B,
    entry: Option<Box<Entry>>,
}

impl<B> Logged<B> {
    pub(crate) fn new(answer: Response<B>, mut entry: Option<Box<Entry>>) -> Response<Self> {
        if let Some(entry) = &mut entry {
            entry.begins(answer.status());
        }
        answer.map(|body| Self { body, entry })
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Logged<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Some(entry), Poll::Ready(Some(Ok(frame)))) = (&mut self.entry, &polled) {
            entry.sends(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
