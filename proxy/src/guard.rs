//! A client's connection, as the parser of HTTP sees it: with what breaks the framing of requests kept out, and with limits on how slow a client
//! may be.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use crate::framing::Framing;
use crate::framing::Violation;
use crate::limits::Limits;
use crate::patience::Patience;

/// What the parser sees in the place of what breaks a head: something that no head may contain, and its end, without which it would wait for more.
const POISON: &[u8] = b"\0\r\n\r\n";

/// For how long a client is listened to that has got its last answer.
const LINGER: Duration = Duration::from_secs(2);

/// Whether a connection has gone over to another protocol.
#[derive(Clone, Debug, Default)]
pub(crate) struct GoneOver(Arc<AtomicBool>);

impl GoneOver {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Guard<S> {
    stream: S,
    framing: Framing,
    gone_over: GoneOver,
    limits: Limits,
    read: Patience,
    write: Patience,
    refused: Option<Refused>,
    is_shut: bool,
}

/// What follows after what got through.
#[derive(Clone, Copy, Debug)]
enum Refused {
    /// The rest of [`POISON`]. The parser refuses the request, and ends the connection when the answers to those before it are out.
    Head(&'static [u8]),
    /// An error within a body.
    Body,
}

impl Refused {
    fn poll_read(&mut self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Head([]) => Poll::Pending,
            Self::Head(rest) => {
                let (now, later) = rest.split_at(rest.len().min(buffer.remaining()));
                buffer.put_slice(now);
                *rest = later;
                Poll::Ready(Ok(()))
            }
            Self::Body => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
    }
}

impl<S> Guard<S> {
    /// `stream` speaks HTTP/1.1, or HTTP/2 from its first bytes on.
    pub(crate) fn new(stream: S, limits: Limits, gone_over: GoneOver) -> Self {
        Self {
            stream,
            framing: Framing::new(),
            gone_over,
            limits,
            read: Patience::default(),
            write: Patience::default(),
            refused: None,
            is_shut: false,
        }
    }

    /// Leaves in `buffer`, of what has been read from `start` on, what gets through.
    fn check(&mut self, buffer: &mut ReadBuf<'_>, start: usize) {
        if self.gone_over.get() {
            self.framing.let_through();
        }
        if let Err(Violation { at, in_head }) = self.framing.read(&buffer.filled()[start..]) {
            buffer.set_filled(start + at);
            self.refused = Some(if in_head { Refused::Head(POISON) } else { Refused::Body });
        }
    }

    /// For how long the client may send nothing. Between requests, and within bodies, others look after that.
    fn silence(&self) -> Option<Duration> {
        if self.framing.in_head() {
            Some(self.limits.head)
        } else if self.framing.is_untouched() {
            Some(self.limits.idle)
        } else {
            None
        }
    }

    fn poll_written<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_pending() {
            return self.write.poll(self.limits.idle, context).map(Err);
        }
        self.write.stop();
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if let Some(refused) = &mut guard.refused {
            return refused.poll_read(buffer);
        }
        let start = buffer.filled().len();
        // The time for a head runs from its first byte to its last, however many come in between.
        let silence = guard.silence();
        if Pin::new(&mut guard.stream).poll_read(context, buffer).is_pending() {
            let Some(limit) = silence else { return Poll::Pending };
            return guard.read.poll(limit, context).map(Err);
        }
        guard.check(buffer, start);
        if guard.silence() != silence {
            guard.read.stop();
        }
        match &mut guard.refused {
            Some(refused) if buffer.filled().len() == start => refused.poll_read(buffer),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        let written = Pin::new(&mut guard.stream).poll_write(context, bytes);
        guard.poll_written(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        let written = Pin::new(&mut guard.stream).poll_write_vectored(context, bytes);
        guard.poll_written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        let flushed = Pin::new(&mut guard.stream).poll_flush(context);
        guard.poll_written(flushed, context)
    }

    /// Ends the connection such that the client gets all of the last answer: a connection that is closed with something unread is reset, and
    /// what was on the way is lost (RFC 9112, 9.6).
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if !guard.is_shut {
            let shut = Pin::new(&mut guard.stream).poll_shutdown(context);
            ready!(guard.poll_written(shut, context))?;
            guard.is_shut = true;
            guard.read.stop();
        }
        // In a tunnel one side may have more to say when the other has ended.
        if guard.gone_over.get() {
            return Poll::Ready(Ok(()));
        }
        let mut unread = [MaybeUninit::uninit(); 4096];
        loop {
            if guard.read.poll(LINGER, context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::uninit(&mut unread);
            let read = ready!(Pin::new(&mut guard.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
