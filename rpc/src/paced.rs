//! A stream of messages whose receiver says how many it takes: for receivers that may be slow.
//!
//! All streams between two nodes share one connection and its window, so that a stream that nobody reads would in the end hold up all
//! others, an agent's session among them. Here nothing is sent that was not asked for: what waits for a slow receiver waits at the sender,
//! and at most [`WINDOW`] messages are under way.

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::stream::FrameReceiver;
use crate::stream::FrameSender;
use crate::stream::StreamError;

/// How many messages may be under way: enough that the sender need not wait for each to be asked for.
pub const WINDOW: u32 = 4;

/// The receiver takes so many messages more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Demand(u32);

/// The sending end.
#[derive(Debug)]
pub struct PacedSender {
    messages: FrameSender,
    demands: FrameReceiver,
    demanded: u32,
}

/// The receiving end.
#[derive(Debug)]
pub struct PacedReceiver {
    demands: FrameSender,
    messages: FrameReceiver,
    /// What the sender has to be told still.
    owed: u32,
}

impl PacedSender {
    /// Sends on a stream to somebody who receives with a [`PacedReceiver`].
    #[must_use]
    pub const fn new(messages: FrameSender, demands: FrameReceiver) -> Self {
        Self { messages, demands, demanded: 0 }
    }

    /// Sends one message; waits until it is asked for.
    ///
    /// # Errors
    ///
    /// When the receiver has gone, or the message cannot be encoded.
    pub async fn send<T: Serialize + Sync>(&mut self, message: &T) -> Result<(), StreamError> {
        while self.demanded == 0 {
            self.listen().await?;
        }
        self.demanded -= 1;
        self.messages.send(message).await
    }

    /// Ends the stream, and waits until the receiver has read all of it and gone. Just dropping the sender breaks the stream off: what is still
    /// on its way is then lost.
    pub async fn finish(self) {
        let Self { messages, mut demands, .. } = self;
        drop(messages);
        while let Ok(Some(Demand(_))) = demands.receive().await {}
    }

    /// Waits until the receiver has gone. Cancel-safe.
    pub async fn closed(&mut self) {
        while self.listen().await.is_ok() {}
    }

    async fn listen(&mut self) -> Result<(), StreamError> {
        let Demand(more) = self.demands.receive().await?.ok_or(StreamError::Closed)?;
        self.demanded = self.demanded.saturating_add(more);
        Ok(())
    }
}

impl PacedReceiver {
    /// Receives from a stream of somebody who sends with a [`PacedSender`].
    #[must_use]
    pub const fn new(demands: FrameSender, messages: FrameReceiver) -> Self {
        Self { demands, messages, owed: WINDOW }
    }

    /// The next message; `None` once the sender has ended the stream. Who calls this has done with the message before. Cancel-safe.
    ///
    /// # Errors
    ///
    /// When the connection broke or what came is not a message.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StreamError> {
        if self.owed > 0 {
            // A sender that has ended the stream needs nothing more; what it has sent is still to be read.
            let _sender_gone = self.demands.send(&Demand(self.owed)).await;
            self.owed = 0;
        }
        let message = self.messages.receive().await?;
        if message.is_some() {
            self.owed = 1;
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::stream::frames;

    /// The two ends of one stream.
    fn pair() -> (PacedSender, PacedReceiver) {
        let (messages, message_body) = frames();
        let (demands, demand_body) = frames();
        let sender = PacedSender::new(messages, FrameReceiver::new(demand_body));
        (sender, PacedReceiver::new(demands, FrameReceiver::new(message_body)))
    }

    #[tokio::test]
    async fn nothing_is_sent_that_was_not_asked_for() {
        let (mut sender, mut receiver) = pair();
        let sending = tokio::spawn(async move {
            let mut sent = 0_u32;
            while let Ok(sent_in_time) =
                timeout(Duration::from_millis(200), sender.send(&sent)).await
            {
                sent_in_time.expect("is taken");
                sent += 1;
            }
            (sender, sent)
        });
        assert_eq!(receiver.receive::<u32>().await.expect("sound"), Some(0));
        let (mut sender, sent) = sending.await.expect("no panic");
        assert_eq!(sent, WINDOW, "one was received, but the receiver has not done with it");
        for expected in 1..WINDOW {
            assert_eq!(receiver.receive::<u32>().await.expect("sound"), Some(expected));
        }
        sender.send(&99).await.expect("was asked for");
        assert_eq!(receiver.receive::<u32>().await.expect("sound"), Some(99));
        drop(sender);
        assert_eq!(receiver.receive::<u32>().await.expect("sound"), None);
    }

    #[tokio::test]
    async fn a_stream_that_is_finished_is_read_to_its_end() {
        let (mut sender, mut receiver) = pair();
        let sending = tokio::spawn(async move {
            sender.send(&7).await.expect("is taken");
            sender.finish().await;
        });
        assert_eq!(receiver.receive::<u32>().await.expect("sound"), Some(7));
        assert_eq!(receiver.receive::<u32>().await.expect("sound"), None);
        drop(receiver);
        timeout(Duration::from_secs(10), sending).await.expect("in time").expect("no panic");
    }

    #[tokio::test]
    async fn a_receiver_that_goes_is_noticed() {
        let (mut sender, receiver) = pair();
        drop(receiver);
        timeout(Duration::from_secs(10), sender.closed()).await.expect("is noticed");
        assert!(sender.send(&1).await.is_err());
    }
}
