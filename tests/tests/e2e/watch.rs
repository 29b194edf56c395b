//! A client that never stops asking while something is done to the cluster.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use anyhow::ensure;
use swarmlite_lab::Lab;
use swarmlite_lab::Node;
use swarmlite_proto::time::Timestamp;
use tokio::task::JoinHandle;

/// Requests to some nodes in turn, one after the other, from the outside.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Outcome>,
}

#[derive(Default)]
struct Outcome {
    answered: usize,
    failures: Vec<String>,
}

impl Watch {
    /// Begins to ask `nodes` on `port`.
    pub(crate) fn start(lab: &Lab, nodes: &[&Node], port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let urls: Vec<String> =
            nodes.iter().map(|node| format!("http://{}:{port}/", node.address())).collect();
        let asking = tokio::spawn(ask_until(lab.clone(), urls, Arc::clone(&stop)));
        Self { stop, asking }
    }

    /// Stops asking.
    ///
    /// # Errors
    ///
    /// When a request has failed, or nothing was asked.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        let Outcome { answered, failures } = self.asking.await?;
        let failed = failures.len();
        ensure!(failed == 0, "{failed} requests failed, {answered} did not: {}", failures[0]);
        ensure!(answered > 0, "nothing was asked");
        Ok(())
    }
}

async fn ask_until(lab: Lab, urls: Vec<String>, stop: Arc<AtomicBool>) -> Outcome {
    let mut outcome = Outcome::default();
    for url in urls.iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let begun = Timestamp::now();
        match lab.ask(&["get", url]).await {
            Ok(_) => outcome.answered += 1,
            // When, as the logs of the nodes say what they did then.
            Err(error) => outcome.failures.push(format!("begun {begun}: {error:#}")),
        }
    }
    outcome
}
