//! Clients that have to show a certificate.

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::TLS12;
use rustls::version::TLS13;
use swarmlite_proto::spec::CertificateReference;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proxy::ClientCa;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

use crate::lab::Lab;
use crate::lab::mirror;
use crate::lab::parse;
use crate::lab::read_all;
use crate::lab::route;
use crate::tls::Identity;
use crate::tls::certificate;
use crate::tls::get;
use crate::tls::showing;

/// An authority, and a client whose certificate it has signed.
fn authority() -> (ClientCa, Identity) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["client".to_owned()]).unwrap();
    let client = client.signed_by(&client_key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(client_key.serialize_der()).unwrap();
    (ClientCa::from_pem(pem.as_bytes()).unwrap(), (client.der().clone(), key))
}

/// A rule whose clients have to show a certificate.
fn asking(host: &str) -> HttpRoute {
    let staff = CertificateReference { secret_name: "staff".to_owned(), ..Default::default() };
    HttpRoute { client_ca: Some(staff), ..route(host, "/") }
}

/// A proxy with a host that asks for certificates and one that does not, both with certificates of their own; and these.
async fn lab() -> (Lab, [CertificateDer<'static>; 2]) {
    let mut lab = Lab::new().await;
    let routes = vec![asking("staff.example"), route("open.example", "/")];
    lab.service("mirror", routes, &[mirror().await]);
    let roots = ["staff.example", "open.example"].map(|host| {
        let (certificate, root) = certificate(host);
        lab.set_certificate(host, certificate);
        root
    });
    (lab, roots)
}

#[tokio::test]
async fn a_task_is_told_of_the_certificate_that_its_client_has_shown() {
    let (mut lab, [root, _]) = lab().await;
    let (ca, client) = authority();
    lab.set_client_ca("staff.example", ca);
    for version in [&TLS12, &TLS13] {
        let at = ("staff.example", &root);
        let mut stream = showing(&lab, at, version, Some(&client)).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: staff.example\r\nClient-Cert: made-up\r\n\
                       Client-Cert-Chain: too\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let (status, body) = parse(&read_all(&mut stream).await);
        assert_eq!(status, 200, "{body}");
        let told: Vec<&str> = body.lines().filter(|line| line.contains("client-cert")).collect();
        let [told] = told[..] else { panic!("{body}") };
        assert!(told.starts_with("client-cert: :MII") && told.ends_with(':'), "{told}");
    }
}

#[tokio::test]
async fn who_shows_nothing_or_something_else_is_refused() {
    let (mut lab, [root, _]) = lab().await;
    let (_, client) = authority();
    let at = ("staff.example", &root);
    // Nobody knows the authority yet.
    assert!(showing(&lab, at, &TLS12, Some(&client)).await.is_err());
    let (ca, _) = authority();
    lab.set_client_ca("staff.example", ca);
    for shown in [None, Some(&client)] {
        assert!(showing(&lab, at, &TLS12, shown).await.is_err());
        // In TLS 1.3 the client learns it with the first answer.
        let mut stream = showing(&lab, at, &TLS13, shown).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: staff.example\r\n\r\n";
        let sent = stream.write_all(request).await;
        let read = stream.read(&mut [0; 64]).await;
        assert!(sent.is_err() || read.is_err(), "{read:?}");
    }
    let plain = lab.raw("GET / HTTP/1.1\r\nHost: staff.example\r\n{close}\r\n").await;
    assert!(plain.starts_with("HTTP/1.1 403 "), "{plain}");
    assert_eq!(lab.dialled(0, 1), 0);
}

#[tokio::test]
async fn the_name_of_another_host_is_no_way_around_it() {
    let (mut lab, [_, open]) = lab().await;
    let (ca, client) = authority();
    lab.set_client_ca("staff.example", ca);
    for shown in [None, Some(&client)] {
        let stream = showing(&lab, ("open.example", &open), &TLS13, shown).await.unwrap();
        let answer = get(stream, "staff.example").await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    }
    let mut stream = showing(&lab, ("open.example", &open), &TLS13, None).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: open.example\r\nClient-Cert: made-up\r\n\
                   Connection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let (status, body) = parse(&read_all(&mut stream).await);
    assert_eq!(status, 200);
    assert!(!body.contains("client-cert"), "{body}");
}

#[tokio::test]
async fn other_authorities_count_at_once() {
    let (mut lab, [root, _]) = lab().await;
    let ((old, before), (new, after)) = (authority(), authority());
    lab.set_client_ca("staff.example", old);
    let at = ("staff.example", &root);
    let open = showing(&lab, at, &TLS13, Some(&before)).await.unwrap();
    lab.set_client_ca("staff.example", new);
    let answer = get(open, "staff.example").await;
    assert!(answer.starts_with("HTTP/1.1 421 "), "was opened before: {answer}");
    assert!(showing(&lab, at, &TLS12, Some(&before)).await.is_err());
    let stream = showing(&lab, at, &TLS12, Some(&after)).await.unwrap();
    assert_eq!(parse(&get(stream, "staff.example").await).0, 200);
}
