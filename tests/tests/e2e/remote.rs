//! The API over TCP, from a machine that is no node, by both clients.

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::ensure;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use swarmlite_lab::Service;
use swarmlite_lab::run;

use crate::cluster::Cluster;
use crate::cluster::IMAGE;

/// An authority of its own.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// Writes a certificate, its key and those of `trusted` into a folder, under docker's names.
    fn write(&self, folder: &Path, trusted: &Self, names: Vec<String>) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("cert.pem"), params.signed_by(&key, &self.issuer)?.pem())?;
        std::fs::write(folder.join("key.pem"), key.serialize_pem())?;
        std::fs::write(folder.join("ca.pem"), &trusted.certificate)?;
        Ok(())
    }
}

/// Runs a client on the machine that is no node, with the certificates in a folder.
async fn outside(
    cluster: &Cluster,
    program: &str,
    host: &str,
    folder: &Path,
    args: &[&str],
) -> anyhow::Result<String> {
    let mut command = cluster.lab().client()?.command(program);
    command.args(args).env("DOCKER_HOST", host).env_remove("SWARMLITE_HOST");
    command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", folder);
    run(&mut command).await
}

pub(crate) async fn certificates_open_the_api_to_both_clients(
    cluster: &Cluster,
) -> anyhow::Result<()> {
    let node = &cluster.managers()[2];
    let (good, bad) = (Authority::new("good")?, Authority::new("bad")?);
    let folder = |name: &str| -> PathBuf { node.dir().join("tls").join(name) };
    good.write(&folder("node"), &good, vec![node.address().to_string()])?;
    good.write(&folder("me"), &good, vec!["me".to_owned()])?;
    bad.write(&folder("stranger"), &good, vec!["me".to_owned()])?;
    good.write(&folder("misled"), &bad, vec!["me".to_owned()])?;
    good.write(&folder("nobody"), &good, vec!["me".to_owned()])?;
    for file in ["cert.pem", "key.pem"] {
        std::fs::remove_file(folder("nobody").join(file))?;
    }
    let file = |name: &str| folder("node").join(name).display().to_string();
    node.kill(Service::Daemon, "TERM").await?;
    let options = [
        "--api",
        "tcp://0.0.0.0:2376",
        "--api-tls-ca",
        &file("ca.pem"),
        "--api-tls-cert",
        &file("cert.pem"),
        "--api-tls-key",
        &file("key.pem"),
    ];
    node.start_with(Service::Daemon, &options).await?;
    cluster.all_ready().await?;

    let swarmlite = std::env::var("SWARMLITE_LAB_SWARMLITE").context("which program")?;
    let host = format!("tcp://{}:2376", node.address());
    for client in ["docker", &swarmlite] {
        let as_who = async |who: &str, args: &[&str]| {
            outside(cluster, client, &host, &folder(who), args).await
        };
        let nodes = as_who("me", &["node", "ls", "--format", "{{.Hostname}}"]).await?;
        ensure!(nodes.lines().any(|line| line == node.name()), "{nodes}");
        for who in ["nobody", "stranger", "misled"] {
            let refused = as_who(who, &["node", "ls"]).await;
            ensure!(refused.is_err(), "{client} as {who}: {refused:?}");
        }
    }
    // Browsers get the page, as they are asked who they are.
    let page = format!("https://{}:2376/swarmlite/v1/ui/", node.address());
    let browser = async |who: &str| {
        let file = |name: &str| folder(who).join(name).display().to_string();
        let (ca, cert, key) = (file("ca.pem"), file("cert.pem"), file("key.pem"));
        let args = ["--silent", "--fail", "--cacert", &ca, "--cert", &cert, "--key", &key, &page];
        run(cluster.lab().client()?.command("curl").args(args)).await
    };
    let shown = browser("me").await?;
    ensure!(shown.contains("<title>swarmlite</title>"), "{shown}");
    let refused = browser("stranger").await;
    ensure!(refused.is_err(), "{refused:?}");
    // A connection that stops being HTTP.
    let docker = async |args: &[&str]| outside(cluster, "docker", &host, &folder("me"), args).await;
    docker(&["run", "--detach", "--name", "own", "--network", "none", IMAGE, "serve"]).await?;
    let executed = docker(&["exec", "own", "/whoami", "--help"]).await?;
    ensure!(executed.contains("serve"), "{executed}");
    docker(&["rm", "--force", "own"]).await?;
    // Nor does anybody get in who does not even try to say who they are.
    let mut plain = cluster.lab().client()?.command(&swarmlite);
    let refused = run(plain.args(["-H", &host, "node", "ls"]).env_remove("SWARMLITE_HOST")).await;
    ensure!(refused.is_err(), "without TLS: {refused:?}");

    node.restart(Service::Daemon).await?;
    cluster.all_ready().await
}
