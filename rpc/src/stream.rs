//! Messages both ways over the body of one HTTP/2 request and the body of its answer. The same on both sides.

use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Body as HttpBody;
use hyper::body::Frame;
use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::frame::Decoder;
use swarmlite_proto::frame::FrameError;
use swarmlite_proto::frame::encode;
use tokio::sync::mpsc;

/// Any error of a transport.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is sent: bytes at hand or a stream of messages.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How many messages wait for the network before [`FrameSender::send`] waits too: enough to keep the wire busy, few enough
/// that a peer that does not read is noticed.
const SEND_DEPTH: usize = 16;

/// A stream of messages has ended early.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer reads no more.
    #[error("the stream is closed")]
    Closed,
    /// What came is not a message, or what goes cannot be one.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] BoxError),
}

/// A message as it is sent, for those who say the same to many. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded(Bytes);

impl Encoded {
    /// `message`.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded.
    pub fn of<T: Serialize>(message: &T) -> Result<Self, FrameError> {
        Ok(Self(Bytes::from(encode(message)?)))
    }

    /// The message again, for those who take it without a connection. `None` if it is not one.
    ///
    /// # Errors
    ///
    /// When it cannot be decoded as one of this type.
    pub fn message<T: DeserializeOwned>(&self) -> Result<Option<T>, FrameError> {
        let mut decoder = Decoder::default();
        decoder.feed(&self.0);
        decoder.next_message()
    }
}

/// Sends messages. The stream ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct FrameSender {
    frames: mpsc::Sender<Bytes>,
}

impl FrameSender {
    /// Sends one message; waits while the peer is slow.
    ///
    /// # Errors
    ///
    /// When the stream is closed or the message cannot be encoded.
    pub async fn send<T: Serialize>(&self, message: &T) -> Result<(), StreamError> {
        self.pass(Encoded::of(message)?).await
    }

    /// Sends one message that is encoded already; waits while the peer is slow.
    ///
    /// # Errors
    ///
    /// When the stream is closed.
    pub async fn pass(&self, Encoded(frame): Encoded) -> Result<(), StreamError> {
        self.frames.send(frame).await.map_err(|_closed| StreamError::Closed)
    }

    /// Waits until the peer reads no more.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

/// A sender, and the body that carries what it sends: of a request on the calling side, of the answer on the other.
#[must_use]
pub fn frames() -> (FrameSender, Body) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(SEND_DEPTH);
    let frames = stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    });
    (FrameSender { frames: sender }, StreamBody::new(frames).boxed_unsync())
}

/// Receives messages.
pub struct FrameReceiver {
    body: UnsyncBoxBody<Bytes, BoxError>,
    decoder: Decoder,
    bytes: u64,
}

impl fmt::Debug for FrameReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReceiver").finish_non_exhaustive()
    }
}

impl FrameReceiver {
    /// Reads the messages in `body`.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            body: body.map_err(Into::into).boxed_unsync(),
            decoder: Decoder::default(),
            bytes: 0,
        }
    }

    /// How many bytes have come, before TLS.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next message; `None` once the peer has ended the stream. Cancel-safe: what has been read is kept.
    ///
    /// # Errors
    ///
    /// When the connection broke or what came is not a message.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StreamError> {
        loop {
            if let Some(message) = self.decoder.next_message()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(StreamError::Broken(error)),
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.bytes += bytes.len() as u64;
                        self.decoder.feed(bytes);
                    }
                }
            }
        }
    }
}
