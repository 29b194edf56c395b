//! Connections that have gone over to another protocol: bytes both ways, until one side ends.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::sync::watch;

/// The tunnels that are open. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Tunnels(watch::Sender<()>);

impl Tunnels {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Connects the two as soon as both have gone over.
    pub(crate) fn open(&self, client: OnUpgrade, task: OnUpgrade) {
        let mut open = self.0.subscribe();
        tokio::spawn(async move {
            let carried = async {
                let (client, task) = tokio::try_join!(client, task)?;
                let (mut client, mut task) = (TokioIo::new(client), TokioIo::new(task));
                copy_bidirectional(&mut client, &mut task).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            };
            tokio::select! {
                // How it has ended matters only to the two.
                _ended = carried => {}
                () = async { while open.changed().await.is_ok() {} } => {}
            }
        });
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }
}
