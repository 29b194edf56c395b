//! `swarmlite network create`.

use std::net::IpAddr;

use ipnet::IpNet;
use swarmlite_proto::api::ConfigReference;
use swarmlite_proto::api::NetworkCreateRequest;
use swarmlite_proto::spec::IpamConfig;
use swarmlite_proto::spec::IpamOptions;

use crate::args::NetworkCreateArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::pair;

/// Makes a network.
pub(crate) async fn create(
    args: &NetworkCreateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let created = client.network_create(&request(args)?).await?;
    if !created.warning.is_empty() {
        console.warn(&created.warning)?;
    }
    console.line(&created.id)
}

fn request(args: &NetworkCreateArgs) -> Result<NetworkCreateRequest> {
    Ok(NetworkCreateRequest {
        name: args.name.clone(),
        driver: args.driver.clone(),
        scope: args.scope.clone(),
        enable_ipv4: args.ipv4,
        enable_ipv6: args.ipv6,
        ipam: Some(IpamOptions {
            driver: args.ipam_driver.clone(),
            options: pair::labels(&args.ipam_opt),
            config: subnets(args)?,
        }),
        internal: args.internal,
        attachable: args.attachable,
        ingress: args.ingress,
        config_only: args.config_only,
        config_from: ConfigReference { network: args.config_from.clone() },
        check_duplicate: false,
        options: pair::labels(&args.opt),
        labels: pair::labels(&args.label),
    })
}

/// Puts ranges, gateways and auxiliary addresses to the subnets that contain them.
fn subnets(args: &NetworkCreateArgs) -> Result<Vec<IpamConfig>> {
    let inner = [args.ip_range.len(), args.gateway.len(), args.aux_address.len()];
    if args.subnet.is_empty() && inner.iter().any(|count| *count > 0) {
        return Err(Error::refused("every ip-range or gateway must have a corresponding subnet"));
    }
    let mut configs: Vec<IpamConfig> = Vec::new();
    for subnet in &args.subnet {
        for other in &args.subnet[..configs.len()] {
            if other.contains(subnet) || subnet.contains(other) {
                return Err(Error::refused(
                    "multiple overlapping subnet configuration is not supported",
                ));
            }
        }
        configs.push(IpamConfig { subnet: Some(*subnet), ..IpamConfig::default() });
    }
    let holds = |config: &&mut IpamConfig, inner: &IpNet| {
        config.subnet.is_some_and(|subnet| subnet.contains(inner))
    };
    for range in &args.ip_range {
        let config = configs.iter_mut().find(|config| holds(config, range));
        let config = config
            .ok_or_else(|| Error::refused(format!("no matching subnet for range {range}")))?;
        if config.ip_range.replace(*range).is_some() {
            return Err(Error::refused("cannot configure multiple ranges on the same subnet"));
        }
    }
    for gateway in &args.gateway {
        let config = configs.iter_mut().find(|config| holds(config, &IpNet::from(*gateway)));
        let config = config
            .ok_or_else(|| Error::refused(format!("no matching subnet for gateway {gateway}")))?;
        if config.gateway.replace(*gateway).is_some() {
            return Err(Error::refused("cannot configure multiple gateways for the same subnet"));
        }
    }
    for (name, text) in pair::labels(&args.aux_address) {
        let addr: IpAddr =
            text.parse().map_err(|_| Error::refused(format!("invalid aux-address {text}")))?;
        let config = configs.iter_mut().find(|config| holds(config, &IpNet::from(addr)));
        let config = config
            .ok_or_else(|| Error::refused(format!("no matching subnet for aux-address {text}")))?;
        config.auxiliary_addresses.insert(name, addr);
    }
    Ok(configs)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::args::Command;
    use crate::args::NetworkCommand;

    fn request(options: &str) -> Result<NetworkCreateRequest> {
        let line =
            shlex::split(&format!("swarmlite network create {options} net")).expect("a line");
        match Cli::try_parse_from(line).expect("parses").command {
            Command::Network(NetworkCommand::Create(args)) => super::request(&args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_network_is_an_overlay_with_addresses_from_the_pools() {
        let request = request("--attachable --label a=b").expect("a request");
        assert_eq!((&*request.name, &*request.driver), ("net", "overlay"));
        assert!(request.attachable);
        assert_eq!(request.ipam.expect("some").config, []);
    }

    #[test]
    fn ranges_and_gateways_find_their_subnet() {
        let options = "--subnet 10.1.0.0/16 --subnet 10.2.0.0/16 --ip-range 10.2.3.0/24 --gateway 10.1.0.9 --aux-address a=10.2.0.7";
        let config = request(options).expect("a request").ipam.expect("some").config;
        assert_eq!(config[0].gateway.expect("some").to_string(), "10.1.0.9");
        assert_eq!(config[1].ip_range.expect("some").to_string(), "10.2.3.0/24");
        assert_eq!(config[1].auxiliary_addresses["a"].to_string(), "10.2.0.7");
        for (options, message) in [
            (
                "--subnet 10.1.0.0/16 --aux-address a=10.2.0.7",
                "no matching subnet for aux-address 10.2.0.7",
            ),
            ("--gateway 10.1.0.9", "every ip-range or gateway must have a corresponding subnet"),
            (
                "--subnet 10.1.0.0/16 --ip-range 10.2.0.0/24",
                "no matching subnet for range 10.2.0.0/24",
            ),
            (
                "--subnet 10.1.0.0/16 --subnet 10.1.2.0/24",
                "multiple overlapping subnet configuration is not supported",
            ),
        ] {
            assert_eq!(request(options).expect_err("refused").to_string(), message);
        }
    }
}
