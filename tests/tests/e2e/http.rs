//! HTTP routing: every node answers for the services that have rules, and goes on to while they change.

use std::path::PathBuf;

use anyhow::Context;
use anyhow::ensure;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use swarmlite_lab::Node;
use swarmlite_lab::eventually;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;
use crate::cluster::SOON;

/// The host that is asked for.
pub(crate) const HOST: &str = "shop.example.com";

/// Where the service listens.
pub(crate) const PORT: u16 = 8000;

/// What a command says that has to fail.
async fn failure(cluster: &Cluster, words: &[&str]) -> anyhow::Result<String> {
    match cluster.manager().swarmlite(words).await {
        Ok(said) => anyhow::bail!("{words:?} should fail, and says {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// What `node` answers a client outside of the cluster: the status, and the body.
async fn asked(
    cluster: &Cluster,
    node: &Node,
    options: &[&str],
    url: &str,
) -> anyhow::Result<(String, String)> {
    let mut curl = cluster.lab().client()?.command("curl");
    let resolve = |port: u16| format!("{HOST}:{port}:{}", node.address());
    curl.args([
        "--silent",
        "--show-error",
        "--max-time",
        "5",
        "--write-out",
        "\n%{http_code} %{redirect_url}",
    ]);
    curl.args(["--resolve", &resolve(80), "--resolve", &resolve(443)]).args(options).arg(url);
    let output = curl.output().await.context("run curl")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (body, status) = said.rsplit_once('\n').context("no status")?;
    Ok((status.trim().to_owned(), body.to_owned()))
}

/// Waits until every node answers as expected: that takes as long as the managers need to tell all of them.
pub(crate) async fn all_answer(
    cluster: &Cluster,
    options: &[&str],
    url: &str,
    status: &str,
    text: &str,
) -> anyhow::Result<()> {
    for node in cluster.members() {
        eventually(&format!("{url} of {}", node.name()), SOON, async || {
            let (is, body) = asked(cluster, node, options, url).await?;
            ensure!(is == status && body.contains(text), "{is}: {body}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A certificate for the host that it signs itself, in `folder` and as the secret `cert`.
pub(crate) async fn certificate(cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
    let dir = cluster.manager().dir();
    let (authority, both) = (dir.join("http-ca.pem"), dir.join("http-cert.pem"));
    tokio::fs::write(&authority, made.cert.pem()).await?;
    let content = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    tokio::fs::write(&both, content).await?;
    cluster.run(&format!("secret create cert {}", both.display())).await?;
    Ok(authority)
}

pub(crate) async fn every_node_answers_by_host_with_and_without_tls(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let authority = certificate(cluster).await?.display().to_string();
    let rule = format!("{HOST}/cart,port={PORT},rewrite=/");
    let secured = format!("{HOST},port={PORT},tls=cert,https-only");
    let create =
        format!("service create --quiet --name web --http {rule} --http {secured} --replicas 2");
    cluster.run(&format!("{create} {IMAGE} serve --name web")).await?;
    cluster.run("swarm update --http").await?;
    let (plain, tls) = (format!("http://{HOST}"), format!("https://{HOST}"));
    all_answer(cluster, &[], &format!("{plain}/cart"), "200", "web").await?;
    all_answer(cluster, &[], &plain, &format!("308 {tls}/"), "").await?;
    all_answer(cluster, &["--cacert", &authority], &tls, "200", "web").await?;
    all_answer(cluster, &["--header", "Host: other.example.com"], &plain, "404", "").await?;

    let refused = failure(cluster, &["secret", "rm", "cert"]).await?;
    ensure!(refused.contains("secret 'cert' is in use by the following service: web"), "{refused}");
    let create = ["service", "create", "--name", "other"];
    for (options, message) in [
        (["--http", "a b,port=80"], "is no name of a host"),
        (["--http", &secured], "are answered by service 'web'"),
        (["--http", "x,port=80,tls=none"], "secret not found: none"),
        (["--publish", "443:443"], "port '443' is already in use by HTTP routing"),
    ] {
        let refused = failure(cluster, &[&create[..], &options, &[IMAGE]].concat()).await?;
        ensure!(refused.contains(message), "{refused}");
    }
    let shown = cluster.run("service inspect --pretty web").await?;
    ensure!(shown.contains(&format!("HTTP Rules:\n {HOST}/cart,port={PORT},rewrite=/")), "{shown}");
    let found = cluster.run("doctor").await?;
    ensure!(found.contains("answers HTTP on ports 80 and 443"), "{found}");

    let lives = cluster.lives("web").await?;
    cluster.run(&format!("service update --quiet --http-add {rule},sticky=1h web")).await?;
    all_answer(cluster, &["--include"], &format!("{plain}/cart"), "200", "Max-Age=3600").await?;
    ensure!(cluster.lives("web").await? == lives, "another rule has restarted a task");
    cluster
        .run(&format!("service update --quiet --http-rm {HOST} --http-rm {HOST}/cart web"))
        .await?;
    all_answer(cluster, &[], &plain, "404", "").await?;
    cluster.run("swarm update --http=off").await.map(drop)
}

/// An authority and a client whose certificate it has signed: the secret `staff`, and a file for curl.
async fn client_authority(cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let (key, client_key) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let dir = cluster.manager().dir();
    let (authority, client) = (dir.join("http-staff.pem"), dir.join("http-client.pem"));
    tokio::fs::write(&authority, params.self_signed(&key)?.pem()).await?;
    let signed = CertificateParams::new(vec!["client".to_owned()])?;
    let signed = signed.signed_by(&client_key, &Issuer::new(params, key))?;
    tokio::fs::write(&client, format!("{}{}", signed.pem(), client_key.serialize_pem())).await?;
    cluster.run(&format!("secret create staff {}", authority.display())).await?;
    Ok(client)
}

pub(crate) async fn clients_are_limited_logged_and_asked_for_certificates(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let authority = certificate(cluster).await?.display().to_string();
    let client = client_authority(cluster).await?.display().to_string();
    let limited = format!("{HOST}/limited,port={PORT},rate=1/h,burst=1");
    let secured = format!("{HOST},port={PORT},tls=cert");
    let create = format!("service create --quiet --name web --http {limited} --http {secured}");
    cluster.run(&format!("{create} {IMAGE} serve --name web")).await?;
    cluster.run("swarm update --http --http-access-log combined").await?;
    let (plain, tls) = (format!("http://{HOST}"), format!("https://{HOST}"));
    all_answer(cluster, &[], &format!("{plain}/limited"), "429", "").await?;
    all_answer(cluster, &[], &plain, "200", "web").await?;
    let address = cluster.lab().client_address().to_string();
    for node in cluster.members() {
        let file = node.state_dir().join("agent/http-access.log");
        let line = format!("{address} - - [");
        eventually(&format!("the lines of {}", node.name()), SOON, async || {
            let log = tokio::fs::read_to_string(&file).await?;
            let of = |end: &str| log.lines().any(|it| it.starts_with(&line) && it.contains(end));
            ensure!(of("\"GET /limited HTTP/1.1\" 429 "), "{log}");
            ensure!(of("\"GET / HTTP/1.1\" 200 "), "{log}");
            Ok(())
        })
        .await?;
    }

    let asking = format!("{secured},client-ca=staff");
    cluster.run(&format!("service update --quiet --http-add {asking} web")).await?;
    let with_ca = ["--cacert", &authority];
    let with_both = [&with_ca[..], &["--cert", &client]].concat();
    all_answer(cluster, &[], &plain, "403", "").await?;
    all_answer(cluster, &with_both, &tls, "200", "web").await?;
    for node in cluster.members() {
        let shown_none = asked(cluster, node, &with_ca, &tls).await;
        ensure!(shown_none.is_err(), "{shown_none:?} without a certificate");
    }
    let refused = failure(cluster, &["secret", "rm", "staff"]).await?;
    ensure!(
        refused.contains("secret 'staff' is in use by the following service: web"),
        "{refused}"
    );
    let create = ["service", "create", "--name", "other", "--http"];
    let another = format!("{HOST}/other,port=80,client-ca=cert");
    for (rule, message) in [
        ("x,port=80,client-ca=none", "secret not found: none"),
        (&*another, "clients of host \"shop.example.com\" show certificates of 'staff' already"),
    ] {
        let refused = failure(cluster, &[&create[..], &[rule, IMAGE]].concat()).await?;
        ensure!(refused.contains(message), "{refused}");
    }
    cluster.run("swarm update --http=off --http-access-log off").await.map(drop)
}
