//! A network of the cluster.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::name;
use super::require;
use super::unsupported;
use crate::api::NetworkCreateRequest;
use crate::error::Error;
use crate::error::Result;
use crate::spec::IpamConfig;
use crate::spec::IpamOptions;
use crate::spec::NetworkSpec;

/// Networks that every engine has of its own.
const PREDEFINED: [&str; 4] = ["bridge", "host", "none", "default"];

/// Docker's mark of its own networks; users may not set it.
const PREDEFINED_LABEL: &str = "com.docker.swarm.predefined";

/// The longest prefix that leaves room for a gateway, a virtual address and a task.
const MAX_PREFIX_LEN: u8 = 29;

/// The numbers that networks can ask for in VXLAN headers: 24 bits (RFC 7348, section 5), and none that other tools are likely to use.
const VXLAN_IDS: RangeInclusive<u32> = 4096..=0x00ff_ffff;

/// Checks a request for an overlay network.
///
/// # Errors
///
/// In the words of moby's `daemon/cluster/networks.go` and swarmkit's `manager/controlapi/network.go`; and one for each setting that has
/// no effect here.
pub fn network(request: NetworkCreateRequest) -> Result<NetworkSpec> {
    let name = request.name.as_str();
    if PREDEFINED.contains(&name) {
        return Err(Error::denied(format!(
            "{name} is a pre-defined network and cannot be created"
        )));
    }
    name::check(name)?;
    if !matches!(request.driver.as_str(), "" | "overlay") {
        return Err(if request.ingress {
            Error::not_implemented("only overlay driver is currently supported for ingress network")
        } else {
            Error::invalid(format!("plugin {} not supported", request.driver))
        });
    }
    require(matches!(request.scope.as_str(), "" | "swarm"), || {
        format!("an overlay network has scope swarm, not {}", request.scope)
    })?;
    if request.labels.contains_key(PREDEFINED_LABEL) {
        return Err(Error::denied(format!("label {PREDEFINED_LABEL} is reserved")));
    }
    require(request.enable_ipv4 != Some(false), || {
        "IPv4 cannot be disabled in a Swarm scoped network".to_owned()
    })?;
    require(!(request.ingress && request.attachable), || {
        "ingress network cannot be attachable".to_owned()
    })?;
    unsupported("EnableIPv6", request.enable_ipv6 == Some(true))?;
    unsupported("ConfigOnly", request.config_only)?;
    unsupported("ConfigFrom", !request.config_from.network.is_empty())?;
    let known = |option: &&String| *option != NetworkSpec::VXLAN_OPTION;
    if let Some(option) = request.options.keys().find(known) {
        unsupported(&format!("Options.{option}"), true)?;
    }
    let spec = NetworkSpec {
        ipam: request.ipam.map(ipam).transpose()?.flatten(),
        name: request.name,
        labels: request.labels,
        internal: request.internal,
        attachable: request.attachable,
        ingress: request.ingress,
        options: request.options,
    };
    if let Some(asked) = spec.options.get(NetworkSpec::VXLAN_OPTION) {
        require(spec.vxlan_id().is_some_and(|id| VXLAN_IDS.contains(&id)), || {
            format!(
                "invalid {} {asked}: one number from {} to {} is needed",
                NetworkSpec::VXLAN_OPTION,
                VXLAN_IDS.start(),
                VXLAN_IDS.end()
            )
        })?;
    }
    Ok(spec)
}

/// The addresses asked for; nothing if the cluster is to choose them.
fn ipam(options: IpamOptions) -> Result<Option<IpamOptions>> {
    unsupported("IPAM.Driver", !matches!(options.driver.as_str(), "" | "default"))?;
    unsupported("IPAM.Options", !options.options.is_empty())?;
    let asked = |config: &IpamConfig| *config != IpamConfig::default();
    match options.config.as_slice() {
        [] => Ok(None),
        [config] if !asked(config) => Ok(None),
        [config] => {
            subnet(config)?;
            Ok(Some(options))
        }
        _ => Err(Error::invalid(
            "invalid network config: several subnets in one network are not supported",
        )),
    }
}

fn subnet(config: &IpamConfig) -> Result<()> {
    let wrong = |what: String| Error::invalid(format!("invalid network config: {what}"));
    let Some(subnet) = config.subnet else {
        return Err(wrong("a range, a gateway or an auxiliary address needs a subnet".to_owned()));
    };
    let IpNet::V4(_) = subnet else {
        return Err(wrong(format!("invalid subnet {subnet}: IPv6 is not supported")));
    };
    let network = subnet.trunc();
    if subnet != network {
        return Err(wrong(format!("invalid subnet {subnet}: it should be {network}")));
    }
    if subnet.prefix_len() > MAX_PREFIX_LEN {
        return Err(wrong(format!(
            "invalid subnet {subnet}: its prefix may be {MAX_PREFIX_LEN} bits long at most"
        )));
    }
    if let Some(range) = config.ip_range {
        if range != range.trunc() {
            return Err(wrong(format!("invalid range {range}: it should be {}", range.trunc())));
        }
        if !subnet.contains(&range) {
            return Err(wrong(format!("subnet {subnet} does not contain range {range}")));
        }
    }
    let usable = |addr: IpAddr| {
        subnet.contains(&addr) && addr != subnet.network() && addr != subnet.broadcast()
    };
    if let Some(gateway) = config.gateway
        && !usable(gateway)
    {
        return Err(wrong(format!("subnet {subnet} does not contain gateway {gateway}")));
    }
    for (name, addr) in &config.auxiliary_addresses {
        if !usable(*addr) {
            let what = format!("subnet {subnet} does not contain auxiliary address {name}={addr}");
            return Err(wrong(what));
        }
        if config.gateway == Some(*addr) {
            return Err(wrong(format!("auxiliary address {name}={addr} is that of the gateway")));
        }
    }
    Ok(())
}
