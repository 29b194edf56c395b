//! Which authorities have to have signed the certificates of clients, by the hosts that ask for them. What cannot be checked is refused: a host whose
//! authorities are not known yet answers nobody.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::VerifierBuilderError;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::host;

/// A PEM holds no authorities that clients could be checked by.
#[derive(Debug, thiserror::Error)]
pub enum ClientCaError {
    /// It is no PEM.
    #[error("cannot read the certificates as PEM: {0}")]
    Pem(rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in the PEM")]
    NoCertificate,
    /// A certificate is not what it says it is.
    #[error("cannot use a certificate of an authority: {0}")]
    Unusable(rustls::Error),
    /// Nobody can be checked by them.
    #[error("cannot check clients by these authorities: {0}")]
    Verifier(VerifierBuilderError),
}

/// Authorities, one of which has to have signed the certificate that a client shows. Cheap to clone.
#[derive(Clone)]
pub struct ClientCa(Arc<Authorities>);

struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCa {
    /// Reads the certificates of one or more authorities.
    ///
    /// # Errors
    ///
    /// When there is none, or one cannot be used.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ClientCaError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(ClientCaError::Pem)?;
        if certificates.is_empty() {
            return Err(ClientCaError::NoCertificate);
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(ClientCaError::Unusable)?;
        }
        let provider = Arc::new(default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(ClientCaError::Verifier)?;
        Ok(Self(Arc::new(Authorities { certificates, verifier })))
    }

    pub(crate) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.0.verifier)
    }
}

impl PartialEq for ClientCa {
    fn eq(&self, other: &Self) -> bool {
        self.0.certificates == other.0.certificates
    }
}

impl fmt::Debug for ClientCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCa").field(&self.0.certificates.len()).finish()
    }
}

/// The certificate that a client has shown, and who has signed it.
#[derive(Debug)]
pub(crate) struct Shown {
    ca: ClientCa,
    /// As tasks are told of it (RFC 9440, 2.2).
    header: HeaderValue,
}

impl Shown {
    /// `certificate` has been checked by `ca`. `None` if no header can hold it.
    pub(crate) fn new(ca: ClientCa, certificate: &CertificateDer<'_>) -> Option<Self> {
        let header = HeaderValue::from_str(&format!(":{}:", STANDARD.encode(certificate))).ok()?;
        Some(Self { ca, header })
    }
}

/// What a host asks of the certificates of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// Nothing.
    Nothing,
    /// One that these authorities have signed.
    By(&'a ClientCa),
    /// One of authorities that are not known here.
    Unknown,
}

impl<'a> Wanted<'a> {
    const fn of(found: Option<&'a Option<ClientCa>>) -> Self {
        match found {
            None => Self::Nothing,
            Some(None) => Self::Unknown,
            Some(Some(ca)) => Self::By(ca),
        }
    }
}

/// A request is not for this client, as far as it has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAdmitted {
    /// Without TLS nobody can show a certificate.
    #[error("this host is answered only with TLS, to clients that show a certificate")]
    WithoutTls,
    /// The client has not shown a certificate for this host over this connection.
    #[error(
        "this host asks for a certificate of the client, which was not shown for it over this connection"
    )]
    Misdirected,
    /// The client cannot be checked.
    #[error("this server does not know yet whose certificates this host takes")]
    NoAuthorities,
}

/// The authorities by the hosts that ask for them, written as in rules. `None` are those that are not known yet.
#[derive(Debug, Default)]
pub(crate) struct ClientCas(HashMap<String, Option<ClientCa>>);

impl ClientCas {
    /// `hosts` are all that ask for some.
    pub(crate) fn new(hosts: impl Iterator<Item = String>) -> Self {
        Self(hosts.map(|host| (host, None)).collect())
    }

    /// The same with the authorities that are known.
    pub(crate) fn with(self, mut known: BTreeMap<String, ClientCa>) -> Self {
        let filled = self.0.into_keys().map(|host| {
            let ca = known.remove(&host);
            (host, ca)
        });
        Self(filled.collect())
    }

    /// What is asked of who comes to `name`: by its own rules, those of the longest wildcard, or those of every host.
    pub(crate) fn wanted(&self, name: Option<&str>) -> Wanted<'_> {
        Wanted::of(host::most_exact(&self.0, name))
    }

    /// Whether a request for `host`, which a rule for `of_rule` has taken, may come over a connection of a client that has `shown` this, and what a task is
    /// told of it: nothing of what another host has asked for. Host and name of a connection may differ, and the authorities may have changed since it was
    /// opened. What the host of the rule asks for counts first: nobody gets around it by rules for a more exact host.
    pub(crate) fn admit<'a>(
        &self,
        (host, of_rule): (&str, &str),
        tls: bool,
        shown: Option<&'a Shown>,
    ) -> Result<Option<&'a HeaderValue>, NotAdmitted> {
        let own = self.0.get(of_rule);
        let ca = match own.map_or_else(|| self.wanted(Some(host)), |own| Wanted::of(Some(own))) {
            Wanted::Nothing => return Ok(None),
            _ if !tls => return Err(NotAdmitted::WithoutTls),
            Wanted::Unknown => return Err(NotAdmitted::NoAuthorities),
            Wanted::By(ca) => ca,
        };
        let shown = shown.filter(|shown| shown.ca == *ca).ok_or(NotAdmitted::Misdirected)?;
        Ok(Some(&shown.header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(name: &str) -> String {
        rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate").cert.pem()
    }

    fn ca(pem: &str) -> ClientCa {
        ClientCa::from_pem(pem.as_bytes()).expect("authorities")
    }

    #[test]
    fn what_nobody_can_be_checked_by_is_refused_with_a_reason() {
        let (one, other) = (pem("one"), pem("other"));
        assert_eq!(ca(&format!("{one}{other}")).0.certificates.len(), 2);
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (pem, why) in [
            (String::new(), "there is no certificate"),
            (one.replace("MII", "M*I"), "cannot read the certificates"),
            (format!("{one}{junk}"), "cannot use a certificate"),
        ] {
            let error = ClientCa::from_pem(pem.as_bytes()).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_host_is_asked_for_over_connections_that_were_checked_for_it() {
        let (pems, der) = ([pem("a"), pem("b")], CertificateDer::from(vec![1, 2, 3]));
        let hosts = ["a.example", "*.example", "late.example"].map(str::to_owned);
        let known = [("a.example", ca(&pems[0])), ("*.example", ca(&pems[1]))];
        let known = known.map(|(host, ca)| (host.to_owned(), ca)).into();
        let all = ClientCas::new(hosts.into_iter()).with(known);
        let [a, b] = [0, 1].map(|at| Shown::new(ca(&pems[at]), &der).expect("a header"));
        let admit = |host: &str, tls, shown| all.admit((host, host), tls, shown);
        for (host, mine, others) in [("a.example", &a, &b), ("x.example", &b, &a)] {
            let told = admit(host, true, Some(mine)).expect(host).expect("it is told");
            assert_eq!(told, ":AQID:");
            assert_eq!(admit(host, true, Some(others)), Err(NotAdmitted::Misdirected), "{host}");
            assert_eq!(admit(host, true, None), Err(NotAdmitted::Misdirected), "{host}");
            assert_eq!(admit(host, false, None), Err(NotAdmitted::WithoutTls), "{host}");
        }
        assert_eq!(admit("late.example", true, Some(&a)), Err(NotAdmitted::NoAuthorities));
        assert_eq!(admit("example.org", true, Some(&a)), Ok(None), "nothing of another host's");
        assert_eq!(admit("example.org", false, None), Ok(None));
        let by_wildcard = |shown| all.admit(("a.example", "*.example"), true, Some(shown));
        assert_eq!(by_wildcard(&a), Err(NotAdmitted::Misdirected), "the rule asks for others");
        assert!(by_wildcard(&b).is_ok());
        assert!(all.admit(("x.example", "x.example"), true, Some(&a)).is_err());
    }
}
