//! An authority outside of the cluster: cfssl, which signs for nodes and has the only key.

use std::fs::File;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use serde_json::json;
use swarmlite_lab::Lab;
use swarmlite_lab::eventually;
use tokio::process::Child;
use tokio::process::Command;

use crate::cluster::SOON;

const PORT: u16 = 8888;

/// The folder with the files of an authority, and how it is asked.
pub(super) struct Authority {
    address: Ipv4Addr,
    dir: PathBuf,
}

impl Authority {
    /// Makes one that is asked in the outside world of `lab`, and talks to those only whose certificates are from it or from the authority `trusted`, PEM.
    pub(super) async fn make(lab: &Lab, trusted: &str) -> anyhow::Result<Self> {
        let authority =
            Self { address: lab.client_address(), dir: lab.nodes()[0].dir().join("cfssl") };
        tokio::fs::create_dir_all(&authority.dir).await?;
        let key = KeyPair::generate()?;
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "outside");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = root.self_signed(&key)?;
        let own_key = KeyPair::generate()?;
        let names = vec![IpAddr::V4(authority.address).to_string()];
        let issuer = Issuer::new(root, &key);
        let own = CertificateParams::new(names)?.signed_by(&own_key, &issuer)?;
        let sign = json!({
            "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
            "expiry": "24h",
        });
        let cross_sign = json!({
            "usages": ["cert sign", "crl sign"],
            "expiry": "24h",
            "ca_constraint": {"is_ca": true, "max_path_len": 0, "max_path_len_zero": true},
        });
        let config = json!({"signing": {"default": sign, "profiles": {"CA": cross_sign}}});
        for (name, text) in [
            ("root.pem", certificate.pem()),
            ("root.key", key.serialize_pem()),
            ("own.pem", own.pem()),
            ("own.key", own_key.serialize_pem()),
            ("clients.pem", certificate.pem() + trusted),
            ("config.json", config.to_string()),
        ] {
            tokio::fs::write(authority.dir.join(name), text).await?;
        }
        Ok(authority)
    }

    /// Starts its server, which ends when what is returned is dropped.
    pub(super) async fn serve(&self, lab: &Lab) -> anyhow::Result<Child> {
        let mut cfssl = lab.client()?.command("cfssl");
        cfssl.args(["serve", "-address", "0.0.0.0", "-port", &PORT.to_string()]);
        for (option, file) in [
            ("-ca", "root.pem"),
            ("-ca-key", "root.key"),
            ("-config", "config.json"),
            ("-tls-cert", "own.pem"),
            ("-tls-key", "own.key"),
            ("-mutual-tls-ca", "clients.pem"),
        ] {
            cfssl.arg(option).arg(self.dir.join(file));
        }
        let log = File::options().create(true).append(true).open(self.dir.join("log"))?;
        cfssl.stdin(Stdio::null()).kill_on_drop(true);
        cfssl.stdout(log.try_clone()?).stderr(log);
        let child =
            cfssl.spawn().context("start cfssl: it is the package golang-cfssl of Debian")?;
        eventually("cfssl", SOON, async || self.listens(lab).await).await?;
        Ok(child)
    }

    async fn listens(&self, lab: &Lab) -> anyhow::Result<()> {
        let mut curl: Command = lab.client()?.command("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--max-time", "5", &self.url()]);
        let output = curl.output().await.context("run curl")?;
        let said = String::from_utf8_lossy(&output.stderr);
        // Who has no certificate is turned away, which says that it is there.
        ensure!(!said.contains("Failed to connect"), "{said}");
        Ok(())
    }

    fn url(&self) -> String {
        format!("https://{}:{PORT}/api/v1/cfssl/sign", self.address)
    }

    /// The option by which the cluster asks it.
    pub(super) fn option(&self) -> String {
        format!("protocol=cfssl,url={}", self.url())
    }

    /// The file with its certificate.
    pub(super) fn certificate(&self) -> String {
        self.dir.join("root.pem").display().to_string()
    }

    /// What it has written.
    pub(super) async fn log(&self) -> anyhow::Result<String> {
        Ok(tokio::fs::read_to_string(self.dir.join("log")).await?)
    }
}
