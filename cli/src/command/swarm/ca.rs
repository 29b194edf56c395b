//! `swarmlite swarm ca`.

use std::path::Path;
use std::time::Duration;

use swarmlite_proto::api::Node;
use swarmlite_proto::api::Swarm;
use swarmlite_proto::spec::CaConfig;
use tokio::time::sleep;

use crate::args::CaArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::filter::Filters;

/// How often the daemon is asked how far it is (docker/cli `cli/command/swarm/progress`).
const POLL: Duration = Duration::from_millis(200);

/// Prints the certificate of the authority, replacing the authority first if asked to.
pub(crate) async fn ca(args: &CaArgs, client: &Client, console: &mut Console<'_>) -> Result<()> {
    if args.rotate {
        check(args)?;
        let certificate = args.ca_cert.as_deref().map(read).transpose()?.unwrap_or_default();
        let key = args.ca_key.as_deref().map(read).transpose()?.unwrap_or_default();
        client.swarm_change(|spec| rotate(&mut spec.ca_config, args, (&certificate, &key))).await?;
        if args.detach {
            return Ok(());
        }
        wait(args.quiet, client, console).await?;
        if args.quiet {
            return Ok(());
        }
    }
    let swarm = client.swarm().await?;
    if swarm.tls_info.trust_root.is_empty() {
        return Err(Error::refused("No CA information available"));
    }
    console.line(swarm.tls_info.trust_root.trim_end())
}

/// Refuses an authority of which nobody could sign (docker/cli `cli/command/swarm/ca.go`).
fn check(args: &CaArgs) -> Result<()> {
    if args.ca_cert.is_none() && !args.external_ca.is_empty() {
        return Err(Error::refused(
            "rotating to an external CA requires the `--ca-cert` flag to specify the external CA's cert - to add an external CA with the current root CA certificate, use the `update` command instead",
        ));
    }
    if args.ca_cert.is_some() && args.ca_key.is_none() && args.external_ca.is_empty() {
        return Err(Error::refused(
            "the --ca-cert flag requires that a --ca-key flag and/or --external-ca flag be provided as well",
        ));
    }
    Ok(())
}

fn rotate(config: &mut CaConfig, args: &CaArgs, (certificate, key): (&str, &str)) {
    if let Some(expiry) = args.cert_expiry {
        config.node_cert_expiry = expiry;
    }
    if !args.external_ca.is_empty() {
        config.external_cas.clone_from(&args.external_ca);
        for server in &mut config.external_cas {
            certificate.clone_into(&mut server.ca_cert);
        }
    }
    certificate.clone_into(&mut config.signing_ca_cert);
    key.clone_into(&mut config.signing_ca_key);
    if certificate.is_empty() {
        config.force_rotate += 1;
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Error::refused(format!("cannot read {}: {error}", path.display())))
}

/// Says how far it is until all is done.
async fn wait(quiet: bool, client: &Client, console: &mut Console<'_>) -> Result<()> {
    let mut said = String::new();
    loop {
        let swarm = client.swarm().await?;
        let progress = progress(&swarm, &client.nodes(&Filters::default()).await?);
        if !quiet && progress != said {
            console.line(&progress)?;
            said = progress;
        }
        if !swarm.root_rotation_in_progress {
            return Ok(());
        }
        sleep(POLL).await;
    }
}

/// How many nodes have certificates of the new authority, and which do not answer.
fn progress(swarm: &Swarm, nodes: &[Node]) -> String {
    let has_renewed = |node: &&Node| {
        let info = &node.description.tls_info;
        info.cert_issuer_public_key == swarm.tls_info.cert_issuer_public_key
    };
    let renewed = nodes.iter().filter(has_renewed).count();
    format!("rotated TLS certificates:  {renewed}/{} nodes", nodes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::nodes;

    #[test]
    fn a_certificate_that_is_given_is_used_and_otherwise_a_new_one_is_made() {
        let args = |cert: Option<&str>| CaArgs {
            rotate: true,
            ca_cert: cert.map(Into::into),
            ca_key: cert.map(Into::into),
            external_ca: Vec::new(),
            cert_expiry: None,
            detach: false,
            quiet: false,
        };
        let mut config = CaConfig { force_rotate: 3, ..CaConfig::default() };
        rotate(&mut config, &args(None), ("", ""));
        assert_eq!((config.force_rotate, config.signing_ca_cert.as_str()), (4, ""));
        rotate(&mut config, &args(Some("file")), ("certificate", "key"));
        assert_eq!((config.force_rotate, config.signing_ca_cert.as_str()), (4, "certificate"));
    }

    #[test]
    fn nodes_without_new_certificates_are_counted() {
        let swarm: Swarm = serde_json::from_value(serde_json::json!({
            "ID": "c".repeat(25), "Version": {"Index": 1}, "CreatedAt": "2024-01-01T00:00:00Z",
            "UpdatedAt": "2024-01-01T00:00:00Z", "Spec": {}, "RootRotationInProgress": true,
            "TLSInfo": {"CertIssuerPublicKey": "new"}, "DataPathPort": 4789,
            "DefaultAddrPool": [], "SubnetSize": 24
        }))
        .expect("a swarm");
        let mut all = nodes();
        all[0].description.tls_info.cert_issuer_public_key = "new".to_owned();
        let said = format!("rotated TLS certificates:  1/{} nodes", all.len());
        assert_eq!(progress(&swarm, &all), said);
    }
}
