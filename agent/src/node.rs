//! What the node says about itself: what the engine says about the machine, and what this node adds.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::error::chain;
use swarmlite_proto::format::Versions;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::TlsInfo;
use swarmlite_rpc::tls;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::config::AgentConfig;
use crate::task::runtime::Runtime;
use crate::task::runtime::RuntimeError;

/// How often the engine is asked again: labels, plugins and memory of a machine seldom change.
const REFRESH: Duration = Duration::from_secs(60);

/// How often the engine is asked whether it is there.
const PING: Duration = Duration::from_secs(5);

/// How long it may take to say so.
const PING_LIMIT: Duration = Duration::from_secs(10);

/// How long an engine may be away until it counts as gone. One that is restarted stops its containers first, which takes up to 15 s
/// (`dockerd --shutdown-timeout`), and then has to start: no task should be replaced because of that.
const AWAY: Duration = Duration::from_secs(30);

/// What the node says about itself.
///
/// # Errors
///
/// When the engine does not answer.
pub(crate) async fn registration<R: Runtime>(
    runtime: &R,
    config: &AgentConfig,
    identity: &Identity,
) -> Result<Registration, RuntimeError> {
    let mut described = runtime.describe().await?;
    described.resources.generic_resources.clone_from(&config.generic_resources);
    let description = NodeDescription {
        hostname: config.hostname.clone().unwrap_or(described.hostname),
        tls_info: tls_info(identity),
        dataplane: config.dataplane.balancer.to_string(),
        dataplane_reason: config.dataplane.reason.clone(),
        ..described
    };
    Ok(Registration {
        description,
        data_path_addr: config.data_path_addr,
        versions: Versions::own(),
    })
}

/// Keeps `registration` up to date, for ever.
pub(crate) async fn refresh<R: Runtime>(
    runtime: Arc<R>,
    config: AgentConfig,
    mut identity: watch::Receiver<Identity>,
    known: watch::Sender<Registration>,
) {
    loop {
        // Cancel-safe, both. Whoever holds the identity ends this task too.
        tokio::select! {
            () = tokio::time::sleep(REFRESH) => {}
            Ok(()) = identity.changed() => {}
        }
        let current = identity.borrow_and_update().clone();
        match registration(&*runtime, &config, &current).await {
            Ok(now) => drop(known.send_if_modified(|before| {
                let differs = *before != now;
                *before = now;
                differs
            })),
            Err(error) => tracing::warn!(error = chain(&error), "cannot describe the node"),
        }
    }
}

/// Keeps `answers` saying whether the engine answers, for ever. One that is away for a short time is taken to answer.
pub(crate) async fn watch_engine<R: Runtime>(runtime: Arc<R>, answers: watch::Sender<bool>) {
    let mut last = Instant::now();
    loop {
        let answer = timeout(PING_LIMIT, runtime.ping()).await;
        if matches!(answer, Ok(Ok(()))) {
            last = Instant::now();
        }
        let now = last.elapsed() < AWAY;
        if answers.send_replace(now) != now {
            tracing::warn!(answers = now, "the container engine has come or gone");
        }
        tokio::time::sleep(PING).await;
    }
}

/// What the node says about its certificate.
pub(crate) fn tls_info(identity: &Identity) -> TlsInfo {
    let (subject, key) = tls::issuer_of(identity).unwrap_or_default();
    TlsInfo {
        trust_root: identity.root_ca.clone(),
        cert_issuer_subject: STANDARD.encode(subject),
        cert_issuer_public_key: STANDARD.encode(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::fake::FakeRuntime;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_goes_and_comes_is_noticed() {
        let runtime = FakeRuntime::new();
        let answers = watch::Sender::new(true);
        let mut seen = answers.subscribe();
        let watching = tokio::spawn(watch_engine(Arc::new(runtime.clone()), answers));
        runtime.state().down = true;
        let before = Instant::now();
        seen.wait_for(|answers| !answers).await.expect("is noticed");
        assert!(before.elapsed() >= AWAY - PING, "a restart takes less: {:?}", before.elapsed());
        runtime.state().down = false;
        seen.wait_for(|answers| *answers).await.expect("is noticed");
        watching.abort();
    }
}
