//! What to ask the server for, and when: a pure function of the state, of what nodes have confirmed, and of the time.

use std::collections::BTreeSet;
use std::time::Duration;

use swarmlite_proto::format::Format;
use swarmlite_proto::object::AcmeAccount;
use swarmlite_proto::object::AcmeCertificate;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeFailure;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::spec::AcmeConfig;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use crate::reconcile::Programmed;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::answers_acme;

/// The most hosts about which the server is asked at a time.
const AT_ONCE: usize = 4;

/// What is decided from.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The replicated state.
    pub(super) state: &'a State,
    /// Which generation the tables of each node in session have reached.
    pub(super) programmed: &'a Programmed,
    /// How long nodes are waited for.
    pub(super) patience: Duration,
    /// What the server is being asked about.
    pub(super) busy: &'a BTreeSet<Subject>,
}

/// What the server is asked about, one thing at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// The account of the cluster.
    Account,
    /// The certificate of a host.
    Host(String),
}

/// What the server is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// An account.
    Register,
    /// A certificate for a host, which is shown to be ours in the first of these ways that the server knows.
    Order {
        /// The host.
        host: String,
        /// The ways.
        kinds: Vec<AcmeChallengeKind>,
    },
    /// To go on with an order, as the nodes can answer.
    Proceed {
        /// The host.
        host: String,
        /// The order.
        order: AcmeOrder,
    },
}

impl Call {
    /// What it is about.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::Register => Subject::Account,
            Self::Order { host, .. } | Self::Proceed { host, .. } => Subject::Host(host.clone()),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// What the server is to be asked for, all at the same time.
    pub(super) calls: Vec<Call>,
    /// Changes, each in a transaction of its own.
    pub(super) changes: Vec<Vec<Op>>,
    /// When to look again even if nothing changes until then.
    pub(super) wake_at: Option<Timestamp>,
    /// What could not be done and why, one sentence each, for the log.
    pub(super) report: Vec<String>,
}

impl Plan {
    fn wake_by(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// When a certificate is renewed: when a third of its lifetime is left, as servers advise (<https://letsencrypt.org/docs/integration-guide/>).
#[must_use]
pub fn renewal(certificate: &AcmeCertificate) -> Timestamp {
    let lifetime = certificate.not_after.since(certificate.not_before);
    certificate.not_before + lifetime * 2 / 3
}

/// What is to be ordered, gone on with, renewed and forgotten.
#[must_use]
pub(super) fn reconcile(view: View<'_>, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    if view.state.format() < Format::ACME {
        return plan;
    }
    let wanted = view.state.wanted_by_acme();
    let known = view.state.acme_hosts().values();
    for host in known.filter(|host| !wanted.contains(&host.host)) {
        forget(view.state, host, now, &mut plan);
    }
    let Some(config) = view.state.acme_config() else { return plan };
    let due: Vec<String> =
        wanted.into_iter().filter(|host| is_due(view.state, host, now, &mut plan)).collect();
    let account = view.state.acme_account().filter(|it| it.directory == config.directory());
    match account {
        Some(account) if account.credentials.is_some() => {
            for host in due {
                go_on(view, config, &host, now, &mut plan);
            }
        }
        account if !due.is_empty() => register(view, account.map(AsRef::as_ref), now, &mut plan),
        _ => {}
    }
    plan
}

/// Keeps the certificate of a host that nobody wants as long as it is valid, as its service may come back: servers give only so many for the same
/// host.
fn forget(state: &State, host: &AcmeHost, now: Timestamp, plan: &mut Plan) {
    let valid = host.certificate.as_ref().filter(|it| it.not_after > now);
    if let Some(certificate) = valid.filter(|_| state.acme_secret(host).is_some()) {
        plan.wake_by(certificate.not_after);
        if host.order.is_some() || host.failure.is_some() {
            let kept = AcmeHost { order: None, failure: None, ..host.clone() };
            plan.changes.push(vec![Op::PutAcmeHost(Box::new(kept))]);
        }
        return;
    }
    let host_gone = Op::Remove(ObjectRef::AcmeHost(host.host.clone()), host.meta.version);
    plan.changes.push([host_gone].into_iter().chain(state.without_acme_secret(host)).collect());
}

/// Whether there is something to do for a host: it has an order, no certificate, or one that is to be renewed.
fn is_due(state: &State, host: &str, now: Timestamp, plan: &mut Plan) -> bool {
    let Some(known) = state.acme_hosts().get(host) else { return true };
    let certificate = known.certificate.as_ref().filter(|_| state.acme_secret(known).is_some());
    match certificate.map(renewal) {
        Some(renewal) if known.order.is_none() && renewal > now => {
            plan.wake_by(renewal);
            false
        }
        _ => true,
    }
}

/// Has an account made, if that has not just failed.
fn register(view: View<'_>, account: Option<&AcmeAccount>, now: Timestamp, plan: &mut Plan) {
    let failure = account.and_then(|it| Some((it.meta, it.failure.as_ref()?)));
    if !view.busy.contains(&Subject::Account) && may_try(view.state, failure, now, plan) {
        plan.calls.push(Call::Register);
    }
}

/// Whether it may be tried now after what failed. New settings are tried at once: they may be what was wrong.
fn may_try(
    state: &State,
    failure: Option<(Meta, &AcmeFailure)>,
    now: Timestamp,
    plan: &mut Plan,
) -> bool {
    let Some((meta, failure)) = failure else { return true };
    let changed = state.cluster().map(|cluster| cluster.meta.version);
    if failure.retry_at <= now || changed.is_some_and(|changed| changed > meta.version) {
        return true;
    }
    plan.wake_by(failure.retry_at);
    false
}

/// The next thing to ask for about a host.
fn go_on(view: View<'_>, config: &AcmeConfig, host: &str, now: Timestamp, plan: &mut Plan) {
    let subject = Subject::Host(host.to_owned());
    let under_way = view.busy.len() + plan.calls.len();
    let known = view.state.acme_hosts().get(host).map(AsRef::as_ref);
    let failure = known.and_then(|known| Some((known.meta, known.failure.as_ref()?)));
    if view.busy.contains(&subject) || !may_try(view.state, failure, now, plan) {
        return;
    }
    // What ends is what wakes.
    if under_way >= AT_ONCE {
        return;
    }
    let order = known.and_then(|known| Some((known, known.order.as_ref()?)));
    match order.filter(|(_, order)| order.directory == config.directory()) {
        None => plan.calls.push(Call::Order {
            host: host.to_owned(),
            kinds: kinds(view.state, failure.map_or(0, |(_, failure)| failure.attempts)),
        }),
        Some((known, order)) if can_be_answered(view, known, order, now, plan) => {
            plan.calls.push(Call::Proceed { host: host.to_owned(), order: order.clone() });
        }
        Some(_) => {}
    }
}

/// In which ways the cluster can show that a host is its own: those for which nodes listen. The first one is another with each failure.
fn kinds(state: &State, failures: u32) -> Vec<AcmeChallengeKind> {
    let ports = state.cluster().map(|cluster| cluster.spec.http()).unwrap_or_default();
    let http = (ports.port != 0).then_some(AcmeChallengeKind::Http01);
    let tls = (ports.tls_port != 0).then_some(AcmeChallengeKind::TlsAlpn01);
    let mut kinds: Vec<_> = http.into_iter().chain(tls).collect();
    if failures % 2 == 1 {
        kinds.reverse();
    }
    kinds
}

/// Whether every live node answers, whichever the server asks, or has been waited for long enough.
fn can_be_answered(
    view: View<'_>,
    host: &AcmeHost,
    order: &AcmeOrder,
    now: Timestamp,
    plan: &mut Plan,
) -> bool {
    if order.told || order.challenge.is_none() {
        return true;
    }
    let since = Generation(host.meta.version.index);
    let knows = |node: &&Node| view.programmed.get(&node.id).is_some_and(|it| *it >= since);
    let nodes = view.state.nodes().values().map(AsRef::as_ref);
    let behind: Vec<_> = nodes.filter(|node| is_asked(node)).filter(|node| !knows(node)).collect();
    let deadline = host.meta.updated_at + view.patience;
    if behind.is_empty() {
        return true;
    }
    if now < deadline {
        plan.wake_by(deadline);
        return false;
    }
    for node in behind {
        plan.report.push(format!(
            "node {} has not confirmed in {} s that it can answer for {}: going on without it",
            node.id,
            view.patience.as_secs(),
            host.host
        ));
    }
    true
}

/// Whether a node is there to answer the server, as far as is known.
fn is_asked(node: &Node) -> bool {
    answers_acme(node) && node.data_path_addr.is_some() && node.status.state != NodeState::Down
}
