//! Rules of HTTP routing: which requests belong to which service, the certificates for them, and the ports of the cluster.
//!
//! Until every manager knows of rules ([`Format::HTTP`]) nobody has some: labels that look like rules are labels, as they are for older managers.

use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::format::Format;
use swarmlite_proto::id::SecretId;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::spec::CertificateReference;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::spec::ServiceSpec;

use super::State;
use super::rules::kind_of_port;

impl State {
    /// Whether nodes answer HTTP on a port.
    #[must_use]
    pub fn is_http_port(&self, protocol: PortProtocol, port: u16) -> bool {
        let ports = self.cluster().map(|cluster| cluster.spec.http());
        protocol == PortProtocol::Tcp && ports.is_some_and(|it| it.ports().any(|it| it == port))
    }

    /// The rules of a service, those of its labels included.
    #[must_use]
    pub fn http_rules_of(&self, spec: &ServiceSpec) -> Vec<HttpRoute> {
        if self.format() < Format::HTTP {
            return Vec::new();
        }
        // What a client asked for has been checked before it came into the state.
        spec.http_rules().unwrap_or_default()
    }

    /// The services that have rules.
    pub(crate) fn services_with_http_rules(&self) -> BTreeSet<&ServiceId> {
        if self.format() < Format::HTTP {
            return BTreeSet::new();
        }
        self.indexes.http_rules.values().flat_map(|services| services.keys()).collect()
    }

    /// The secret that a rule means: by its id, or by its name if it has no id, as in labels.
    #[must_use]
    pub fn certificate(&self, reference: &CertificateReference) -> Option<&Arc<Secret>> {
        let CertificateReference { secret_id, secret_name } = reference;
        let found = if secret_id.is_empty() {
            self.document_by_name::<SecretKind>(secret_name)
        } else {
            let id: SecretId = secret_id.parse().ok()?;
            self.documents::<SecretKind>().get(&id)
        };
        found.filter(|secret| secret.spec.name == *secret_name)
    }

    /// Refuses HTTP routing while there may be managers that would lose it.
    ///
    /// # Errors
    ///
    /// When the cluster's format is an older one.
    pub fn check_http_format(&self) -> Result<()> {
        self.check_format("HTTP routing needs", Format::HTTP)
    }

    /// The same for certificates by ACME.
    ///
    /// # Errors
    ///
    /// As [`Self::check_http_format`].
    pub fn check_acme_format(&self) -> Result<()> {
        self.check_format("certificates by ACME need", Format::ACME)
    }

    /// The same for options of HTTP routing that came later.
    ///
    /// # Errors
    ///
    /// As [`Self::check_http_format`].
    pub fn check_http_options_format(&self) -> Result<()> {
        self.check_format("options of HTTP routing need", Format::HTTP_OPTIONS)
    }

    /// The same for authorities outside of the cluster.
    ///
    /// # Errors
    ///
    /// As [`Self::check_http_format`].
    pub fn check_external_ca_format(&self) -> Result<()> {
        self.check_format("external certificate authorities need", Format::EXTERNAL_CA)
    }

    fn check_format(&self, needs: &str, format: Format) -> Result<()> {
        if self.format() >= format {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{needs} all managers to keep records of format {format}, and the cluster is at {}: upgrade all managers first",
            self.format()
        )))
    }

    /// What a service asks of HTTP requests is asked by no other, unless all of them state a weight; its certificates are there, and its ports are
    /// not those of the cluster. `own` is the id of the service that is to have the spec, if there is one yet.
    pub fn check_http(&self, spec: &ServiceSpec, own: Option<&ServiceId>) -> Result<()> {
        let ports = spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
        if let Some(port) = ports.into_iter().find(|port| self.is_taken_by_http(port)) {
            return Err(taken_by_http(port.published_port));
        }
        let rules = self.http_rules_of(spec);
        for rule in &rules {
            self.check_rule(rule, own)?;
            self.check_client_ca(rule, &rules, own)?;
        }
        Ok(())
    }

    fn check_rule(&self, rule: &HttpRoute, own: Option<&ServiceId>) -> Result<()> {
        if rule.rate.is_some() || rule.client_ca.is_some() {
            self.check_http_options_format()?;
        }
        if rule.acme {
            self.check_acme_format()?;
        }
        for secret in rule.certificate.iter().chain(&rule.client_ca) {
            if self.certificate(secret).is_none() {
                return Err(Error::invalid(format!("secret not found: {}", secret.secret_name)));
            }
        }
        let asked = rule.asked();
        let others = self.indexes.http_rules.get(&asked).into_iter().flatten();
        let mut clashes = others
            .filter(|(id, weighted)| Some(*id) != own && !(**weighted && rule.weight.is_some()));
        clashes.next().map_or(Ok(()), |(id, _)| {
            let name = self.tables.services.get(id).map_or("", |other| &other.spec.name);
            Err(Error::invalid(format!(
                "HTTP requests for {asked} are answered by service '{name}' ({id}) already: to share them, both rules have to state a weight"
            )))
        })
    }

    /// All rules for a host that say whose certificates clients have to show say the same: nobody can tell by the name that a client asks for which rule it
    /// is going to ask.
    fn check_client_ca(
        &self,
        rule: &HttpRoute,
        beside: &[HttpRoute],
        own: Option<&ServiceId>,
    ) -> Result<()> {
        let Some(wanted) = rule.client_ca.as_ref().and_then(|it| self.certificate(it)) else {
            return Ok(());
        };
        let other_than_wanted = |rules: &[HttpRoute]| {
            let of_host = rules.iter().filter(|it| it.host == rule.host);
            let mut secrets = of_host
                .filter_map(|it| it.client_ca.as_ref())
                .filter_map(|it| self.certificate(it));
            secrets.find(|secret| secret.id != wanted.id).cloned()
        };
        if other_than_wanted(beside).is_some() {
            return Err(Error::invalid(format!(
                "HTTP rules for host {:?} name two authorities of clients",
                rule.host
            )));
        }
        let first = HttpRoute { host: rule.host.clone(), ..HttpRoute::default() }.asked();
        let of_host = self.indexes.http_rules.range(first..);
        let of_host = of_host.take_while(|(asked, _)| asked.host == rule.host);
        let others: BTreeSet<_> = of_host.flat_map(|(_, services)| services.keys()).collect();
        let others = others.into_iter().filter(|id| Some(*id) != own);
        for other in others.filter_map(|id| self.tables.services.get(id)) {
            if let Some(secret) = other_than_wanted(&self.http_rules_of(&other.spec)) {
                return Err(Error::invalid(format!(
                    "clients of host {:?} show certificates of '{}' already, as service '{}' ({}) says: all rules for a host have to name the same",
                    rule.host, secret.spec.name, other.spec.name, other.id
                )));
            }
        }
        Ok(())
    }

    /// The ports of a service that it was given are not those of the cluster either.
    pub(super) fn check_http_of(&self, service: &Service) -> Result<()> {
        if let Some(port) = service.endpoint.ports.iter().find(|port| self.is_taken_by_http(port)) {
            return Err(taken_by_http(port.published_port));
        }
        self.check_http(&service.spec, Some(&service.id))
    }

    /// The ports on which all nodes are to answer HTTP are published by no service.
    pub fn check_http_ports(&self, cluster: &Cluster) -> Result<()> {
        let wanted = cluster.spec.http();
        if self.cluster().is_some_and(|present| present.spec.http() == wanted) {
            return Ok(());
        }
        for service in self.tables.services.values() {
            let asked = service.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
            let mut ports = asked.chain(&service.endpoint.ports);
            let clash = ports.find(|port| {
                let mut taken = wanted.ports().filter(|taken| *taken == port.published_port);
                port.protocol == PortProtocol::Tcp && taken.next().is_some()
            });
            if let Some(port) = clash {
                return Err(Error::invalid(format!(
                    "HTTP cannot have port '{}': it is already in use by service '{}' ({}) as {} port",
                    port.published_port,
                    service.spec.name,
                    service.id,
                    kind_of_port(port.publish_mode)
                )));
            }
        }
        Ok(())
    }

    /// The services one of whose rules needs a secret.
    pub(super) fn has_certificate(&self, service: &Service, secret: &Secret) -> bool {
        let rules = self.http_rules_of(&service.spec);
        let got = |rule: &HttpRoute| {
            let host = self.acme_hosts().get(&rule.host).filter(|_| rule.acme);
            let certificate = host.and_then(|host| host.certificate.as_ref());
            certificate.is_some_and(|it| it.secret_id == secret.id)
        };
        let names = |it: &CertificateReference| match it.secret_id.as_str() {
            "" => it.secret_name == secret.spec.name,
            id => id == secret.id.as_str(),
        };
        let named = |rule: &HttpRoute| rule.certificate.iter().chain(&rule.client_ca).any(names);
        rules.iter().any(|rule| named(rule) || got(rule))
    }

    fn is_taken_by_http(&self, port: &PortConfig) -> bool {
        port.published_port != 0 && self.is_http_port(port.protocol, port.published_port)
    }
}

fn taken_by_http(port: u16) -> Error {
    Error::invalid(format!("port '{port}' is already in use by HTTP routing, on every node"))
}

#[cfg(test)]
mod tests;
