//! What ACME servers ask, over HTTP and over TLS.

use std::sync::Arc;

use ring::digest::SHA256;
use ring::digest::digest;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proxy::Certificate;
use swarmlite_proxy::Challenge;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::lab::Lab;
use crate::lab::mirror;
use crate::lab::route;

const TOKEN: &str = "DGyRejmCefe7v4NfDGDKfA";
const ANSWER: &str = "DGyRejmCefe7v4NfDGDKfA.thumbprint";

/// Trusts every certificate: rustls reads none with the critical extension that those of challenges have.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

async fn lab() -> Lab {
    let mut lab = Lab::new().await;
    let route = HttpRoute { https_only: true, ..route("shop.example", "/") };
    lab.service("mirror", vec![route], &[mirror().await]);
    let made = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
    let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    lab.set_certificate("shop.example", Certificate::from_pem(pem.as_bytes()).unwrap());
    lab
}

fn challenge() -> Challenge {
    let [host, token, answer] = ["shop.example", TOKEN, ANSWER].map(str::to_owned);
    Challenge { host, token, answer }
}

async fn connect(
    lab: &Lab,
    name: &str,
    offered: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(lab.tls).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Whether the connection is served with the certificate of the challenge (RFC 8737, 3): its digest is in there as an octet string.
fn shows_answer(stream: &TlsStream<TcpStream>) -> bool {
    let expected = [&[0x04, 0x20], digest(&SHA256, ANSWER.as_bytes()).as_ref()].concat();
    let certificate = &stream.get_ref().1.peer_certificates().unwrap()[0];
    certificate.windows(expected.len()).any(|window| window == expected)
}

#[tokio::test]
async fn a_token_is_answered_for_its_host_before_any_rule() {
    let mut lab = lab().await;
    let path = format!("/.well-known/acme-challenge/{TOKEN}");
    assert_eq!(lab.get("shop.example", &path).await.0, 308);
    lab.set_challenges(vec![challenge()]);
    assert_eq!(lab.get("shop.example", &path).await, (200, ANSWER.to_owned()));
    assert_eq!(lab.get("SHOP.example:80", &path).await, (200, ANSWER.to_owned()));
    assert_eq!(lab.get("other.example", &path).await.0, 404);
    assert_eq!(lab.get("shop.example", &format!("{path}x")).await.0, 308);
    lab.set_challenges(Vec::new());
    assert_eq!(lab.get("shop.example", &path).await.0, 308);
}

#[tokio::test]
async fn a_certificate_with_the_answer_is_shown_to_whoever_asks_for_nothing_else() {
    let mut lab = lab().await;
    let offered: &[&[u8]] = &[b"acme-tls/1"];
    assert!(connect(&lab, "shop.example", offered).await.is_err());
    lab.set_challenges(vec![challenge()]);
    let mut stream = connect(&lab, "shop.example", offered).await.unwrap();
    assert!(shows_answer(&stream));
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(offered[0]));
    let mut said = Vec::new();
    let _closed_or_reset = stream.read_to_end(&mut said).await;
    assert!(said.is_empty());
    assert!(connect(&lab, "other.example", offered).await.is_err());
    let others: [&[&[u8]]; 3] = [&[], &[b"http/1.1"], &[b"h2", b"acme-tls/1"]];
    for offered in others {
        let stream = connect(&lab, "shop.example", offered).await.unwrap();
        assert!(!shows_answer(&stream), "{offered:?}");
    }
}
