//! The rules of HTTP routing of a service, and the ports of the cluster for them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::require;
use crate::error::Error;
use crate::error::Result;
use crate::spec::AcmeConfig;
use crate::spec::EndpointMode;
use crate::spec::EndpointSpec;
use crate::spec::HttpConfig;
use crate::spec::HttpOptions;
use crate::spec::HttpRate;
use crate::spec::HttpRoute;
use crate::spec::MANAGER_PORT;
use crate::spec::ServiceSpec;
use crate::time::Nanoseconds;
use crate::value::http::ACME;
use crate::value::http::peer;

/// Characters in the name of a host, at most, and in one part of it (RFC 1035, 2.3.4).
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

/// What every second of a time consists of.
const SECOND: i64 = 1_000_000_000;

/// Gives the rules of a service the form in which they are kept.
pub(super) fn complete(endpoint: &mut EndpointSpec) {
    if let Some(rules) = endpoint.http.take() {
        endpoint.http = Some(rules.into_iter().map(HttpRoute::canonical).collect());
    }
}

/// Checks the rules of a service and of its labels, each in itself and with the others.
pub(super) fn check(spec: &ServiceSpec) -> Result<()> {
    let rules = spec.http_rules()?;
    let mode = spec.endpoint_spec.as_ref().map_or(EndpointMode::Vip, |endpoint| endpoint.mode);
    require(rules.is_empty() || mode == EndpointMode::Vip, || {
        "EndpointSpec: HTTP rules can't be used with dnsrr mode".to_owned()
    })?;
    require(rules.is_empty() || !spec.mode.is_job(), || {
        "EndpointSpec: a job answers no HTTP requests, and so has no HTTP rules".to_owned()
    })?;
    let (mut seen, mut certificates, mut cas) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for one in &rules {
        rule(one)?;
        let named = one.certificate.as_ref().map(|it| it.secret_name.as_str());
        if let Some(named) = named.or_else(|| one.acme.then_some(ACME)) {
            require(*certificates.entry(&one.host).or_insert(named) == named, || {
                format!("EndpointSpec: HTTP rules for host {:?} name two certificates", one.host)
            })?;
        }
        // By name, as labels have it, too: the ids of secrets are for the state to compare.
        if let Some(ca) = one.client_ca.as_ref().map(|it| it.secret_name.as_str()) {
            require(*cas.entry(&one.host).or_insert(ca) == ca, || {
                format!(
                    "EndpointSpec: HTTP rules for host {:?} name two authorities of clients",
                    one.host
                )
            })?;
        }
        require(seen.insert(one.asked()), || {
            format!("EndpointSpec: two HTTP rules ask for {}", one.asked())
        })?;
    }
    Ok(())
}

/// Checks the ports on which every node answers HTTP.
pub(super) fn ports(config: HttpConfig) -> Result<()> {
    require(config.port == 0 || config.port != config.tls_port, || {
        format!("HTTP with and without TLS cannot have the same port {}", config.port)
    })?;
    require(config.ports().all(|port| port != MANAGER_PORT), || {
        format!("HTTP cannot have port {MANAGER_PORT}, which is that of managers")
    })
}

/// Checks what every node does with HTTP requests.
pub(super) fn options(options: &HttpOptions) -> Result<()> {
    require(!options.proxy_protocol || !options.trusted_peers.is_empty(), || {
        "the PROXY protocol is taken from trusted peers only, and there are none".to_owned()
    })?;
    for text in &options.trusted_peers {
        peer(text).map_err(|why| Error::invalid(format!("trusted peer {why}")))?;
    }
    Ok(())
}

fn rule(rule: &HttpRoute) -> Result<()> {
    let refuse = |holds: bool, why: &dyn Fn() -> String| {
        require(holds, || format!("HTTP rule for {}: {}", rule.asked(), why()))
    };
    refuse(is_host(&rule.host), &|| {
        format!("{:?} is no name of a host, nor *. and a name", rule.host)
    })?;
    for path in [Some(&rule.path), rule.rewrite.as_ref()].into_iter().flatten() {
        refuse(is_path(path), &|| {
            format!(
                "{path:?} is no path: it begins with / and has no spaces, no ?, # or \\, and no parts that are empty, . or .."
            )
        })?;
    }
    for method in &rule.methods {
        refuse(is_token(method), &|| format!("{method:?} is no HTTP method"))?;
    }
    for (name, value) in &rule.headers {
        refuse(is_token(name), &|| format!("{name:?} is no name of a header"))?;
        refuse(is_value(value), &|| format!("{value:?} is no value of header {name}"))?;
        refuse(name != "host", &|| "the host is no header: it stands before the path".to_owned())?;
    }
    refuse(rule.target_port != 0, &|| "TargetPort must be between 1 and 65535".to_owned())?;
    refuse(rule.weight != Some(0), &|| "Weight must be between 1 and 65535".to_owned())?;
    refuse(rule.timeout.is_none_or(|time| time.0 > 0), &|| "Timeout must be positive".to_owned())?;
    rule.rate.map_or(Ok(()), |it| rate(it, &refuse))?;
    refuse(rule.max_body != Some(0), &|| "MaxBody must be positive".to_owned())?;
    let is_whole = |time: Nanoseconds| time.0 >= 0 && time.0 % SECOND == 0;
    refuse(rule.hsts.is_none_or(is_whole), &|| "HSTS must be whole seconds".to_owned())?;
    let mut certificates = rule.certificate.iter();
    refuse(certificates.all(|it| !it.secret_name.is_empty() || !it.secret_id.is_empty()), &|| {
        "the certificate needs the name of a secret".to_owned()
    })?;
    let mut cas = rule.client_ca.iter();
    refuse(cas.all(|it| !it.secret_name.is_empty() || !it.secret_id.is_empty()), &|| {
        "the authorities of clients need the name of a secret".to_owned()
    })?;
    let mut certificates = rule.certificate.iter();
    refuse(certificates.all(|it| it.secret_name != ACME), &|| {
        format!(
            "a secret that is named {ACME} cannot be served with: that name stands for a certificate by ACME"
        )
    })?;
    refuse(!rule.acme || rule.certificate.is_none(), &|| {
        "a certificate is a secret or got by ACME, and not both".to_owned()
    })?;
    refuse(!rule.acme || is_name(&rule.host), &|| {
        "a certificate by ACME is for one host with a name: it cannot be had for all hosts, for *. and a name, or for an address".to_owned()
    })
}

/// Checks how many requests are possible. `refuse` names the rule.
fn rate(rate: HttpRate, refuse: &impl Fn(bool, &dyn Fn() -> String) -> Result<()>) -> Result<()> {
    let is_time = HttpRate::TIMES.iter().any(|(_, per)| *per == rate.per);
    refuse(is_time && (1..=HttpRate::MAX).contains(&rate.requests), &|| {
        format!("Rate must be 1 to {} requests in a second, a minute or an hour", HttpRate::MAX)
    })?;
    refuse(rate.burst <= HttpRate::MAX, &|| format!("Burst must be at most {}", HttpRate::MAX))
}

/// Whether a host is one name, of those that an ACME server can ask for. A name whose last part is a number would be an address.
fn is_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    !host.starts_with('*') && last.bytes().any(|byte| !byte.is_ascii_digit())
}

/// Checks whom the cluster asks for certificates.
pub(super) fn acme(config: &AcmeConfig) -> Result<()> {
    let is_url = |url: &str| {
        let rest = url.strip_prefix("https://");
        rest.is_some_and(|rest| !rest.is_empty()) && url.bytes().all(|it| it.is_ascii_graphic())
    };
    require(config.directory.is_empty() || is_url(&config.directory), || {
        format!("the ACME directory {:?} is no URL that begins with https://", config.directory)
    })?;
    let email = &config.email;
    let is_address =
        |(name, host): (&str, &str)| !name.is_empty() && is_host(host) && !host.is_empty();
    require(email.is_empty() || email.split_once('@').is_some_and(is_address), || {
        format!("the ACME email {email:?} is no address of somebody")
    })?;
    require(config.ca.is_empty() || config.ca.contains("-----BEGIN CERTIFICATE-----"), || {
        "the CA of the ACME server is no certificate in PEM".to_owned()
    })
}

/// A name, perhaps with a `*` for its first part, or nothing.
fn is_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [label.bytes().next(), label.bytes().next_back()];
        label.len() <= MAX_LABEL
            && ends.into_iter().all(|end| end.is_some_and(|end| inner(end) || end == b'_'))
            && label.bytes().all(|byte| inner(byte) || b"-_".contains(&byte))
    };
    host.is_empty() || (host.len() <= MAX_HOST && name.split('.').all(is_label))
}

/// A path of a URL that says what it says: one with parts that clients and servers drop would never match.
fn is_path(path: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    let inner = path.strip_prefix('/').map(|inner| inner.strip_suffix('/').unwrap_or(inner));
    path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte))
        && inner.is_some_and(|inner| inner.is_empty() || inner.split('/').all(is_part))
}

/// A token (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_in)
}

/// A value of a header (RFC 9110, 5.5), of letters that every program takes for the same.
fn is_value(text: &str) -> bool {
    let is_in = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.trim() == text && text.bytes().all(is_in)
}
