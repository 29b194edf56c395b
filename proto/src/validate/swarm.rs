//! The cluster: making it, joining it, changing its settings.

use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use super::availability;
use super::require;
use super::unsupported;
use crate::api::InitRequest;
use crate::api::JoinRequest;
use crate::error::Error;
use crate::error::Result;
use crate::spec::SwarmSpec;
use crate::time::Nanoseconds;

/// The prefix length of subnets when none is given.
const DEFAULT_SUBNET_SIZE: u32 = 24;

/// The longest prefix of subnets: room for a gateway, a virtual address and a task.
const MAX_SUBNET_SIZE: u32 = 29;

/// The UDP ports that tunnels may use; 0 stands for the default (moby `daemon/cluster/listen_addr.go`).
const DATA_PATH_PORTS: RangeInclusive<u32> = 1024..=49151;

/// The shortest life of a certificate.
const MIN_CERT_EXPIRY: Nanoseconds = Nanoseconds::from_secs(3600);

/// Checks a request to make a cluster, but for addresses, which only the node itself can judge.
///
/// # Errors
///
/// In the words of moby's `daemon/cluster/swarm.go`.
pub fn init(request: &InitRequest) -> Result<()> {
    listen_addr(&request.listen_addr)?;
    availability(&request.availability)?;
    let port = request.data_path_port;
    if port != 0 && !DATA_PATH_PORTS.contains(&port) {
        return Err(Error::unknown(format!(
            "Datapath port number is not in valid range (1024-49151) : {port}"
        )));
    }
    let size = match request.subnet_size {
        0 => DEFAULT_SUBNET_SIZE,
        size if size > MAX_SUBNET_SIZE => {
            return Err(Error::unknown(format!("subnet size is out of range: {size}")));
        }
        size => size,
    };
    for pool in &request.default_addr_pool {
        let parsed: Ipv4Net = pool
            .parse()
            .map_err(|_| Error::unknown(format!("invalid base pool {pool}: not a CIDR")))?;
        if u32::from(parsed.prefix_len()) > size {
            return Err(Error::unknown(format!(
                "invalid CIDR: {pool:?}. Subnet size is too small for pool: {size}"
            )));
        }
    }
    let ca = &request.spec.ca_config;
    // A new cluster has a new authority in any case; another one can be given to it later.
    unsupported("CAConfig.SigningCACert", !ca.signing_ca_cert.is_empty())?;
    unsupported("CAConfig.SigningCAKey", !ca.signing_ca_key.is_empty())?;
    swarm_spec(&request.spec)
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
    require(expiry.is_zero() || expiry >= MIN_CERT_EXPIRY, || {
        "minimum certificate expiry time is: 1h0m0s".to_owned()
    })?;
    require(spec.dispatcher.heartbeat_period.0 >= 0, || {
        "heartbeat time period cannot be a negative duration".to_owned()
    })?;
    unsupported("CAConfig.ExternalCAs", !spec.ca_config.external_cas.is_empty())
}

fn listen_addr(addr: &str) -> Result<()> {
    require(!addr.is_empty(), || "invalid ListenAddr \"\": missing port in address".to_owned())
}
