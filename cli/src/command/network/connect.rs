//! `swarmlite network connect` and `disconnect`.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::args::NetworkConnectArgs;
use crate::args::NetworkDisconnectArgs;
use crate::client::Client;
use crate::error::Result;
use crate::value::pair;

/// Puts a container on a network.
pub(crate) async fn connect(args: &NetworkConnectArgs, client: &Client) -> Result<()> {
    let body = json!({"Container": args.container, "EndpointConfig": endpoint(args)});
    client.network_connect(&args.network, &body).await
}

/// Takes a container off a network.
pub(crate) async fn disconnect(args: &NetworkDisconnectArgs, client: &Client) -> Result<()> {
    let body = json!({"Container": args.container, "Force": args.force});
    client.network_disconnect(&args.network, &body).await
}

/// What is asked for, and nothing else.
fn endpoint(args: &NetworkConnectArgs) -> Value {
    let mut addresses = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        addresses.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("IPv4Address", args.ip.map(|ip| ip.to_string().into()));
    add("IPv6Address", args.ip6.map(|ip| ip.to_string().into()));
    let local: Vec<String> = args.link_local_ip.iter().map(ToString::to_string).collect();
    add("LinkLocalIPs", (!local.is_empty()).then(|| local.into()));
    let mut endpoint = json!({});
    if !addresses.is_empty() {
        endpoint["IPAMConfig"] = addresses.into();
    }
    if !args.alias.is_empty() {
        endpoint["Aliases"] = args.alias.clone().into();
    }
    if !args.link.is_empty() {
        endpoint["Links"] = args.link.clone().into();
    }
    if !args.driver_opt.is_empty() {
        endpoint["DriverOpts"] = json!(pair::labels(&args.driver_opt));
    }
    endpoint
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::args::Command;
    use crate::args::NetworkCommand;

    #[test]
    fn only_what_is_asked_for_is_sent() {
        for (options, expected) in [
            ("", json!({})),
            (
                "--alias db --alias cache --ip 10.0.0.9",
                json!({"Aliases": ["db", "cache"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}),
            ),
            ("--link a:b --driver-opt k=v", json!({"Links": ["a:b"], "DriverOpts": {"k": "v"}})),
        ] {
            let line = format!("swarmlite network connect {options} net container");
            let cli = Cli::try_parse_from(line.split_whitespace()).expect("parses");
            let Command::Network(NetworkCommand::Connect(args)) = cli.command else {
                panic!("{line}")
            };
            assert_eq!(endpoint(&args), expected, "{options}");
        }
    }
}
