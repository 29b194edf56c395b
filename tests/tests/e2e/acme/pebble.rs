//! An ACME server outside of the cluster: Pebble, which Let's Encrypt tests clients with, and the name server that it asks.

use std::fs::File;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use serde_json::json;
use swarmlite_lab::eventually;
use tokio::process::Child;

use crate::cluster::Cluster;
use crate::cluster::SOON;

/// Where it answers clients.
const PORT: u16 = 14000;

/// Where it says which authority it signs with.
const MANAGEMENT: u16 = 15000;

/// Where the name server is told what names stand for.
const NAMES: u16 = 8055;

/// An ACME server. Ends when dropped.
pub(super) struct Pebble {
    address: Ipv4Addr,
    dir: PathBuf,
    _children: [Child; 2],
}

impl Pebble {
    /// Starts one whose certificates are valid for so many seconds, and which takes so many seconds to look at a host. All names stand for `node`.
    pub(super) async fn start(
        cluster: &Cluster,
        node: Ipv4Addr,
        (valid, slow): (u32, u32),
    ) -> anyhow::Result<Self> {
        let address = cluster.lab().client_address();
        let dir = cluster.manager().dir().join("pebble");
        tokio::fs::create_dir_all(&dir).await?;
        let own = rcgen::generate_simple_self_signed([IpAddr::V4(address).to_string()])?;
        let (certificate, key) = (dir.join("own.pem"), dir.join("own.key"));
        tokio::fs::write(&certificate, own.cert.pem()).await?;
        tokio::fs::write(&key, own.signing_key.serialize_pem()).await?;
        let config = json!({"pebble": {
            "listenAddress": format!("0.0.0.0:{PORT}"),
            "managementListenAddress": format!("0.0.0.0:{MANAGEMENT}"),
            "certificate": certificate,
            "privateKey": key,
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": valid,
        }});
        let file = dir.join("config.json");
        tokio::fs::write(&file, config.to_string()).await?;
        let client = cluster.lab().client()?;
        let log = File::create(dir.join("log"))?;
        let mut names = client.command("pebble-challtestsrv");
        names.args(["-dns01", ":8053", "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.args(["-defaultIPv6", "", "-defaultIPv4", &node.to_string()]);
        let mut pebble = client.command("pebble");
        pebble.args(["-dnsserver", "127.0.0.1:8053", "-config"]).arg(&file);
        // Every host is looked at each time: what was believed once is not believed again.
        pebble.env("PEBBLE_AUTHZREUSE", "0").env("PEBBLE_VA_SLEEPTIME", slow.to_string());
        if slow == 0 {
            pebble.env("PEBBLE_VA_NOSLEEP", "1");
        }
        let [names, pebble] = [&mut names, &mut pebble].map(|command| {
            command.stdin(Stdio::null()).kill_on_drop(true);
            command.stdout(log.try_clone()?).stderr(log.try_clone()?);
            command.spawn().context("start Pebble: it is the package pebble of Debian")
        });
        let pebble = Self { address, dir, _children: [names?, pebble?] };
        pebble.save_authority(cluster).await?;
        Ok(pebble)
    }

    /// The options of `swarm update` by which the cluster asks it.
    pub(super) fn options(&self) -> String {
        format!(
            "--acme-directory https://{}:{PORT}/dir --acme-ca {} --acme-email ops@example.com --acme-accept-terms",
            self.address,
            self.dir.join("own.pem").display()
        )
    }

    /// The file with the authority that it signs with.
    pub(super) fn authority(&self) -> String {
        self.dir.join("root.pem").display().to_string()
    }

    /// Has `host` stand for an address.
    pub(super) async fn name(
        &self,
        cluster: &Cluster,
        host: &str,
        address: Ipv4Addr,
    ) -> anyhow::Result<()> {
        let body = json!({"host": host, "addresses": [address]}).to_string();
        self.curl(cluster, &["--data", &body, &format!("http://127.0.0.1:{NAMES}/add-a")])
            .await
            .map(drop)
    }

    /// What it has written.
    pub(super) async fn log(&self) -> anyhow::Result<String> {
        Ok(tokio::fs::read_to_string(self.dir.join("log")).await?)
    }

    async fn save_authority(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let url = format!("https://127.0.0.1:{MANAGEMENT}/roots/0");
        eventually("Pebble", SOON, async || {
            let root = self.curl(cluster, &["--insecure", &url]).await?;
            ensure!(root.contains("BEGIN CERTIFICATE"), "{root}");
            Ok(tokio::fs::write(self.dir.join("root.pem"), root).await?)
        })
        .await
    }

    async fn curl(&self, cluster: &Cluster, args: &[&str]) -> anyhow::Result<String> {
        let mut curl = cluster.lab().client()?.command("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "5"]).args(args);
        let output = curl.output().await.context("run curl")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
