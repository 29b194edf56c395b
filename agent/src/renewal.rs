//! Keeps the node's certificate fresh: renews it when half its life is over, and when the node has got another role.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::Client;
use swarmlite_rpc::tls;
use swarmlite_vault::Vault;
use tokio::sync::watch;

use crate::identity;
use crate::identity::chain;

/// How long to wait after a renewal that failed, or that did not bring the role that was announced.
const RETRY: Duration = Duration::from_secs(5);

/// The longest wait: the clock of the machine may be set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Renews the certificate of one node.
#[derive(Debug)]
pub(crate) struct Renewal {
    /// Where the certificate is kept.
    pub(crate) state_dir: PathBuf,
    /// Seals its key on the disk while there is a lock.
    pub(crate) vault: Arc<Vault>,
    /// Who the node is. Everybody else only reads this.
    pub(crate) identity: watch::Sender<Identity>,
    /// Where managers can be reached.
    pub(crate) managers: watch::Receiver<Vec<SocketAddr>>,
    /// The role that the managers announce.
    pub(crate) role: watch::Receiver<Option<NodeRole>>,
    /// Presents the new certificate from then on.
    pub(crate) client: Client,
}

impl Renewal {
    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let wait = self.wait(Timestamp::now());
            // Cancel-safe: a change that is not seen stays marked.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                Ok(()) = self.role.changed() => {}
            }
            if self.wait(Timestamp::now()).is_zero()
                && let Err(reason) = self.renew().await
            {
                tracing::warn!(reason, "cannot renew the certificate");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    fn wait(&self, now: Timestamp) -> Duration {
        good_for(&self.identity.borrow(), *self.role.borrow(), now)
    }

    /// On disk first: what others see of a new role has to survive a crash.
    async fn renew(&mut self) -> Result<(), String> {
        let announced = *self.role.borrow_and_update();
        let before = self.identity.borrow().clone();
        let managers = self.managers.borrow().clone();
        let renewed = identity::renew(&before, &managers).await.map_err(|error| chain(&error))?;
        let (state_dir, vault) = (self.state_dir.clone(), Arc::clone(&self.vault));
        let kept = renewed.clone();
        tokio::task::spawn_blocking(move || identity::save(&state_dir, &vault, &kept))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| chain(&error))?;
        self.client.set_identity(&renewed).map_err(|error| chain(&error))?;
        tracing::info!(role = renewed.role.as_str(), "the certificate is renewed");
        let as_announced = announced.is_none_or(|role| role == renewed.role);
        self.identity.send_replace(renewed);
        if as_announced { Ok(()) } else { Err("the role is not the announced one yet".to_owned()) }
    }
}

/// How long the certificate of `identity` will do: until half its life is over, and not at all if it has another role than was announced.
fn good_for(identity: &Identity, announced: Option<NodeRole>, now: Timestamp) -> Duration {
    if announced.is_some_and(|role| role != identity.role) {
        return Duration::ZERO;
    }
    match tls::validity_of_pem(&identity.certificate) {
        Ok((from, to)) => (from + to.since(from) / 2).since(now).min(LONGEST_WAIT),
        Err(_unreadable) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_rpc::testing::TestCa;

    use super::*;
    use crate::task::fake::id;

    #[test]
    fn a_certificate_does_for_half_its_life_and_for_its_role_only() {
        let identity = TestCa::new(id('c')).issue(&id('n'), NodeRole::Worker);
        let (from, to) = tls::validity_of_pem(&identity.certificate).expect("a certificate");
        let half = from + to.since(from) / 2;
        let minute = Duration::from_secs(60);
        let (early, late) = (half.since(from) - minute, half.since(from) + minute);
        let worker = Some(NodeRole::Worker);
        for (announced, age, expected) in [
            (None, Duration::ZERO, LONGEST_WAIT),
            (worker, early, minute),
            (worker, late, Duration::ZERO),
            (Some(NodeRole::Manager), Duration::ZERO, Duration::ZERO),
        ] {
            assert_eq!(
                good_for(&identity, announced, from + age),
                expected,
                "{announced:?} {age:?}"
            );
        }
    }
}
