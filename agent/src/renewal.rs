//! Keeps the node's certificate fresh: renews it when half its life is over, when the node has got another role, and when the managers say
//! so, as their authority changes. Trusts the authority that they name.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use swarmlite_proto::error::chain;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::time::Timestamp;
use swarmlite_rpc::Client;
use swarmlite_rpc::tls;
use swarmlite_vault::Vault;
use tokio::sync::watch;

use crate::identity;

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
    /// The authority that the managers tell the node to trust, PEM.
    pub(crate) trust: watch::Receiver<Option<String>>,
    /// Within which time the managers want the certificate renewed, each time they do.
    pub(crate) renew: watch::Receiver<Duration>,
    /// Presents the new certificate from then on.
    pub(crate) client: Client,
}

/// What there is to do.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    /// Renew the certificate, if it is time or the role has changed.
    IfDue,
    /// Trust another authority.
    Trust,
    /// Renew the certificate.
    Ordered,
}

impl Renewal {
    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let wait = self.wait(Timestamp::now());
            // Cancel-safe: a change that is not seen stays marked.
            let step = tokio::select! {
                () = tokio::time::sleep(wait) => Trigger::IfDue,
                Ok(()) = self.role.changed() => Trigger::IfDue,
                Ok(()) = self.trust.changed() => Trigger::Trust,
                Ok(()) = self.renew.changed() => Trigger::Ordered,
            };
            if let Err(reason) = self.carry_out(&step).await {
                tracing::warn!(reason, ?step, "cannot renew the certificate");
                tokio::time::sleep(RETRY).await;
                match step {
                    Trigger::IfDue => {}
                    Trigger::Trust => self.trust.mark_changed(),
                    Trigger::Ordered => self.renew.mark_changed(),
                }
            }
        }
    }

    async fn carry_out(&mut self, step: &Trigger) -> Result<(), String> {
        match step {
            Trigger::IfDue if self.wait(Timestamp::now()).is_zero() => self.renew().await,
            Trigger::IfDue => Ok(()),
            Trigger::Trust => {
                let root_ca = self.trust.borrow_and_update().clone();
                let before = self.identity.borrow().clone();
                match root_ca {
                    Some(root_ca) if root_ca != before.root_ca => {
                        tracing::info!("the managers have another certificate authority");
                        self.assume(Identity { root_ca, ..before }).await
                    }
                    _ => Ok(()),
                }
            }
            Trigger::Ordered => {
                // Each node at a time of its own, so that the managers need not sign all at once.
                let within = *self.renew.borrow_and_update();
                tokio::time::sleep(within.mul_f64(rand::random())).await;
                self.renew().await
            }
        }
    }

    fn wait(&self, now: Timestamp) -> Duration {
        good_for(&self.identity.borrow(), *self.role.borrow(), now)
    }

    async fn renew(&mut self) -> Result<(), String> {
        let announced = *self.role.borrow_and_update();
        let before = self.identity.borrow().clone();
        let managers = self.managers.borrow().clone();
        let renewed = identity::renew(&before, &managers).await.map_err(|error| chain(&error))?;
        let role = renewed.role;
        self.assume(renewed).await?;
        tracing::info!(role = role.as_str(), "the certificate is renewed");
        let as_announced = announced.is_none_or(|announced| announced == role);
        if as_announced { Ok(()) } else { Err("the role is not the announced one yet".to_owned()) }
    }

    /// Makes `renewed` the identity of the node. On disk first: what others see of it has to survive a crash.
    async fn assume(&self, renewed: Identity) -> Result<(), String> {
        // Also what came from a manager has to be of use.
        tls::client_config(&renewed).map_err(|error| chain(&error))?;
        let (state_dir, vault) = (self.state_dir.clone(), Arc::clone(&self.vault));
        let kept = renewed.clone();
        tokio::task::spawn_blocking(move || identity::save(&state_dir, &vault, &kept))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| chain(&error))?;
        self.client.set_identity(&renewed).map_err(|error| chain(&error))?;
        self.identity.send_replace(renewed);
        Ok(())
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
    use crate::task::samples::id;

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
