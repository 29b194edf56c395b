//! The certificates by ACME of the hosts of a service: which there are, until when, and why there is none.

use swarmlite_manager::acme::renewal;
use swarmlite_manager::state::State;
use swarmlite_proto::api::HttpCertificate;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::SwarmSpec;

/// Those of the hosts that are to be served so, by host.
pub(super) fn certificates(state: &State, service: &Service) -> Vec<HttpCertificate> {
    state.acme_hosts_of(service).into_iter().map(|host| certificate(state, host)).collect()
}

fn certificate(state: &State, host: String) -> HttpCertificate {
    let known = state.acme_hosts().get(&host);
    let secret = known.and_then(|known| state.acme_secret(known));
    let got = known.and_then(|known| known.certificate.as_ref()).filter(|_| secret.is_some());
    let failure = known.and_then(|known| known.failure.as_ref());
    let failure = failure.or_else(|| state.acme_account()?.failure.as_ref());
    let hindrance = state.cluster().and_then(|cluster| hindrance(&cluster.spec));
    HttpCertificate {
        host,
        secret_name: secret.map(|secret| secret.spec.name.clone()).unwrap_or_default(),
        not_after: got.map(|got| got.not_after),
        renew_at: got.map(renewal).filter(|_| failure.is_none() && hindrance.is_none()),
        ordered: known.is_some_and(|known| known.order.is_some()),
        retry_at: failure.filter(|_| hindrance.is_none()).map(|failure| failure.retry_at),
        error: match (hindrance, failure) {
            (Some(hindrance), _) => hindrance.to_owned(),
            (None, Some(failure)) => failure.reason.clone(),
            (None, None) => String::new(),
        },
    }
}

/// Why nothing is ordered at all.
fn hindrance(spec: &SwarmSpec) -> Option<&'static str> {
    let has_agreed = spec.acme.as_ref().is_some_and(|acme| acme.terms_accepted);
    if !has_agreed {
        return Some(
            "nobody has agreed to the terms of service of the ACME server: see 'swarmlite swarm update --acme-accept-terms'",
        );
    }
    let answers = spec.http().tls_port != 0;
    (!answers).then_some("no node answers HTTP with TLS: see 'swarmlite swarm update --http'")
}
