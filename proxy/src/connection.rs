//! One connection of HTTP/1.1 to a task, for one request after the other.
//!
//! Somebody has to move its bytes. That is whoever waits for an answer: so no other task has to wake up for a request, which would cost more than
//! all else that is done for it. Only while there is a body to send, which goes on while the answer is not taken, the connection is a task of its own.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use hyper::Request;
use hyper::Response;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use swarmlite_proto::id::TaskId;
use tokio::net::TcpStream;

use crate::gather::Gather;
use crate::timer::Timer;
use crate::upload::Upload;

/// A port of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) task: TaskId,
    pub(crate) address: SocketAddr,
}

/// Moves bytes. It ends when its sender is dropped and what it carries has ended.
type Mover = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<Upload>,
    /// `None`: it is a task of its own, or the connection has ended.
    mover: Option<Mover>,
    pub(crate) target: Target,
    /// Whether it has been used before, and so may be closed by the task at any time.
    pub(crate) used: bool,
    /// For what is waited for over it.
    pub(crate) timer: Timer,
}

impl Connection {
    pub(crate) async fn new(stream: TcpStream, target: &Target) -> hyper::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(Gather(stream))).await?;
        let mover: Mover = Box::pin(connection.with_upgrades());
        let (target, timer) = (target.clone(), Timer::new());
        Ok(Self { sender, mover: Some(mover), target, used: false, timer })
    }

    /// Sends a request. The answer comes only together with [`Connection::moving`], and has come with its head: its body has to be read together
    /// with [`Connection::poll`].
    pub(crate) fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> + use<>
    {
        if !request.body().is_end_stream() {
            self.go_alone();
        }
        self.sender.try_send_request(request)
    }

    /// What `waiting` comes to, which waits for what is moved meanwhile.
    pub(crate) fn moving<T>(
        &mut self,
        mut waiting: Pin<&mut impl Future<Output = T>>,
    ) -> impl Future<Output = T> + Unpin {
        std::future::poll_fn(move |context| {
            self.poll(context);
            waiting.as_mut().poll(context)
        })
    }

    /// Moves what can be moved.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) {
        poll(&mut self.mover, context);
    }

    /// From now on it moves by itself: before it goes over to another protocol, or when nobody waits for it any more.
    pub(crate) fn go_alone(&mut self) {
        if let Some(mover) = self.mover.take() {
            // How it ends is told to who has sent the request.
            tokio::spawn(mover);
        }
    }

    /// Whether nothing is on its way any more, as far as it has been moved.
    pub(crate) fn is_idle(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether the next request can be sent. Nobody has looked at it while it was unused, so that it may have been closed meanwhile.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.poll(&mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }

    /// Waits until the next request can be sent. Whether it can be at all.
    pub(crate) async fn ready(&mut self) -> bool {
        self.go_alone();
        self.sender.ready().await.is_ok()
    }
}

fn poll(mover: &mut Option<Mover>, context: &mut Context<'_>) {
    let polled = mover.as_mut().map(|mover| mover.as_mut().poll(context));
    if polled.is_some_and(|polled| matches!(polled, Poll::Ready(_))) {
        *mover = None;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("target", &self.target).finish_non_exhaustive()
    }
}
