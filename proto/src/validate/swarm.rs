//! The cluster: making it, joining it, changing its settings.

use ipnet::Ipv4Net;

use super::availability;
use super::http;
use super::require;
use super::service::strategy;
use super::unsupported;
use crate::api::InitRequest;
use crate::api::JoinRequest;
use crate::error::Error;
use crate::error::Result;
use crate::spec::CaConfig;
use crate::spec::DATA_PATH_PORTS;
use crate::spec::DEFAULT_ADDRESS_POOL;
use crate::spec::DEFAULT_DATA_PATH_PORT;
use crate::spec::DEFAULT_SUBNET_SIZE;
use crate::spec::ExternalCa;
use crate::spec::MAX_SUBNET_SIZE;
use crate::spec::SwarmSpec;

/// Checks a request to make a cluster, but for addresses, which only the node itself can judge.
///
/// # Errors
///
/// In the words of moby's `daemon/cluster/swarm.go`.
pub fn init(request: &InitRequest) -> Result<()> {
    listen_addr(&request.listen_addr)?;
    availability(&request.availability)?;
    data_path_port(request.data_path_port)?;
    address_pools(&request.default_addr_pool, subnet_size(request.subnet_size)?)?;
    let ca = &request.spec.ca_config;
    // A new cluster has a new authority in any case; another one can be given to it later.
    unsupported("CAConfig.SigningCACert", !ca.signing_ca_cert.is_empty())?;
    unsupported("CAConfig.SigningCAKey", !ca.signing_ca_key.is_empty())?;
    swarm_spec(&request.spec)
}

/// The UDP port of the tunnels of a cluster that is asked for with this one; 0 stands for the default.
///
/// # Errors
///
/// When it is none that tunnels may use.
pub fn data_path_port(asked: u32) -> Result<u16> {
    let (first, last) = (DATA_PATH_PORTS.start(), DATA_PATH_PORTS.end());
    match u16::try_from(asked) {
        Ok(0) => Ok(DEFAULT_DATA_PATH_PORT),
        Ok(port) if DATA_PATH_PORTS.contains(&port) => Ok(port),
        _ => Err(Error::unknown(format!(
            "Datapath port number is not in valid range ({first}-{last}) : {asked}"
        ))),
    }
}

/// The prefix length of the subnets of a cluster that is asked for with this one; 0 stands for the default.
///
/// # Errors
///
/// When they would have no room for tasks.
pub fn subnet_size(asked: u32) -> Result<u8> {
    match u8::try_from(asked) {
        Ok(0) => Ok(DEFAULT_SUBNET_SIZE),
        Ok(size) if size <= MAX_SUBNET_SIZE => Ok(size),
        _ => Err(Error::unknown(format!("subnet size is out of range: {asked}"))),
    }
}

/// Where a cluster takes subnets of this size from that is asked for with these pools; none stands for the default.
///
/// # Errors
///
/// When one is no network, or smaller than a subnet.
pub fn address_pools(asked: &[String], subnet_size: u8) -> Result<Vec<Ipv4Net>> {
    let pool = |text: &String| {
        let parsed: Ipv4Net = text
            .parse()
            .map_err(|_| Error::unknown(format!("invalid base pool {text}: not a CIDR")))?;
        if parsed.prefix_len() > subnet_size {
            return Err(Error::unknown(format!(
                "invalid CIDR: {text:?}. Subnet size is too small for pool: {subnet_size}"
            )));
        }
        Ok(parsed.trunc())
    };
    if asked.is_empty() {
        return Ok(vec![DEFAULT_ADDRESS_POOL]);
    }
    asked.iter().map(pool).collect()
}

/// Checks a request to join a cluster, but for addresses and the token, which only the node itself can judge.
///
/// # Errors
///
/// In the words of moby's `daemon/cluster/swarm.go`.
pub fn join(request: &JoinRequest) -> Result<()> {
    listen_addr(&request.listen_addr)?;
    require(!request.remote_addrs.is_empty(), || {
        "at least 1 RemoteAddr is required to join".to_owned()
    })?;
    availability(&request.availability).map(|_| ())
}

/// Checks the settings of a cluster.
///
/// # Errors
///
/// In the words of swarmkit's `manager/controlapi/cluster.go`; [`crate::error::ErrorKind::NotImplemented`] for what cannot be had yet.
pub fn swarm_spec(spec: &SwarmSpec) -> Result<()> {
    require(matches!(spec.name.as_str(), "" | "default"), || {
        "swarm spec must be named \"default\"".to_owned()
    })?;
    let expiry = spec.ca_config.node_cert_expiry;
    require(expiry.is_zero() || expiry >= CaConfig::MIN_NODE_CERT_EXPIRY, || {
        "minimum certificate expiry time is: 1h0m0s".to_owned()
    })?;
    require(spec.dispatcher.heartbeat_period.0 >= 0, || {
        "heartbeat time period cannot be a negative duration".to_owned()
    })?;
    strategy(spec.orchestration.placement_strategy.as_deref())?;
    http::ports(spec.http())?;
    spec.http_options.as_ref().map_or(Ok(()), http::options)?;
    spec.acme.as_ref().map_or(Ok(()), http::acme)?;
    spec.ca_config.external_cas.iter().try_for_each(external_ca)
}

fn external_ca(ca: &ExternalCa) -> Result<()> {
    let is_known = ca.protocol.is_empty() || ca.protocol.eq_ignore_ascii_case(ExternalCa::CFSSL);
    require(is_known, || format!("unrecognized external CA protocol: {:?}", ca.protocol))?;
    let rest = ca.url.strip_prefix("https://");
    require(rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')), || {
        format!("invalid external CA URL {:?}: https://HOST/PATH is needed", ca.url)
    })?;
    let option = ca.options.keys().next();
    option.map_or(Ok(()), |name| unsupported(&format!("ExternalCA.Options.{name}"), true))
}

fn listen_addr(addr: &str) -> Result<()> {
    require(!addr.is_empty(), || "invalid ListenAddr \"\": missing port in address".to_owned())
}
