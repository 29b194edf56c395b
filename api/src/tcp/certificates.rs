//! What clients of the API over TCP are greeted with, read again when its files change: certificates are replaced long before a node
//! has another reason to restart. Connections that stand keep what they were greeted with.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use swarmlite_proto::error;
use tokio::fs;

use super::TcpError;
use super::TlsFiles;

/// What upgraded connections need. Clients that are asked offer this as well as HTTP/2.
const ALPN: &[u8] = b"http/1.1";

/// What the files said when they could last be used.
#[derive(Debug)]
pub(super) struct Certificates {
    files: TlsFiles,
    seen: [Stamp; 3],
    config: Arc<ServerConfig>,
}

/// What changes when a file is written or replaced. None if there is no such file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// See [`TcpError`].
    pub(super) async fn read(files: TlsFiles) -> Result<Self, TcpError> {
        // Before the files are read, so that what is written meanwhile is seen the next time.
        let seen = stamps(&files).await;
        let config = Arc::new(server_config(&files).await?);
        Ok(Self { files, seen, config })
    }

    /// What the next connection is greeted with. Files that have changed and cannot be used, as when the key of a new certificate is not yet
    /// there, are reported once and leave what was read before in use.
    pub(super) async fn current(&mut self) -> Arc<ServerConfig> {
        let stamps = stamps(&self.files).await;
        if stamps != self.seen {
            self.seen = stamps;
            match server_config(&self.files).await {
                Ok(config) => {
                    self.config = Arc::new(config);
                    tracing::info!("read the certificates of the API again");
                }
                Err(error) => tracing::warn!(
                    error = error::chain(&error),
                    "the certificates of the API have changed and cannot be used: keeping those from before"
                ),
            }
        }
        Arc::clone(&self.config)
    }
}

async fn stamps(files: &TlsFiles) -> [Stamp; 3] {
    [stamp(&files.ca).await, stamp(&files.certificate).await, stamp(&files.key).await]
}

async fn stamp(path: &Path) -> Stamp {
    // Why a file cannot be read is said by whoever reads it.
    let metadata = fs::metadata(path).await.ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

/// What a connection is greeted with.
async fn server_config(files: &TlsFiles) -> Result<ServerConfig, TcpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca).await? {
        roots.add(certificate)?;
    }
    let roots = Arc::new(roots);
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
    let chain = certificates(&files.certificate).await?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key).await?);
    let key = key.map_err(|source| TcpError::Pem { path: files.key.clone(), source })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

async fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TcpError> {
    let text = read(path).await?;
    let refused = |source| TcpError::Pem { path: path.to_owned(), source };
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates.map_err(refused)? {
        none if none.is_empty() => Err(refused(pem::Error::NoItemsFound)),
        certificates => Ok(certificates),
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, TcpError> {
    fs::read(path).await.map_err(|source| TcpError::Read { path: path.to_owned(), source })
}
