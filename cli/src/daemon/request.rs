//! What a request to init or join means for this node. Looks up names of remote managers; otherwise pure.

use std::net::IpAddr;
use std::net::SocketAddr;

use swarmlite_manager::ca::ClusterInit;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::spec::MANAGER_PORT;
use swarmlite_proto::validate;

/// The cluster that `request` asks for, on a node that others reach at `advertise_addr`.
pub(super) fn cluster_init(
    request: InitRequest,
    advertise_addr: SocketAddr,
) -> Result<ClusterInit> {
    let subnet_size = validate::subnet_size(request.subnet_size)?;
    let mut spec = request.spec;
    // Asked for in either place.
    spec.encryption_config.auto_lock_managers |= request.auto_lock_managers;
    Ok(ClusterInit {
        default_addr_pool: validate::address_pools(&request.default_addr_pool, subnet_size)?,
        spec,
        advertise_addr,
        availability: validate::availability(&request.availability)?,
        subnet_size,
        data_path_port: validate::data_path_port(request.data_path_port)?,
    })
}

/// The manager to join. Only the first is asked, as in Docker.
pub(super) async fn remote(addrs: &[String]) -> Result<SocketAddr> {
    let Some(text) = addrs.first() else {
        return Err(Error::invalid("at least 1 RemoteAddr is required to join"));
    };
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, MANAGER_PORT));
    }
    let host = if text.contains(':') { text.clone() } else { format!("{text}:{MANAGER_PORT}") };
    let found = tokio::net::lookup_host(&host).await;
    found
        .ok()
        .and_then(|mut addrs| addrs.next())
        .ok_or_else(|| Error::invalid(format!("cannot find the address of {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_remote_manager_is_an_address_with_or_without_a_port() {
        for (text, expected) in [
            ("192.0.2.1:99", "192.0.2.1:99"),
            ("192.0.2.1", "192.0.2.1:2377"),
            ("[2001:db8::1]:99", "[2001:db8::1]:99"),
            ("2001:db8::1", "[2001:db8::1]:2377"),
        ] {
            let found = remote(&[text.to_owned()]).await.expect(text);
            assert_eq!(found, expected.parse().expect("an address"), "{text}");
        }
        let none = remote(&[]).await.expect_err("nowhere to go");
        assert_eq!(none.message, "at least 1 RemoteAddr is required to join");
    }
}
