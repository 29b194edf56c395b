//! Where the daemon is and how it is reached: from options and environment to a transport.
//!
//! The rules are docker's (`cli/flags/options.go` in docker/cli).

use std::path::Path;
use std::path::PathBuf;

use super::flags::TlsFlags;
use crate::error::Error;
use crate::error::Result;
use crate::value::endpoint::Endpoint;

/// Where the daemon listens when nothing else is said.
pub(crate) const DEFAULT_SOCKET: &str = "unix:///run/swarmlite/swarmlite.sock";

/// The ports of daemons that say nothing else, with and without TLS.
const PORTS: (u16, u16) = (2376, 2375);

/// Everything that is needed to reach a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// Over TCP: how to tell who is who. `None`: not at all.
    pub(crate) tls: Option<Tls>,
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The authority that the daemon has its certificate of. `None`: any certificate will do.
    pub(crate) ca: Option<PathBuf>,
    /// The client's own certificate, with its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

impl Connection {
    /// What options say goes before what the environment says: `SWARMLITE_HOST` (read with the options), then docker's variables.
    ///
    /// # Errors
    ///
    /// When `DOCKER_HOST` says nothing that can be reached.
    pub(crate) fn choose(
        host: Option<Endpoint>,
        flags: &TlsFlags,
        variable: impl Fn(&str) -> Option<String>,
        exists: impl Fn(&Path) -> bool,
    ) -> Result<Self> {
        // Docker takes an empty variable for none.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let endpoint = match (host, variable("DOCKER_HOST")) {
            (Some(host), _) => host,
            (None, host) => {
                let host = host.as_deref().unwrap_or(DEFAULT_SOCKET);
                host.parse().map_err(|why| Error::refused(format!("DOCKER_HOST: {why}")))?
            }
        };
        let verify = flags.tlsverify || variable("DOCKER_TLS_VERIFY").is_some();
        if !(verify || flags.tls || variable("DOCKER_TLS").is_some()) {
            return Ok(Self { endpoint, tls: None });
        }
        let directory = variable("DOCKER_CERT_PATH").or_else(|| variable("DOCKER_CONFIG"));
        let directory = directory.map_or_else(
            || PathBuf::from(variable("HOME").unwrap_or_default()).join(".docker"),
            PathBuf::from,
        );
        let or_default = |file: &Option<PathBuf>, name: &str| {
            file.clone().unwrap_or_else(|| directory.join(name))
        };
        let ca = verify.then(|| or_default(&flags.tlscacert, "ca.pem"));
        let certificate = or_default(&flags.tlscert, "cert.pem");
        let key = or_default(&flags.tlskey, "key.pem");
        let is_asked_for = flags.tlscert.is_some() || flags.tlskey.is_some();
        let has_identity = is_asked_for || exists(&certificate) || exists(&key);
        let identity = has_identity.then_some((certificate, key));
        Ok(Self { endpoint, tls: Some(Tls { ca, identity }) })
    }

    /// What URLs of requests begin with.
    pub(super) fn base(&self) -> String {
        let Endpoint::Tcp(authority) = &self.endpoint else {
            return "http://swarmlite".to_owned();
        };
        let (scheme, port) = match self.tls {
            Some(_) => ("https", PORTS.0),
            None => ("http", PORTS.1),
        };
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        if has_port {
            format!("{scheme}://{authority}")
        } else {
            format!("{scheme}://{authority}:{port}")
        }
    }

    /// The transport.
    ///
    /// # Errors
    ///
    /// When a file cannot be used.
    pub(super) fn http(&self) -> Result<reqwest::Client> {
        // reqwest builds its TLS configuration even for plain sockets, and that needs a provider. A second call has none to install.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder();
        builder = match (&self.endpoint, &self.tls) {
            (Endpoint::Unix(socket), _) => builder.unix_socket(socket.path()).tls_certs_only([]),
            (Endpoint::Tcp(_), None) => builder.tls_certs_only([]),
            (Endpoint::Tcp(_), Some(tls)) => with_tls(builder, tls)?,
        };
        builder.build().map_err(|source| super::transport(&self.endpoint, source))
    }
}

fn with_tls(mut builder: reqwest::ClientBuilder, tls: &Tls) -> Result<reqwest::ClientBuilder> {
    builder = match &tls.ca {
        Some(ca) => {
            let certificates = reqwest::Certificate::from_pem_bundle(&read(ca)?);
            builder.tls_certs_only(certificates.map_err(|error| unusable(ca, &error))?)
        }
        None => builder.tls_certs_only([]).tls_danger_accept_invalid_certs(true),
    };
    let Some((certificate, key)) = &tls.identity else { return Ok(builder) };
    let mut pem = read(key)?;
    pem.push(b'\n');
    pem.extend(read(certificate)?);
    let identity = reqwest::Identity::from_pem(&pem);
    Ok(builder.identity(identity.map_err(|error| unusable(certificate, &error))?))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Error::refused(format!("cannot read {}: {error}", path.display())))
}

fn unusable(path: &Path, error: &reqwest::Error) -> Error {
    Error::refused(format!("cannot use {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The connection that options and variables lead to, when the files of docker's folder exist.
    fn chosen(host: &str, flags: TlsFlags, variables: &[(&str, &str)]) -> Result<Connection> {
        let host = (!host.is_empty()).then(|| host.parse().expect("an endpoint"));
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Connection::choose(host, &flags, variable, |path| path.starts_with("/home/me"))
    }

    #[test]
    fn the_option_goes_before_the_variable_and_that_before_the_default() {
        let none = TlsFlags::default;
        let docker = [("DOCKER_HOST", "tcp://node2:2375")];
        let endpoint = |host, variables: &[_]| {
            chosen(host, none(), variables).expect("a connection").endpoint.to_string()
        };
        assert_eq!(endpoint("tcp://node1:1", &docker), "tcp://node1:1");
        assert_eq!(endpoint("", &docker), "tcp://node2:2375");
        assert_eq!(endpoint("", &[("DOCKER_HOST", "")]), DEFAULT_SOCKET);
        let refused = chosen("", none(), &[("DOCKER_HOST", "ssh://x")]).expect_err("refused");
        assert!(refused.to_string().starts_with("DOCKER_HOST: ssh:// is not supported"));
    }

    #[test]
    fn certificates_are_where_docker_has_them() {
        let tls = |flags, variables: &[_]| {
            chosen("tcp://node1", flags, variables).expect("a connection").tls
        };
        let files = |directory: &str| {
            let file = |name: &str| Path::new(directory).join(name);
            Tls { ca: Some(file("ca.pem")), identity: Some((file("cert.pem"), file("key.pem"))) }
        };
        let home = ("HOME", "/home/me");
        let verify = ("DOCKER_TLS_VERIFY", "1");
        assert_eq!(tls(TlsFlags::default(), &[home]), None);
        assert_eq!(tls(TlsFlags::default(), &[home, verify]), Some(files("/home/me/.docker")));
        assert_eq!(
            tls(
                TlsFlags::default(),
                &[
                    home,
                    verify,
                    ("DOCKER_CONFIG", "/home/me/c"),
                    ("DOCKER_CERT_PATH", "/home/me/p")
                ]
            ),
            Some(files("/home/me/p"))
        );
        let elsewhere = tls(TlsFlags::default(), &[verify, ("DOCKER_CERT_PATH", "/none")]);
        assert_eq!(elsewhere.expect("TLS").identity, None, "there are no such files");
        let any = tls(TlsFlags { tls: true, ..TlsFlags::default() }, &[home]);
        assert_eq!(any.expect("TLS").ca, None);
        let own = TlsFlags { tlsverify: true, tlscert: Some("c".into()), ..TlsFlags::default() };
        let own = tls(own, &[("DOCKER_CERT_PATH", "/none")]).expect("TLS");
        assert_eq!(own.identity, Some(("c".into(), "/none/key.pem".into())));
    }

    #[test]
    fn a_port_that_is_not_said_is_dockers() {
        let base = |host, verify| {
            let flags = TlsFlags { tlsverify: verify, ..TlsFlags::default() };
            chosen(host, flags, &[]).expect("a connection").base()
        };
        assert_eq!(base("unix:///run/x.sock", true), "http://swarmlite");
        assert_eq!(base("tcp://node1:5", true), "https://node1:5");
        assert_eq!(base("tcp://node1", true), "https://node1:2376");
        assert_eq!(base("tcp://[::1]", false), "http://[::1]:2375");
    }
}
