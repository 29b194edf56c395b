//! Certificates by ACME: which hosts are to have one, which have, and the secrets that these are in.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::object::AcmeAccount;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::protocol;
use swarmlite_proto::spec::AcmeConfig;
use swarmlite_proto::spec::HttpRoute;

use super::ObjectRef;
use super::Op;
use super::State;
use super::apply::Write;
use super::document::DocumentKind;

/// Whether a node is new enough to answer ACME servers.
pub(crate) const fn answers_acme(node: &Node) -> bool {
    node.versions.protocol.speaks(protocol::ACME)
}

impl State {
    /// Whom certificates are ordered from, if from anybody: nodes answer with TLS, and the terms of the server are agreed to.
    #[must_use]
    pub fn acme_config(&self) -> Option<&AcmeConfig> {
        let spec = &self.cluster()?.spec;
        spec.acme.as_ref().filter(|acme| acme.terms_accepted && spec.http().tls_port != 0)
    }

    /// The account of the cluster with an ACME server.
    #[must_use]
    pub const fn acme_account(&self) -> Option<&Arc<AcmeAccount>> {
        self.tables.acme_account.as_ref()
    }

    /// The hosts that have a certificate by ACME, or for which one was asked, by name.
    #[must_use]
    pub const fn acme_hosts(&self) -> &OrdMap<String, Arc<AcmeHost>> {
        &self.tables.acme_hosts
    }

    /// The secret with the certificate that a host has. Somebody may have removed it while nobody needed it.
    #[must_use]
    pub fn acme_secret(&self, host: &AcmeHost) -> Option<&Arc<Secret>> {
        self.documents::<SecretKind>().get(&host.certificate.as_ref()?.secret_id)
    }

    /// The change that removes this secret, unless tasks have it.
    pub(crate) fn without_acme_secret(&self, host: &AcmeHost) -> Option<Op> {
        let secret = self.acme_secret(host)?;
        let has_it = |service: &Arc<Service>| {
            SecretKind::needed(&service.spec).iter().any(|it| it.id == secret.id.as_str())
        };
        let gone = Op::Remove(ObjectRef::Secret(secret.id.clone()), secret.meta.version);
        (!self.services().values().any(has_it)).then_some(gone)
    }

    /// The hosts that are to be served with a certificate by ACME.
    pub(crate) fn wanted_by_acme(&self) -> BTreeSet<String> {
        let services = self.services_with_http_rules().into_iter();
        let services = services.filter_map(|id| self.services().get(id));
        services.flat_map(|service| self.acme_hosts_of(service)).collect()
    }

    /// The hosts of a service that are to be served so.
    #[must_use]
    pub fn acme_hosts_of(&self, service: &Service) -> BTreeSet<String> {
        let rules = self.http_rules_of(&service.spec).into_iter();
        rules.filter(|rule| rule.acme).map(|rule| rule.host).collect()
    }

    /// The secret that the host of a rule is served with: the one that it names, or what was got by ACME.
    #[must_use]
    pub fn certificate_of(&self, rule: &HttpRoute) -> Option<&Arc<Secret>> {
        match &rule.certificate {
            Some(reference) => self.certificate(reference),
            None if rule.acme => self.acme_secret(self.acme_hosts().get(&rule.host)?),
            None => None,
        }
    }

    pub(super) fn put_acme_account(
        &mut self,
        mut account: AcmeAccount,
        write: Write,
    ) -> Result<()> {
        let old = self.tables.acme_account.as_ref().map(|old| old.meta);
        account.meta = write.meta(account.meta.version, old)?;
        self.tables.acme_account = Some(Arc::new(account));
        Ok(())
    }

    pub(super) fn put_acme_host(&mut self, mut host: AcmeHost, write: Write) -> Result<()> {
        let old = self.tables.acme_hosts.get(&host.host).map(|old| old.meta);
        host.meta = write.meta(host.meta.version, old)?;
        self.tables.acme_hosts.insert(host.host.clone(), Arc::new(host));
        Ok(())
    }
}
